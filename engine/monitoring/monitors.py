"""Monitors: who looks at a model in an environment, at what, over which window, how often.

A monitor is never deleted: what it saw stays readable after it was stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import audit, events
from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inventory import queries, spans
from engine.inventory.metadata import Monitoring
from engine.inventory.references import stream
from engine.monitoring import findings, measures
from engine.monitoring.measures import Measure
from engine.monitoring.tables import MonitorRow
from engine.store import new_id, now

#: the name of the monitor that a deployment starts
STANDARD = "standard"


class MonitorUnknown(GatewrightError):
    """There is no monitor {monitor}."""

    code = "monitor-unknown"
    hint = "`gatewright monitor list` and the page Monitors name them."
    status = 404


class MonitorStopped(GatewrightError):
    """The monitor {name} of {model} in {environment} is stopped."""

    code = "monitor-stopped"
    hint = "Deploy the model anew: a monitor runs as long as there is something to look at."
    status = 409


class MonitorRefused(GatewrightError):
    """The {field} of the monitor is refused: {reason}."""

    code = "monitor-refused"
    hint = "Correct the field; docs/monitoring.md tells what each one holds."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """A monitor, with what it saw last."""

    id: UUID
    model: str
    environment: str
    name: str
    measures: tuple[str, ...]  #: empty: every measure that there is
    window: str
    ends: str  #: due or newest: where the window ends
    timing: str
    timezone: str
    missed: str
    floor: int
    batch_rows: int  #: so many new rows are judged at once, between the runs; 0: not by rows
    batch_seconds: int  #: so many seconds after the last look new rows are judged, however few; 0: not by time
    state: str  #: running or stopped
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    stopped_by: str | None
    reason: str
    next_due_at: datetime | None
    last_due_at: datetime | None
    verdict: str  #: of the last run that was measured, as the three below
    statistical: str
    technical: str
    business: str

    @property
    def running(self) -> bool:
        """Whether it still looks."""
        return self.state == "running"

    @property
    def schedule(self) -> str:
        """The name of the schedule that starts its runs."""
        return f"monitor {self.model} {self.environment} {self.name}"

    def chosen(self) -> list[Measure]:
        """The measures that it takes; raises MeasureUnknown for one that is gone."""
        return [measures.get(name) for name in self.measures] or list(measures.all_measures().values())


def start(
    session: Session,
    actor: str,
    model: str,
    environment: str,
    *,
    timezone: str,
    name: str = STANDARD,
    wanted: Monitoring | None = None,
) -> Monitor:
    """The monitor of this name, running as the model declares it; one that runs already goes on as it is.

    timezone: where neither the model nor `wanted` names one. Raises ModelUnknown, MonitorRefused.
    """
    declared = wanted or queries.model(session, model).metadata.monitoring
    row = session.scalars(
        select(MonitorRow)
        .where(MonitorRow.model == model, MonitorRow.environment == environment, MonitorRow.name == name)
        .with_for_update()
    ).one_or_none()
    if row is not None and row.state == "running":
        return value(row)
    _check(declared)
    given = _columns(declared, timezone)
    at = now(session)
    if row is None:
        row = MonitorRow(id=new_id(), model=model, environment=environment, name=name, **_fresh(at, actor), **given)
        session.add(row)
    else:
        for column, content in {**_fresh(at, actor), **given}.items():
            setattr(row, column, content)
    session.flush()
    _record(session, row, "monitor.started", actor, **given)
    events.emit(session, "monitor.started", model, monitor=str(row.id), environment=environment)
    return value(row)


def stop(session: Session, actor: str, model: str, *, reason: str, environment: str | None = None) -> list[Monitor]:
    """Stop the model's monitors and close what they found; their history stays. Returns those that ran."""
    wanted = select(MonitorRow).where(MonitorRow.model == model, MonitorRow.state == "running")
    if environment is not None:
        wanted = wanted.where(MonitorRow.environment == environment)
    stopped = []
    for row in session.scalars(wanted.order_by(MonitorRow.id).with_for_update()):
        row.state, row.stopped_at, row.stopped_by, row.reason = "stopped", now(session), actor, reason
        row.next_due_at = None
        findings.close_all(session, row.id, because="the monitor was stopped")
        _record(session, row, "monitor.stopped", actor, reason=reason)
        events.emit(session, "monitor.stopped", model, monitor=str(row.id), environment=row.environment)
        stopped.append(row)
    session.flush()
    return [value(row) for row in stopped]


def edit(session: Session, by: Person, id: UUID, changes: Mapping[str, Any]) -> Monitor:
    """The monitor with another timing, window or choice of measures.

    Raises NotPermitted, MonitorUnknown, MonitorStopped, MonitorRefused, MeasureUnknown.
    """
    require(by, "monitor.edit")
    row = locked(session, id)
    if row.state != "running":
        raise MonitorStopped(name=row.name, model=row.model, environment=row.environment)
    before = {name: getattr(row, name) for name in Monitoring.model_fields}
    try:
        declared = Monitoring.model_validate({**before, **changes})
    except ValidationError as error:
        first = error.errors()[0]
        raise MonitorRefused(
            field=".".join(map(str, first["loc"])) or "whole", reason=first["msg"].removeprefix("Value error, ")
        ) from error
    _check(declared)
    after = _columns(declared, row.timezone)
    changed = {name: {"from": before[name], "to": found} for name, found in after.items() if found != before[name]}
    for name in changed:
        setattr(row, name, after[name])
    if changed:
        _record(session, row, "monitor.edited", by.id, changes=changed)
        session.flush()
    return value(row)


def expect(session: Session, id: UUID, due: datetime | None) -> None:
    """Note when the next run is due: one that does not come by then is missed."""
    locked(session, id).next_due_at = due
    session.flush()


def get(session: Session, id: UUID) -> Monitor:
    """The monitor; raises MonitorUnknown."""
    row = session.get(MonitorRow, id)
    if row is None:
        raise MonitorUnknown(monitor=id)
    return value(row)


def named(session: Session, model: str, environment: str, name: str) -> Monitor:
    """The monitor of this name; raises MonitorUnknown."""
    row = session.scalars(
        select(MonitorRow).where(
            MonitorRow.model == model, MonitorRow.environment == environment, MonitorRow.name == name
        )
    ).one_or_none()
    if row is None:
        raise MonitorUnknown(monitor=f"{name} of {model} in {environment}")
    return value(row)


def overdue(session: Session, grace: timedelta, *, limit: int = 200) -> list[Monitor]:
    """The running monitors whose run was due longer ago than the grace, the longest first; nothing is locked."""
    rows = session.scalars(
        select(MonitorRow)
        .where(MonitorRow.state == "running", MonitorRow.next_due_at < now(session) - grace)
        .order_by(MonitorRow.next_due_at)
        .limit(limit)
    )
    return [value(row) for row in rows]


def locked(session: Session, id: UUID) -> MonitorRow:
    """The monitor's row, locked; raises MonitorUnknown. For this room alone."""
    row = session.get(MonitorRow, id, with_for_update=True, populate_existing=True)
    if row is None:
        raise MonitorUnknown(monitor=id)
    return row


def value(row: MonitorRow) -> Monitor:
    """The value of a row."""
    return Monitor(
        id=row.id,
        model=row.model,
        environment=row.environment,
        name=row.name,
        measures=tuple(row.measures),
        window=row.window,
        ends=row.ends,
        timing=row.timing,
        timezone=row.timezone,
        missed=row.missed,
        floor=row.floor,
        batch_rows=row.batch_rows,
        batch_seconds=row.batch_seconds,
        state=row.state,
        started_at=row.started_at,
        started_by=row.started_by,
        stopped_at=row.stopped_at,
        stopped_by=row.stopped_by,
        reason=row.reason,
        next_due_at=row.next_due_at,
        last_due_at=row.last_due_at,
        verdict=row.verdict,
        statistical=row.statistical,
        technical=row.technical,
        business=row.business,
    )


def window(monitor: Monitor, end: datetime) -> tuple[datetime, datetime]:
    """The window that ends at or before a moment: whole hours of UTC, as things are counted."""
    until = end.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return until - spans.length(monitor.window), until


def _check(declared: Monitoring) -> None:
    for name in declared.measures:
        measures.get(name)


def _columns(declared: Monitoring, timezone: str) -> dict[str, Any]:
    given = declared.model_dump(mode="json")
    return {**given, "timezone": declared.timezone or timezone}


def _fresh(at: datetime, actor: str) -> dict[str, Any]:
    """What a monitor is that has just been started, for the first time or again."""
    states = dict.fromkeys(("verdict", "statistical", "technical", "business"), "no data")
    began = {"state": "running", "started_at": at, "started_by": actor, "stopped_at": None, "stopped_by": None}
    return {**states, **began, "reason": "", "next_due_at": None, "last_due_at": None}


def _record(session: Session, row: MonitorRow, act: str, actor: str, **facts: Any) -> None:
    audit.record(
        session,
        stream(row.model),
        act,
        actor=actor,
        subject=row.model,
        monitor=str(row.id),
        name=row.name,
        environment=row.environment,
        **facts,
    )
