"""Runs of monitors that are older than they may be: forgotten, and told in the audit log.

Kept whatever their age: the last run of each monitor, and every run since an open finding of its monitor was first
seen. Findings stay; so does what was counted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Text, cast, delete, func, literal_column, select, tuple_
from sqlalchemy.orm import Session, aliased

from engine import audit
from engine.monitoring.tables import FindingRow, RunRow
from engine.store import Store, now, transaction

AT_ONCE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs that are older than they may be, or that were forgotten in one act."""

    rows: int
    first: datetime | None = None  #: when the first of them was recorded, and the last one
    last: datetime | None = None
    digest: str = ""  #: sha256 of the rows as JSON, one a line, by monitor and due time


def due(session: Session, kept_days: int | None) -> Runs:
    """The runs that would be forgotten now; changes nothing."""
    if kept_days is None:
        return Runs(rows=0)
    n, first, last = session.execute(
        select(func.count(), func.min(RunRow.recorded_at), func.max(RunRow.recorded_at)).where(
            *_old(now(session) - timedelta(days=kept_days))
        )
    ).one()
    return Runs(rows=n, first=first, last=last)


def apply(store: Store) -> list[Runs]:
    """Forget the runs that are due by the setting, so many in a transaction; returns the acts."""
    done: list[Runs] = []
    kept_days = store.settings.monitor_runs_kept_days
    while kept_days is not None:
        with transaction(store) as session:
            # A second clock waits here, and then finds them gone.
            session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("monitoring.retention", 0))))
            found = _forget(session, now(session) - timedelta(days=kept_days))
        if not found.rows:
            break
        done.append(found)
    return done


def _forget(session: Session, before: datetime) -> Runs:
    key = tuple_(RunRow.monitor, RunRow.due_at)
    whole = cast(func.to_jsonb(literal_column("runs")), Text)
    wanted = (
        select(RunRow.monitor, RunRow.due_at, RunRow.recorded_at, whole)
        .where(*_old(before))
        .order_by(RunRow.monitor, RunRow.due_at)
        .limit(AT_ONCE)
    )
    found = session.execute(wanted).all()
    if not found:
        return Runs(rows=0)
    digest = hashlib.sha256("".join(f"{text}\n" for *_, text in found).encode()).hexdigest()
    session.execute(delete(RunRow).where(key.in_([(monitor, due_at) for monitor, due_at, *_ in found])))
    moments = [recorded_at for _, _, recorded_at, _ in found]
    forgotten = Runs(rows=len(found), first=min(moments), last=max(moments), digest=digest)
    audit.record(
        session,
        "system",
        "monitor_runs.dropped",
        actor="system",
        subject="monitoring.runs",
        rows=forgotten.rows,
        monitors=len({monitor for monitor, *_ in found}),
        first=min(moments).isoformat(),
        last=max(moments).isoformat(),
        sha256=digest,
    )
    return forgotten


def _old(before: datetime) -> list[ColumnElement[bool]]:
    told = select(FindingRow.id).where(
        FindingRow.monitor == RunRow.monitor,
        FindingRow.closed_at.is_(None),
        FindingRow.first_seen <= RunRow.recorded_at,
    )
    later = aliased(RunRow)
    followed = select(later.monitor).where(later.monitor == RunRow.monitor, later.due_at > RunRow.due_at)
    return [RunRow.recorded_at < before, ~told.exists(), followed.exists()]
