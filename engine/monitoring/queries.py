"""What monitors saw: read here, never locked, in a fixed number of statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from engine.inventory.values import Page
from engine.monitoring import verdicts
from engine.monitoring.findings import Finding, FindingUnknown, as_finding
from engine.monitoring.measures import DIMENSIONS, all_measures
from engine.monitoring.monitors import Monitor, value
from engine.monitoring.runs import Run, RunUnknown, as_run
from engine.monitoring.tables import FindingRow, MonitorRow, RunRow

#: worst first: what is not seen at all comes before what is seen to be healthy
ATTENTION = ("breach", "warn", "no data", "healthy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A line of the list of monitors."""

    monitor: Monitor
    open_findings: int
    lead: str  #: the cause of the worst of them, or empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One of the three states of a monitor, with the readings behind it, the worst first."""

    name: str
    state: str
    readings: tuple[Mapping[str, Any], ...]  #: as judged: see `verdicts.Judged.as_json`
    silent: Mapping[str, str]  #: measure -> why it gave nothing that could be judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a model does by one monitor: its last measured run, by dimension."""

    monitor: Monitor
    run: Run | None  #: None before its first
    dimensions: tuple[Dimension, ...]
    findings: tuple[Finding, ...]  #: that last, the worst first


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One metric in one run."""

    due_at: datetime
    since: datetime | None
    until: datetime | None
    version: int | None
    value: float | None  #: None: no data
    low: float | None
    high: float | None
    warn: float | None
    breach: float | None
    rows: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseGroup:
    """Findings of several monitors that have one cause."""

    cause: str
    dimension: str
    state: str  #: of the worst
    models: tuple[str, ...]
    findings: int
    by_chance: int  #: of these, how many no longer hold when the tests of all models count as one family
    first_seen: datetime
    last_seen: datetime
    excess: float | None  #: the largest


def _attention(state: Any) -> Any:
    return case({name: at for at, name in enumerate(ATTENTION)}, value=state)


def monitors(
    session: Session,
    *,
    model: str | None = None,
    environment: str | None = None,
    state: str | None = None,
    verdict: str | None = None,
    search: str = "",
    limit: int = 50,
    offset: int = 0,
) -> Page[Watched]:
    """The monitors that match: running before stopped, then worst first."""
    conditions: list[ColumnElement[bool]] = [
        column == given
        for column, given in (
            (MonitorRow.model, model),
            (MonitorRow.environment, environment),
            (MonitorRow.state, state),
            (MonitorRow.verdict, verdict),
        )
        if given is not None
    ]
    if search:
        columns = (MonitorRow.model, MonitorRow.environment, MonitorRow.name)
        conditions.append(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    lasting = (FindingRow.monitor == MonitorRow.id, FindingRow.closed_at.is_(None))
    count = select(func.count()).where(*lasting).correlate(MonitorRow).scalar_subquery()
    lead = (
        select(FindingRow.cause)
        .where(*lasting)
        .order_by(_attention(FindingRow.state), FindingRow.excess.desc().nulls_last(), FindingRow.id)
        .limit(1)
        .correlate(MonitorRow)
        .scalar_subquery()
    )
    found = session.execute(
        select(MonitorRow, count, lead)
        .where(*conditions)
        .order_by(MonitorRow.state, _attention(MonitorRow.verdict), MonitorRow.model, MonitorRow.environment)
        .order_by(MonitorRow.name)
        .limit(limit)
        .offset(offset)
    )
    items = tuple(Watched(monitor=value(row), open_findings=n, lead=cause or "") for row, n, cause in found)
    total = session.scalar(select(func.count()).select_from(MonitorRow).where(*conditions)) or 0
    return Page(items=items, total=total)


def runs(session: Session, monitor: UUID, *, limit: int = 50, offset: int = 0) -> Page[Run]:
    """The runs of a monitor, measured and missed, the newest first."""
    rows = session.scalars(
        select(RunRow).where(RunRow.monitor == monitor).order_by(RunRow.due_at.desc()).limit(limit).offset(offset)
    )
    total = session.scalar(select(func.count()).select_from(RunRow).where(RunRow.monitor == monitor)) or 0
    return Page(items=tuple(map(as_run, rows)), total=total)


def run(session: Session, monitor: UUID, due: datetime) -> Run:
    """One run of a monitor; raises RunUnknown."""
    row = session.get(RunRow, (monitor, due))
    if row is None:
        raise RunUnknown(monitor=monitor, due=due.isoformat())
    return as_run(row)


def last_run(session: Session, monitor: UUID) -> Run | None:
    """The last run that was measured; None before the first."""
    row = session.scalar(
        select(RunRow)
        .where(RunRow.monitor == monitor, RunRow.state == "measured")
        .order_by(RunRow.due_at.desc())
        .limit(1)
    )
    return None if row is None else as_run(row)


def health(session: Session, model: str) -> tuple[Health, ...]:
    """How a model does: by monitor, running before stopped, its three states with the readings behind them."""
    watched = session.scalars(
        select(MonitorRow)
        .where(MonitorRow.model == model)
        .order_by(MonitorRow.state, MonitorRow.environment, MonitorRow.name)
    ).all()
    newest = (
        select(RunRow)
        .where(RunRow.monitor.in_([row.id for row in watched]), RunRow.state == "measured")
        .ext(distinct_on(RunRow.monitor))
        .order_by(RunRow.monitor, RunRow.due_at.desc())
    )
    last = {row.monitor: as_run(row) for row in session.scalars(newest)}
    lasting = findings(session, model=model, is_open=True, limit=1000).items
    return tuple(
        Health(
            monitor=value(row),
            run=last.get(row.id),
            dimensions=_dimensions(row, last.get(row.id)),
            findings=tuple(each for each in lasting if each.monitor == row.id),
        )
        for row in watched
    )


def _dimensions(row: MonitorRow, seen: Run | None) -> tuple[Dimension, ...]:
    """The states as they stand, which a missed run may have taken back, and what was read last."""
    readings = seen.readings if seen else ()
    return tuple(
        Dimension(
            name=name,
            state=getattr(row, name),
            readings=tuple(each for each in readings if each["dimension"] == name),
            silent=_silent_in(name, seen),
        )
        for name in DIMENSIONS
    )


def _silent_in(dimension: str, seen: Run | None) -> dict[str, str]:
    known = all_measures()
    return {
        name: why
        for name, why in (seen.silent if seen else {}).items()
        if name not in known or known[name].dimension == dimension
    }


def findings(
    session: Session,
    *,
    model: str | None = None,
    monitor: UUID | None = None,
    state: str | None = None,
    dimension: str | None = None,
    cause: str | None = None,
    is_open: bool | None = None,
    search: str = "",
    limit: int = 50,
    offset: int = 0,
) -> Page[Finding]:
    """The findings that match: those that last first, the worst before the others, then by excess."""
    conditions: list[ColumnElement[bool]] = [
        column == given
        for column, given in (
            (FindingRow.model, model),
            (FindingRow.monitor, monitor),
            (FindingRow.state, state),
            (FindingRow.dimension, dimension),
            (FindingRow.cause, cause),
        )
        if given is not None
    ]
    if is_open is not None:
        conditions.append(FindingRow.closed_at.is_(None) if is_open else FindingRow.closed_at.is_not(None))
    if search:
        columns = (FindingRow.model, FindingRow.cause, FindingRow.metric, FindingRow.subject)
        conditions.append(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    rows = session.scalars(
        select(FindingRow)
        .where(*conditions)
        .order_by(FindingRow.closed_at.is_not(None), _attention(FindingRow.state))
        .order_by(FindingRow.excess.desc().nulls_last(), FindingRow.first_seen.desc(), FindingRow.id)
        .limit(limit)
        .offset(offset)
    )
    total = session.scalar(select(func.count()).select_from(FindingRow).where(*conditions)) or 0
    return Page(items=tuple(map(as_finding, rows)), total=total)


def finding(session: Session, id: UUID) -> Finding:
    """One finding; raises FindingUnknown."""
    row = session.get(FindingRow, id)
    if row is None:
        raise FindingUnknown(finding=id)
    return as_finding(row)


def series(
    session: Session, monitor: UUID, metric: str, *, subject: str = "", measure: str | None = None, limit: int = 100
) -> list[Point]:
    """One metric over the measured runs of a monitor, the oldest first; a run without it has no value."""
    rows = session.scalars(
        select(RunRow)
        .where(RunRow.monitor == monitor, RunRow.state == "measured")
        .order_by(RunRow.due_at.desc())
        .limit(limit)
    )
    found = []
    for row in rows:
        one: Mapping[str, Any] = next(
            (
                each
                for each in row.readings
                if each["metric"] == metric
                and each["subject"] == subject
                and (measure is None or each["measure"] == measure)
            ),
            {},
        )
        found.append(
            Point(
                due_at=row.due_at,
                since=row.since,
                until=row.until,
                version=row.version,
                **{name: one.get(name) for name in ("value", "low", "high", "warn", "breach")},
                rows=one.get("rows", 0),
                state=one.get("state", "no data"),
            )
        )
    return found[::-1]


def causes(session: Session, *, significance: float = verdicts.SIGNIFICANCE, limit: int = 200) -> list[CauseGroup]:
    """The findings that last, over all models, by cause: the worst first, then the most models.

    Each run is corrected for its own tests; here the tests of the last run of every running monitor count as one
    family. What only then may be chance is counted and not hidden. Two statements, whatever the number of models.
    """
    lasting = [as_finding(row) for row in session.scalars(select(FindingRow).where(FindingRow.closed_at.is_(None)))]
    chance = by_chance(session, lasting, significance)
    groups: dict[str, list[Finding]] = {}
    for each in lasting:
        groups.setdefault(each.cause, []).append(each)
    found = [
        CauseGroup(
            cause=cause,
            dimension=several[0].dimension,
            state=min((each.state for each in several), key=ATTENTION.index),
            models=tuple(sorted({each.model for each in several})),
            findings=len(several),
            by_chance=sum(each.id in chance for each in several),
            first_seen=min(each.first_seen for each in several),
            last_seen=max(each.last_seen for each in several),
            excess=max((each.excess for each in several if each.excess is not None), default=None),
        )
        for cause, several in groups.items()
    ]
    found.sort(key=lambda each: (ATTENTION.index(each.state), -len(each.models), -(each.excess or 0), each.cause))
    return found[:limit]


def by_chance(session: Session, lasting: list[Finding], significance: float = verdicts.SIGNIFICANCE) -> frozenset[UUID]:
    """Which findings no longer hold when the tests of all running monitors are corrected together."""
    newest = (
        select(RunRow.p)
        .join(MonitorRow, (MonitorRow.id == RunRow.monitor) & (MonitorRow.last_due_at == RunRow.due_at))
        .where(MonitorRow.state == "running")
    )
    tested = [p for several in session.scalars(newest) for p in several]
    adjusted = dict(zip(tested, verdicts.corrected(tested), strict=True))
    return frozenset(
        each.id for each in lasting if each.p is not None and each.p in adjusted and not adjusted[each.p] < significance
    )
