"""Findings: something beyond a bound, or silent, from when it was first seen until it was seen healthy.

One is opened once for a monitor, a measure, a metric and a subject, and lasts; it grows worse, and is closed by a
healthy reading of the same, by a measure that no longer complains, or with its monitor. A reading without data closes
nothing. What is beyond a bound in one measure and one window has one cause, named after the largest excess: what else
moved is said to move with it, which tells of the same time and not of a reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import events
from engine.errors import GatewrightError
from engine.monitoring.tables import FindingRow, MonitorRow
from engine.monitoring.verdicts import STATES, Judged, Taken, Verdict, finite
from engine.store import new_id, now

#: the measure that a finding names where a monitor saw nothing at all
SILENCE = "silence"
Key = tuple[str, str, str]  #: (measure, metric, subject)


class FindingUnknown(GatewrightError):
    """There is no finding {finding}."""

    code = "finding-unknown"
    hint = "See the page Findings, which lists them, closed ones too."
    status = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is, or was, beyond a bound or silent."""

    id: UUID
    model: str
    version: int | None
    environment: str
    monitor: UUID
    dimension: str
    measure: str
    metric: str
    subject: str
    cause: str
    state: str  #: as last seen
    unit: str
    value: float | None
    low: float | None
    high: float | None
    warn: float | None
    breach: float | None
    p: float | None  #: before any correction
    adjusted: float | None  #: after the one over its run
    excess: float | None  #: how many times the first bound
    detail: str
    moving_with: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    worsened_at: datetime | None
    times: int
    closed_at: datetime | None
    closed_because: str

    @property
    def closed(self) -> bool:
        """Whether it no longer lasts."""
        return self.closed_at is not None

    @property
    def title(self) -> str:
        """What it is about, in words."""
        named = self.metric.replace("_", " ")
        return f"{named} of {self.subject}" if self.subject else named


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one run brought to the findings."""

    opened: tuple[Finding, ...] = ()
    worsened: tuple[Finding, ...] = ()
    closed: tuple[Finding, ...] = ()
    lasting: int = 0


def follow(
    session: Session, monitor: MonitorRow, verdict: Verdict, *, version: int | None, spoke: Sequence[str]
) -> Seen:
    """Open, see and close the monitor's findings by the verdict of its newest run.

    spoke: the measures that ran and could tell; a finding of theirs that is not among the readings is over.
    """
    seen = follow_readings(session, monitor, verdict, version=version, spoke=spoke)
    silence, opened, closed = open_of(session, monitor.id).get((SILENCE, "rows", "")), seen.opened, seen.closed
    if verdict.state == "no data":
        said = "; ".join(f"{measure}: {why}" for measure, why in verdict.silent.items())
        row, is_new = silent(session, monitor, said, version=version)
        opened = (*opened, *([as_finding(row)] if is_new else []))
    elif silence is not None:
        closed = (*closed, as_finding(close(session, silence, because="it was measured again")))
    session.flush()
    return Seen(opened=opened, worsened=seen.worsened, closed=closed, lasting=seen.lasting)


def follow_readings(
    session: Session, monitor: MonitorRow, verdict: Verdict, *, version: int | None, spoke: Sequence[str]
) -> Seen:
    """The same of what was read alone: whether the monitor sees anything at all is not asked."""
    lasting = {key: row for key, row in open_of(session, monitor.id).items() if key[0] != SILENCE}
    opened, worsened, closed = [], [], []
    flagged = set()
    for cause in verdict.causes:
        group = (cause.head, *cause.with_it)
        for each in group:
            flagged.add(_key(each))
            others = tuple(one.reading.subject or one.reading.metric for one in group if one is not each)
            row = lasting.get(_key(each))
            if row is None:
                row = open_one(session, monitor, each, cause=cause.name, moving_with=others, version=version)
                opened.append(row)
            elif see(session, row, each, cause=cause.name, moving_with=others, version=version):
                worsened.append(row)
    healthy = {_key(each) for each in verdict.readings if each.state == "healthy"}
    told = {_key(each) for each in verdict.readings}
    for key, row in lasting.items():
        if key in healthy:
            closed.append(close(session, row, because="a healthy reading"))
        elif key not in told and key[0] in spoke:
            closed.append(close(session, row, because="no longer reported"))
    session.flush()
    return Seen(
        opened=tuple(map(as_finding, opened)),
        worsened=tuple(map(as_finding, worsened)),
        closed=tuple(map(as_finding, closed)),
        lasting=len(flagged),
    )


def states(session: Session, monitor: UUID) -> dict[Key, str]:
    """What lasts of a monitor's findings: the state of each, by measure, metric and subject."""
    return {key: row.state for key, row in open_of(session, monitor).items()}


def news(verdict: Verdict, lasting: Mapping[Key, str]) -> int:
    """How many findings a verdict would open or worsen, where these last; pure."""
    flagged = [each for each in verdict.readings if each.flagged]
    return sum(STATES.index(each.state) > STATES.index(lasting.get(_key(each), "healthy")) for each in flagged)


def open_one(
    session: Session,
    monitor: MonitorRow,
    judged: Judged,
    *,
    cause: str,
    moving_with: Sequence[str] = (),
    version: int | None = None,
) -> FindingRow:
    """A new finding, told as the fact `finding.opened`."""
    at = now(session)
    row = FindingRow(
        id=new_id(),
        model=monitor.model,
        environment=monitor.environment,
        monitor=monitor.id,
        dimension=judged.dimension,
        measure=judged.measure,
        metric=judged.reading.metric,
        subject=judged.reading.subject,
        unit=judged.reading.unit,
        detail="",
        first_seen=at,
        worsened_at=None,
        times=0,
        closed_at=None,
        closed_because="",
    )
    _take(row, judged, cause, moving_with, version, at)
    session.add(row)
    _tell(session, row, "finding.opened")
    return row


def see(
    session: Session,
    row: FindingRow,
    judged: Judged,
    *,
    cause: str,
    moving_with: Sequence[str] = (),
    version: int | None = None,
) -> bool:
    """Take what was seen of it now; True where it grew worse, which is told as the fact `finding.worsened`."""
    worse = STATES.index(judged.state) > STATES.index(row.state)
    _take(row, judged, cause, moving_with, version, now(session))
    if worse:
        row.worsened_at = now(session)
        _tell(session, row, "finding.worsened")
    return worse


def silent(
    session: Session, monitor: MonitorRow, detail: str, *, version: int | None = None
) -> tuple[FindingRow, bool]:
    """The finding that the monitor sees nothing, and whether it is a new one."""
    row, at = open_of(session, monitor.id).get((SILENCE, "rows", "")), now(session)
    if row is not None:
        row.last_seen, row.times, row.detail, row.version = at, row.times + 1, detail[:1000], version
        return row, False
    row = FindingRow(
        id=new_id(),
        model=monitor.model,
        version=version,
        environment=monitor.environment,
        monitor=monitor.id,
        dimension="technical",
        measure=SILENCE,
        metric="rows",
        subject="",
        cause=f"{SILENCE} in {monitor.environment}",
        state="no data",
        unit="rows",
        detail=detail[:1000],
        moving_with=[],
        first_seen=at,
        last_seen=at,
        worsened_at=None,
        times=1,
        closed_at=None,
        closed_because="",
    )
    session.add(row)
    _tell(session, row, "finding.opened")
    return row, True


def at_once(
    session: Session, *, model: str, environment: str, taken: Taken, version: int | None = None
) -> list[FindingRow]:
    """What is known between two runs: a finding, a breach, of each running monitor that has none of the same yet.

    The next run in which its measure speaks closes it, or lets it last.
    """
    watching = session.scalars(
        select(MonitorRow)
        .where(MonitorRow.model == model, MonitorRow.environment == environment, MonitorRow.state == "running")
        .order_by(MonitorRow.id)
        .with_for_update()
    ).all()
    made = []
    for monitor in watching:
        lasting = open_of(session, monitor.id)
        for reading in taken.readings:
            if (taken.measure, reading.metric, reading.subject) not in lasting:
                judged = Judged(
                    measure=taken.measure,
                    dimension=taken.dimension,
                    reading=reading,
                    bounds=None,
                    p=math.nan,
                    adjusted=math.nan,
                    state="breach",
                    excess=math.nan,
                )
                cause = f"{taken.measure} {reading.metric}"
                made.append(open_one(session, monitor, judged, cause=cause, version=version))
    return made


def close(session: Session, row: FindingRow, *, because: str) -> FindingRow:
    """The finding, over; told as the fact `finding.closed`."""
    row.closed_at, row.closed_because = now(session), because
    _tell(session, row, "finding.closed", because=because)
    return row


def close_all(session: Session, monitor: UUID, *, because: str) -> int:
    """Close all that a monitor found and that still lasts; returns how many."""
    rows = open_of(session, monitor)
    for row in rows.values():
        close(session, row, because=because)
    session.flush()
    return len(rows)


def open_of(session: Session, monitor: UUID) -> dict[Key, FindingRow]:
    """What a monitor found and still lasts. For this room alone."""
    rows = session.scalars(select(FindingRow).where(FindingRow.monitor == monitor, FindingRow.closed_at.is_(None)))
    return {(row.measure, row.metric, row.subject): row for row in rows}


def as_finding(row: FindingRow) -> Finding:
    """The value of a row."""
    return Finding(
        id=row.id,
        model=row.model,
        version=row.version,
        environment=row.environment,
        monitor=row.monitor,
        dimension=row.dimension,
        measure=row.measure,
        metric=row.metric,
        subject=row.subject,
        cause=row.cause,
        state=row.state,
        unit=row.unit,
        value=row.value,
        low=row.low,
        high=row.high,
        warn=row.warn,
        breach=row.breach,
        p=row.p,
        adjusted=row.adjusted,
        excess=row.excess,
        detail=row.detail,
        moving_with=tuple(row.moving_with),
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        worsened_at=row.worsened_at,
        times=row.times,
        closed_at=row.closed_at,
        closed_because=row.closed_because,
    )


def _key(judged: Judged) -> Key:
    return judged.measure, judged.reading.metric, judged.reading.subject


def _take(
    row: FindingRow, judged: Judged, cause: str, moving_with: Sequence[str], version: int | None, at: datetime
) -> None:
    reading, bounds = judged.reading, judged.bounds
    row.version, row.state, row.cause, row.moving_with = version, judged.state, cause, list(moving_with)
    value = reading.value
    row.value, row.low, row.high = finite(value.value), finite(value.low), finite(value.high)
    row.warn, row.breach = (bounds.warn, bounds.breach) if bounds else (None, None)
    row.p, row.adjusted, row.excess = finite(judged.p), finite(judged.adjusted), finite(judged.excess)
    row.last_seen, row.times = at, row.times + 1


def _tell(session: Session, row: FindingRow, name: str, **facts: Any) -> None:
    events.emit(
        session,
        name,
        row.model,
        finding=str(row.id),
        monitor=str(row.monitor),
        version=row.version,
        environment=row.environment,
        dimension=row.dimension,
        measure=row.measure,
        metric=row.metric,
        of=row.subject,
        state=row.state,
        cause=row.cause,
        moving_with=list(row.moving_with),
        **facts,
    )
