"""What people have to know of."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from engine.monitoring import alerts
from engine.monitoring.alerts import queries
from engine.monitoring.alerts.queries import Alert, Silence
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, page, page_of, plain, tag

_TAGS = tag("Alerts", "What people have to know of, once for each cause.")


class AlertPath(BaseModel):
    """One alert."""

    alert: UUID


class SilencePath(BaseModel):
    """One silence."""

    silence: UUID


class WantedAlerts(Listed):
    """Which alerts are asked for."""

    state: Literal["", "open", "acknowledged", "closed"] = ""
    model: str = Field(default="", max_length=100)


class Acknowledgement(BaseModel):
    """Who has it in hand says what is being done."""

    note: str = Field(default="", max_length=2000)


class NewSilence(BaseModel):
    """What nobody is told of until a date; a model, a cause, or a cause for one model."""

    model: str | None = Field(default=None, max_length=100)
    cause: str | None = Field(default=None, max_length=300)
    until: AwareDatetime = Field(description="Within a year.")
    reason: str = Field(min_length=1, max_length=2000)


@api.get("/alerts", tags=_TAGS, responses=page_of(Alert))
@needs("alert.view")
def list_alerts(query: WantedAlerts) -> dict[str, Any]:
    """The alerts, those that wait for somebody first, the worst on top."""
    found = queries.alerts(access.session(), **query.model_dump())
    return page(found.rows, found.total)


@api.get("/alerts/<uuid:alert>", tags=_TAGS, responses=answers(Alert))
@needs("alert.view")
def show_alert(path: AlertPath) -> dict[str, Any]:
    """One alert with its findings, and who was told."""
    return _alert(path.alert)


@api.post("/alerts/<uuid:alert>/acknowledge", tags=_TAGS, responses=answers(Alert))
@needs("alert.handle")
def acknowledge_alert(path: AlertPath, body: Acknowledgement) -> dict[str, Any]:
    """Take an alert in hand: it is told again only where it becomes worse."""
    alerts.acknowledge(access.session(), access.current_person(), path.alert, body.note)
    access.session().flush()
    return _alert(path.alert)


@api.get("/silences", tags=_TAGS, responses=page_of(Silence))
@needs("alert.view")
def list_silences() -> dict[str, Any]:
    """The silences that hold now."""
    found = queries.silences(access.session())
    return page(found, len(found))


@api.post("/silences", tags=_TAGS, responses=answers(Silence, 201))
@needs("alert.handle")
def add_silence(body: NewSilence) -> tuple[dict[str, Any], int]:
    """Tell nobody of a model or a cause until a date; what is found is still shown."""
    id = alerts.silence(access.session(), access.current_person(), **body.model_dump())
    access.session().flush()
    made: dict[str, Any] = plain(next(each for each in queries.silences(access.session()) if each.id == id))
    return made, 201


@api.post("/silences/<uuid:silence>/end", tags=_TAGS, responses=answers(None, 204))
@needs("alert.handle")
def end_silence(path: SilencePath) -> tuple[str, int]:
    """Let it be told again from now on."""
    alerts.end_silence(access.session(), access.current_person(), path.silence)
    return "", 204


def _alert(id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = plain(queries.alert(access.session(), id))
    return found
