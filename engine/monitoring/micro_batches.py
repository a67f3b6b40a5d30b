"""Monitors of busy channels: the hour at hand, judged after every batch of rows from the counts that came with them.

A batch is over after so many rows, or so many seconds, as the monitor says; the clock looks for it. Read is the whole
hour so far, which is one row of spans and the pieces since it was last added up: a look costs the same whatever the
rows, keeps nothing of the looks before it, and begins anew with the hour. Judged as a run is, but that p is one for
every look (`at_any_time`), at a significance under which a monitor on which nothing moves is wrong in at most one hour
of a thousand, however often it looks. What is found is a finding as any other, of the measure `micro_batch`; the next
look closes it, or lets it last.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.inferences import counts, spans
from engine.inventory.references import VersionRef
from engine.monitoring import findings, monitors, thresholds, verdicts
from engine.monitoring.findings import Seen
from engine.monitoring.measures import Reading
from engine.monitoring.monitors import Monitor
from engine.monitoring.tables import LookRow, MonitorRow
from engine.monitoring.verdicts import Taken, Verdict
from engine.serving import queries as serving
from engine.statistics.at_any_time import log_evidence, p_of
from engine.statistics.psi import psi_of_rows
from engine.statistics.tallies import Reference, Tally
from engine.store import Store, now, transaction

MEASURE = "micro_batch"
#: the chance, at most, that an hour in which nothing moved is flagged at any of its looks
SIGNIFICANCE = 0.001
#: so long after its end an hour is looked at once more: what was answered last is logged a moment later
_AFTER = timedelta(minutes=1)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """An hour of a version as a monitor saw it so far."""

    monitor: UUID
    version: int
    hour: datetime
    looks: int
    rows: int
    first_at: datetime
    looked_at: datetime
    state: str  #: the worst of all looks


def look_at_all(store: Store) -> int:
    """Every batch that is over, of every monitor that judges batches; returns how many were.

    One that fails does not hold up the others.
    """
    with transaction(store) as session:
        wanted = session.scalars(
            select(MonitorRow.id)
            .where(MonitorRow.state == "running", or_(MonitorRow.batch_rows > 0, MonitorRow.batch_seconds > 0))
            .order_by(MonitorRow.id)
        ).all()
    judged = 0
    for each in wanted:
        try:
            with transaction(store) as session:
                judged += len(look(session, each))
        except GatewrightError as reason:
            logger.warning("No batch of the monitor %s was judged: %s", each, reason.message)
    return judged


def look(session: Session, monitor: UUID) -> list[Seen]:
    """What the batches that are over brought: of the hour at hand, and of the one before it as long as rows may come.

    Raises MonitorUnknown, NoReference.
    """
    row = monitors.locked(session, monitor)
    found, at = monitors.value(row), now(session)
    live = serving.live(session, found.model, found.environment)
    if not found.running or live is None:
        return []
    hour, version = spans.floor(at, "hour"), VersionRef(found.model, live.version)
    hours = [hour - timedelta(hours=1), hour] if at - hour < _AFTER else [hour]
    return [seen for each in hours if (seen := _look(session, row, found, version, each, at)) is not None]


def verdict(
    reference: Reference, tally: Tally, in_force: thresholds.InForce, *, floor: int, level: float = 0.95
) -> Verdict:
    """What the rows of an hour so far say, judged as a run's are, with p that holds at every look; pure."""
    coarse = reference.coarse
    now_in = coarse.of(tally.places, tally.times)
    p = p_of(log_evidence(coarse.before, now_in, np.array(coarse.sizes))).tolist()
    readings = [
        Reading(metric="psi", subject=column.name, value=index, rows=tally.rows, unit="nats", better="low", p=chance)
        for column, index, chance in zip(reference.columns, psi_of_rows(coarse.before, now_in, level), p, strict=True)
    ]
    taken = Taken(measure=MEASURE, dimension="statistical", readings=tuple(readings))
    # Its bounds are those of the measure drift: the same index of the same columns.
    return verdicts.judge(
        [taken], lambda _, reading: in_force.of("drift", reading), significance=SIGNIFICANCE, floor=floor
    )


def hours(session: Session, monitor: UUID, *, limit: int = 24) -> list[Look]:
    """The hours that a monitor looked at batch by batch, the newest first."""
    rows = session.scalars(
        select(LookRow).where(LookRow.monitor == monitor).order_by(LookRow.hour.desc(), LookRow.version).limit(limit)
    )
    return [
        Look(
            monitor=row.monitor,
            version=row.version,
            hour=row.hour,
            looks=row.looks,
            rows=row.rows,
            first_at=row.first_at,
            looked_at=row.looked_at,
            state=row.state,
        )
        for row in rows
    ]


def _look(
    session: Session, row: MonitorRow, monitor: Monitor, version: VersionRef, hour: datetime, at: datetime
) -> Seen | None:
    before = session.get(LookRow, (row.id, version.number, hour))
    until = hour + timedelta(hours=1)
    rows = counts.rows_between(session, version, environment=monitor.environment, since=hour, until=until)
    new = rows - (before.rows if before else 0)
    waited = (at - (before.looked_at if before else hour)).total_seconds()
    by_rows = 0 < monitor.batch_rows <= new
    by_time = 0 < monitor.batch_seconds <= waited
    if new <= 0 or not (by_rows or by_time or at >= until):
        return None
    digest, reference = counts.reference_of(session, version)
    tally = counts.window(
        session,
        version,
        digest,
        len(reference.columns),
        environment=monitor.environment,
        since=hour,
        until=until,
    )
    said = verdict(reference, tally, thresholds.in_force(session, monitor.model), floor=monitor.floor)
    _keep(session, row.id, version.number, hour, tally.rows, at, said.state)
    if said.state == "no data":
        return Seen()  # too few rows to tell yet: the monitor's runs say so where it lasts
    return findings.follow_readings(session, row, said, version=version.number, spoke=[MEASURE])


def _keep(session: Session, monitor: UUID, version: int, hour: datetime, rows: int, at: datetime, state: str) -> None:
    before = session.get(LookRow, (monitor, version, hour), populate_existing=True)
    kept: Sequence[str] = (before.state, state) if before else (state,)
    values = {
        "monitor": monitor,
        "version": version,
        "hour": hour,
        "looks": (before.looks if before else 0) + 1,
        "rows": rows,
        "first_at": before.first_at if before else at,
        "looked_at": at,
        "state": verdicts.worst(kept),
    }
    statement = insert(LookRow).values(values)
    changed = {name: statement.excluded[name] for name in ("looks", "rows", "looked_at", "state")}
    session.execute(statement.on_conflict_do_update(constraint="pk_looks", set_=changed))
