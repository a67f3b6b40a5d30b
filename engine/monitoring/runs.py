"""Runs: one window of a monitor, measured, judged and kept; or missed, and kept as missed.

plan      which version and which window
measure   every measure reads; what cannot tell says why
judge     pure (`verdicts`), by the bounds in force
record    the run, the monitor's state, its findings; once for each moment at which a run was due
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import audit, events
from engine.errors import GatewrightError
from engine.inferences import counts
from engine.inventory.references import VersionRef, stream
from engine.monitoring import findings, monitors, verdicts
from engine.monitoring.findings import Seen
from engine.monitoring.measures import DIMENSIONS, Measure, Scope
from engine.monitoring.monitors import Monitor, MonitorStopped
from engine.monitoring.tables import RunRow
from engine.monitoring.thresholds import InForce
from engine.monitoring.verdicts import Taken, Verdict
from engine.serving import queries as serving
from engine.store import now

#: a run that comes later than this was missed, and is caught up
ON_TIME = timedelta(minutes=5)


class RunUnknown(GatewrightError):
    """The monitor {monitor} has no run that was due at {due}."""

    code = "run-unknown"
    hint = "See the monitor's page, which lists its runs."
    status = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run looks at."""

    monitor: Monitor
    due: datetime
    version: VersionRef | None
    since: datetime
    until: datetime
    nothing: str = ""  #: why there is nothing to look at


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it is kept."""

    monitor: UUID
    due_at: datetime
    state: str  #: measured or missed
    version: int | None
    since: datetime | None
    until: datetime | None
    recorded_at: datetime
    instance: str
    verdict: str
    statistical: str
    technical: str
    business: str
    rows: int
    readings: tuple[Mapping[str, Any], ...]  #: as judged: see `Judged.as_json`
    silent: Mapping[str, str]  #: measure -> why it gave nothing that could be judged
    detail: str

    @property
    def caught_up(self) -> bool:
        """Whether it was measured later than it was due."""
        return self.state == "measured" and self.recorded_at - self.due_at > ON_TIME


def plan(session: Session, monitor: UUID, due: datetime) -> Plan:
    """What the run that is due then looks at; raises MonitorUnknown, MonitorStopped."""
    found = monitors.get(session, monitor)
    if not found.running:
        raise MonitorStopped(name=found.name, model=found.model, environment=found.environment)
    live = serving.live(session, found.model, found.environment)
    if live is None:
        return _nothing(found, due, None, f"nothing of {found.model} answers in {found.environment}")
    version = VersionRef(found.model, live.version)
    if found.ends == "due":
        since, until = monitors.window(found, due)
        return Plan(monitor=found, due=due, version=version, since=since, until=until)
    newest = counts.newest(session, version, found.environment)
    if newest is None:
        return _nothing(found, due, version, f"no inference of {version} was counted yet")
    since, until = monitors.window(found, min(newest + timedelta(hours=1), due + timedelta(hours=1)))
    before = session.scalar(
        select(RunRow.until)
        .where(RunRow.monitor == monitor, RunRow.version == version.number, RunRow.due_at < due)
        .where(RunRow.state == "measured", RunRow.rows > 0)
        .order_by(RunRow.due_at.desc())
        .limit(1)
    )
    if before is not None and before >= until:
        return _nothing(found, due, version, f"no inference is newer than {before:%Y-%m-%d %H:%M} UTC")
    return Plan(monitor=found, due=due, version=version, since=since, until=until)


def measure(session: Session, planned: Plan) -> list[Taken]:
    """What each measure of the monitor reads in the window; one that cannot tell says why, and the others go on."""
    if planned.nothing or planned.version is None:
        return []
    scope = Scope(
        version=planned.version,
        environment=planned.monitor.environment,
        since=planned.since,
        until=planned.until,
        floor=planned.monitor.floor,
    )
    return [_taken(session, each, scope) for each in planned.monitor.chosen()]


def judge(planned: Plan, taken: Sequence[Taken], in_force: InForce) -> Verdict:
    """What the readings say; pure."""
    if planned.nothing:
        return Verdict(
            state="no data",
            dimensions=dict.fromkeys(DIMENSIONS, "no data"),
            readings=(),
            silent={"window": planned.nothing},
        )
    return verdicts.judge(taken, in_force.of, floor=planned.monitor.floor)


def record(
    session: Session, planned: Plan, taken: Sequence[Taken], verdict: Verdict, *, actor: str, instance: str = ""
) -> Seen:
    """Keep the run, and open, see and close findings by it; once for each due time: a second call changes nothing.

    A run whose window is older than that of one that was measured before is kept, and judges the present no more.
    Raises MonitorUnknown.
    """
    row = monitors.locked(session, planned.monitor.id)
    states = {f"{name}": verdict.dimensions[name] for name in DIMENSIONS}
    version = planned.version.number if planned.version else None
    values = {
        "monitor": row.id,
        "due_at": planned.due,
        "state": "measured",
        "version": version,
        "since": planned.since,
        "until": planned.until,
        "recorded_at": now(session),
        "instance": instance,
        "verdict": verdict.state,
        **states,
        "rows": verdict.rows,
        "readings": [each.as_json() for each in verdict.readings],
        "silent": dict(verdict.silent),
        "p": [each.p for each in verdict.readings if each.p == each.p],
        "detail": planned.nothing,
    }
    statement = insert(RunRow).values(values)
    taken_now = session.execute(
        statement.on_conflict_do_update(
            constraint="pk_runs",
            set_={name: statement.excluded[name] for name in values if name not in ("monitor", "due_at")},
            where=RunRow.state == "missed",
        ).returning(RunRow.due_at)
    ).first()
    if taken_now is None:
        return Seen()
    audit.record(
        session,
        stream(row.model),
        "monitor.measured",
        actor=actor,
        subject=row.model,
        monitor=str(row.id),
        due=planned.due.isoformat(),
        version=version,
        verdict=verdict.state,
        **states,
        rows=verdict.rows,
    )
    if row.state != "running" or (row.last_due_at is not None and planned.due < row.last_due_at):
        return Seen()
    row.last_due_at, row.verdict = planned.due, verdict.state
    for name, state in states.items():
        setattr(row, name, state)
    spoke = [each.measure for each in taken if not each.failure and each.measure not in verdict.silent]
    return findings.follow(session, row, verdict, version=version, spoke=spoke)


def missed(session: Session, monitor: UUID, due: datetime, *, why: str, then: datetime | None) -> bool:
    """Note that a run did not come, and when the next one is due; the silence is a finding. False where it came."""
    row = monitors.locked(session, monitor)
    row.next_due_at = then
    states = dict.fromkeys(("verdict", *DIMENSIONS), "no data")
    noted = session.execute(
        insert(RunRow)
        .values(
            monitor=monitor,
            due_at=due,
            state="missed",
            recorded_at=now(session),
            instance="",
            rows=0,
            readings=[],
            silent={},
            p=[],
            detail=why,
            **states,
        )
        .on_conflict_do_nothing()
        .returning(RunRow.due_at)
    ).first()
    if noted is None:
        return False
    audit.record(
        session,
        stream(row.model),
        "monitor.missed",
        actor="clock",
        subject=row.model,
        monitor=str(row.id),
        due=due.isoformat(),
        why=why,
    )
    events.emit(session, "monitor.missed", row.model, monitor=str(row.id), due=due.isoformat(), why=why)
    if row.last_due_at is None or due > row.last_due_at:
        for name, state in states.items():
            setattr(row, name, state)
        findings.silent(session, row, f"the run due at {due:%Y-%m-%d %H:%M} UTC was missed: {why}")
    session.flush()
    return True


def as_run(row: RunRow) -> Run:
    """The value of a row."""
    return Run(
        monitor=row.monitor,
        due_at=row.due_at,
        state=row.state,
        version=row.version,
        since=row.since,
        until=row.until,
        recorded_at=row.recorded_at,
        instance=row.instance,
        verdict=row.verdict,
        statistical=row.statistical,
        technical=row.technical,
        business=row.business,
        rows=row.rows,
        readings=tuple(row.readings),
        silent=row.silent,
        detail=row.detail,
    )


def _nothing(monitor: Monitor, due: datetime, version: VersionRef | None, why: str) -> Plan:
    since, until = monitors.window(monitor, due)
    return Plan(monitor=monitor, due=due, version=version, since=since, until=until, nothing=why)


def _taken(session: Session, each: Measure, scope: Scope) -> Taken:
    try:
        # Of its own: what one measure cannot do must not undo what the others read.
        with session.begin_nested():
            readings = tuple(each.function(session, scope))
    except GatewrightError as reason:
        return Taken(measure=each.name, dimension=each.dimension, failure=reason.message)
    return Taken(measure=each.name, dimension=each.dimension, readings=readings)
