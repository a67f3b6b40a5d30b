"""How models come into service."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from engine.governance import delivery
from engine.governance.delivery import Report
from web import access
from web.access import needs
from web.api.blueprint import answers, api, plain, tag

_TAGS = tag("Delivery", "How models come into service.")


class WantedSpan(BaseModel):
    """Which span is asked for; the one before it is as long."""

    days: int = Field(default=90, ge=1, le=3660, description="How many days back.")


@api.get("/delivery", tags=_TAGS, responses=answers(Report))
@needs("model.view")
def show_delivery(query: WantedSpan) -> dict[str, Any]:
    """Share deployed, days a stage, what is stuck, lead time and rework by life cycle and team, idle models."""
    found: dict[str, Any] = plain(delivery.report(access.session(), days=query.days))
    return found
