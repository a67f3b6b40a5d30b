"""What becomes of a version once it is relied on."""

from __future__ import annotations

from typing import Any

from flask_openapi3.models.file import FileStorage
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from engine.monitoring import drift
from engine.monitoring.drift import Drift
from web import access
from web.access import needs
from web.api.blueprint import answers, api, plain, tag
from web.api.versions import Text, VersionPath
from web.drift import of_upload

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


class TableForm(BaseModel):
    """A table whose rows are to be compared."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    file: FileStorage = Field(description="Parquet, or CSV in UTF-8 with a header line; nothing of it is kept.")
    output: Text = Field(default="", max_length=200, description="The column that holds what the model answered.")


@api.post("/models/<model>/versions/<int:number>/drift", tags=_TAGS, responses=answers(Drift))
@needs("model.view")
def measure_drift(path: VersionPath, form: TableForm) -> dict[str, Any]:
    """Each column of an uploaded table against the version's reference, the largest effect first."""
    found: dict[str, Any] = plain(of_upload(path.ref, form.file, form.output))
    return found
