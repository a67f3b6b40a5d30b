"""Monitors, what they found, and the bounds that people approved."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from engine.handlers import monitoring
from engine.inventory import queries as inventory
from engine.monitoring import monitors, queries, thresholds
from engine.monitoring.findings import Finding
from engine.monitoring.monitors import Monitor
from engine.monitoring.queries import CauseGroup, Health, Point, Watched
from engine.monitoring.runs import Run
from engine.monitoring.thresholds import Threshold
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, house, page, page_of, plain, tag
from web.api.models import ModelPath
from web.api.schemas import Int

_TAGS = tag("Monitors", "What looks at models in production, and what it found.")


class MonitorPath(BaseModel):
    """One monitor."""

    monitor: UUID


class FindingPath(BaseModel):
    """One finding."""

    finding: UUID


class ProposalPath(BaseModel):
    """One proposal of bounds."""

    proposal: UUID


class WantedMonitors(Listed):
    """Which monitors are asked for."""

    model: str | None = Field(default=None, max_length=100)
    environment: str | None = Field(default=None, max_length=100)
    state: Literal["running", "stopped"] | None = None
    verdict: Literal["breach", "warn", "no data", "healthy"] | None = None


class WantedFindings(Listed):
    """Which findings are asked for."""

    model: str | None = Field(default=None, max_length=100)
    state: Literal["breach", "warn", "no data"] | None = None
    dimension: Literal["statistical", "technical", "business"] | None = None
    cause: str | None = Field(default=None, max_length=300)
    is_open: bool | None = None


class WantedSeries(BaseModel):
    """Which metric is asked for, over how many runs."""

    metric: str = Field(max_length=100)
    subject: str = Field(default="", max_length=200)
    limit: int = Field(default=100, ge=1, le=1000)


class MonitorChange(BaseModel):
    """What shall be otherwise; what is left out stays."""

    timing: str | None = Field(default=None, max_length=200, description="Cron, or an ISO 8601 repeating interval.")
    timezone: str | None = Field(default=None, max_length=100)
    window: str | None = Field(default=None, max_length=50, description="Weeks, days, hours: P7D, PT1H.")
    ends: Literal["due", "newest"] | None = None
    missed: Literal["run_all", "run_once", "skip"] | None = None
    measures: list[str] | None = Field(default=None, max_length=50)
    floor: Int | None = Field(default=None, ge=20, le=10**9)
    batch_rows: Int | None = Field(default=None, ge=0, le=10**9, description="Between runs: judge after so many rows.")
    batch_seconds: Int | None = Field(default=None, ge=0, le=3600, description="The same after so many seconds.")


class NewBounds(BaseModel):
    """Bounds that somebody else is to approve."""

    metric: str = Field(max_length=100)
    subject: str = Field(default="", max_length=200, description="A column, group or rule; empty: all of them.")
    warn: float
    breach: float
    reason: str = Field(min_length=1, max_length=2000)


class WordOnIt(BaseModel):
    """What whoever decides says."""

    comment: str = Field(default="", max_length=2000)


class Started(BaseModel):
    """The instance that does it."""

    instance: UUID


@api.get("/monitors", tags=_TAGS, responses=page_of(Watched))
@needs("monitor.view")
def list_monitors(query: WantedMonitors) -> dict[str, Any]:
    """The monitors: running before stopped, then the worst first."""
    found = queries.monitors(access.session(), **query.model_dump())
    return page(found.items, found.total)


@api.get("/monitors/<uuid:monitor>", tags=_TAGS, responses=answers(Monitor))
@needs("monitor.view")
def show_monitor(path: MonitorPath) -> dict[str, Any]:
    """One monitor, with what it saw last."""
    found: dict[str, Any] = plain(monitors.get(access.session(), path.monitor))
    return found


@api.patch("/monitors/<uuid:monitor>", tags=_TAGS, responses=answers(Monitor))
@needs("monitor.edit")
def edit_monitor(path: MonitorPath, body: MonitorChange) -> dict[str, Any]:
    """Give it another timing, window or choice of measures; its schedule follows."""
    changes = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    changed = monitoring.edit(access.session(), access.current_person(), path.monitor, changes)
    found: dict[str, Any] = plain(changed)
    return found


@api.post("/monitors/<uuid:monitor>/run", tags=_TAGS, responses=answers(Started, 201))
@needs("instance.start")
def run_monitor_now(path: MonitorPath) -> tuple[dict[str, Any], int]:
    """Start a run out of turn, of the window that ends now."""
    person = access.current_person()
    return {"instance": str(monitoring.run_now(house(), person, path.monitor))}, 201


@api.get("/monitors/<uuid:monitor>/runs", tags=_TAGS, responses=page_of(Run))
@needs("monitor.view")
def list_runs(path: MonitorPath, query: Listed) -> dict[str, Any]:
    """Its runs, measured and missed, the newest first, each with its readings as they were judged."""
    monitors.get(access.session(), path.monitor)
    found = queries.runs(access.session(), path.monitor, limit=query.limit, offset=query.offset)
    return page(found.items, found.total)


@api.get("/monitors/<uuid:monitor>/series", tags=_TAGS, responses=page_of(Point))
@needs("monitor.view")
def show_series(path: MonitorPath, query: WantedSeries) -> dict[str, Any]:
    """One metric over its runs, the oldest first, with interval and bounds."""
    monitors.get(access.session(), path.monitor)
    found = queries.series(access.session(), path.monitor, query.metric, subject=query.subject, limit=query.limit)
    return page(found, len(found))


@api.get("/models/<model>/health", tags=_TAGS, responses=page_of(Health))
@needs("monitor.view")
def show_model_health(path: ModelPath) -> dict[str, Any]:
    """How a model does: its three states by monitor, with the readings behind them and what was found."""
    inventory.model(access.session(), path.model)
    found = queries.health(access.session(), path.model)
    return page(found, len(found))


@api.get("/findings", tags=_TAGS, responses=page_of(Finding))
@needs("monitor.view")
def list_findings(query: WantedFindings) -> dict[str, Any]:
    """What is, or was, beyond a bound or silent: what lasts first, the worst on top."""
    found = queries.findings(access.session(), **query.model_dump())
    return page(found.items, found.total)


@api.get("/findings/<uuid:finding>", tags=_TAGS, responses=answers(Finding))
@needs("monitor.view")
def show_finding(path: FindingPath) -> dict[str, Any]:
    """One finding."""
    found: dict[str, Any] = plain(queries.finding(access.session(), path.finding))
    return found


@api.get("/findings/causes", tags=_TAGS, responses=page_of(CauseGroup))
@needs("monitor.view")
def list_causes() -> dict[str, Any]:
    """What lasts over all models, by cause; what may be chance among so many tests is counted."""
    found = queries.causes(access.session())
    return page(found, len(found))


@api.get("/models/<model>/thresholds", tags=_TAGS, responses=page_of(Threshold))
@needs("monitor.view")
def list_thresholds(path: ModelPath) -> dict[str, Any]:
    """Every proposal for the model's bounds, the newest first."""
    inventory.model(access.session(), path.model)
    found = thresholds.history(access.session(), path.model)
    return page(found, len(found))


@api.post("/models/<model>/thresholds", tags=_TAGS, responses=answers(Threshold, 201))
@needs("threshold.propose")
def propose_threshold(path: ModelPath, body: NewBounds) -> tuple[dict[str, Any], int]:
    """Propose bounds of a metric; another person approves them."""
    made: dict[str, Any] = plain(
        thresholds.propose(access.session(), access.current_person(), path.model, **body.model_dump())
    )
    return made, 201


@api.post("/thresholds/<uuid:proposal>/approve", tags=_TAGS, responses=answers(Threshold))
@needs("threshold.approve")
def approve_threshold(path: ProposalPath, body: WordOnIt) -> dict[str, Any]:
    """Put proposed bounds in force, from the next run on; never one's own."""
    found: dict[str, Any] = plain(
        thresholds.approve(access.session(), access.current_person(), path.proposal, comment=body.comment)
    )
    return found


@api.post("/thresholds/<uuid:proposal>/reject", tags=_TAGS, responses=answers(Threshold))
@needs("threshold.approve")
def reject_threshold(path: ProposalPath, body: WordOnIt) -> dict[str, Any]:
    """Turn proposed bounds down."""
    found: dict[str, Any] = plain(
        thresholds.reject(access.session(), access.current_person(), path.proposal, comment=body.comment)
    )
    return found
