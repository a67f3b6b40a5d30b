"""What becomes of a version once it is relied on."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from engine.monitoring import drift
from engine.monitoring.drift import Drift
from web import access
from web.access import needs
from web.api.blueprint import answers, api, plain, tag
from web.api.versions import VersionPath

_TAGS = tag("Monitoring", "What becomes of a version once it is relied on.")


class WantedWindow(BaseModel):
    """Which span of event time is asked for; widened to whole hours."""

    since: AwareDatetime | None = Field(default=None, description="From this moment on.")
    until: AwareDatetime | None = Field(default=None, description="Before this moment.")
    environment: str | None = Field(default=None, max_length=100)


@api.get("/models/<model>/versions/<int:number>/drift", tags=_TAGS, responses=answers(Drift))
@needs("model.view")
def show_drift(path: VersionPath, query: WantedWindow) -> dict[str, Any]:
    """Each column of a window against the version's reference, the largest effect first."""
    found: dict[str, Any] = plain(
        drift.of_window(access.session(), path.ref, environment=query.environment, since=query.since, until=query.until)
    )
    return found
