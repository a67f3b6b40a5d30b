"""Models in production, the worst first."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from engine.governance import operations
from engine.governance.operations import Line
from web import access
from web.access import needs
from web.api.blueprint import api, page, page_of, tag

_TAGS = tag("Operations", "Models in production, the worst first.")


class WantedStates(BaseModel):
    """Which models are asked for."""

    state: Literal["", "breach", "warn", "not monitored", "no data", "healthy"] = ""


@api.get("/operations", tags=_TAGS, responses=page_of(Line))
@needs("model.view")
def list_operations(query: WantedStates) -> dict[str, Any]:
    """Every model that answers somewhere: its three states, what was found, whether it is asked."""
    found = operations.lines(access.session(), state=query.state)
    return page(found, len(found))
