"""Months of the inference log that are older than they may be: dropped whole, told in the audit log, remembered.

What was counted of them stays, counts as well as outcomes: no report over them needs their rows. Their labels go with
them. A month is dropped in one transaction of its own, so that a service that is killed has dropped all of it or none.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import psycopg
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from engine import audit
from engine.errors import GatewrightError
from engine.inferences import rows
from engine.inferences.tables import DroppedMonthRow, InferenceRow, LabelRow
from engine.store import Store, now, transaction

_PARTITION = re.compile(r"inferences_(\d{4})_(\d{2})")
#: an id is made in the moment of its row; a clock that was set may lie between them
_NEAR = timedelta(seconds=1)
_COPY = (
    f"COPY (SELECT {', '.join(rows.SHARED + rows.OWN)} FROM inferences.inferences "  # noqa: S608 - constants
    "WHERE logged_at >= %s AND logged_at < %s ORDER BY id) TO STDOUT"
)
_LATEST_MS = 10**14  #: of the year 5138


class InferenceDropped(GatewrightError):
    """Retention dropped the month of {id} on {dropped_at}: the inferences of {month} are no longer kept."""

    code = "inference-dropped"
    hint = "See what was counted of that month, which stays, and the audit log's row `inferences.dropped`."
    status = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of the log that is older than it may be, or that was dropped."""

    month: date
    rows: int
    labels: int
    first: datetime | None = None  #: when its first row was logged, and its last one
    last: datetime | None = None
    dropped_at: datetime | None = None
    digest: str = ""  #: sha256 of its rows as PostgreSQL's COPY writes them, by id


def due(session: Session, kept_days: int | None) -> list[Month]:
    """The months that end before the days that are kept begin, the oldest first; changes nothing."""
    return [_measured(session, month) for month in _months(session, _cut(now(session), kept_days))]


def dropped(session: Session) -> list[Month]:
    """What was dropped so far, the newest act first."""
    found = session.scalars(select(DroppedMonthRow).order_by(DroppedMonthRow.dropped_at.desc(), DroppedMonthRow.month))
    return [_value(row) for row in found]


def apply(store: Store) -> list[Month]:
    """Drop every month that is due by the setting; returns them."""
    done: list[Month] = []
    while True:
        with transaction(store) as session:
            # A second clock waits here, and then finds the month gone.
            session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("inferences.retention", 0))))
            cut = _cut(now(session), store.settings.inferences_kept_days)
            _out_of_default(session, cut)
            months = _months(session, cut)
            if not months:
                return done
            done.append(_drop(session, months[0]))


def refuse_dropped(session: Session, id: UUID | str) -> None:
    """Raises InferenceDropped where an id that is not in the log was made in a month that was dropped.

    An id tells when it was made, not that it was: one that somebody made up within the month is told the same.
    """
    try:
        known = UUID(str(id))
    except ValueError:
        return
    milliseconds = known.int >> 80
    if known.version != 7 or milliseconds > _LATEST_MS:
        return
    made = datetime.fromtimestamp(milliseconds / 1000, UTC)
    row = session.scalars(
        select(DroppedMonthRow)
        .where(DroppedMonthRow.month.in_({_first(made - _NEAR), _first(made + _NEAR)}))
        .order_by(DroppedMonthRow.dropped_at.desc())
        .limit(1)
    ).first()
    if row is not None:
        raise InferenceDropped(id=id, month=f"{row.month:%B %Y}", dropped_at=f"{row.dropped_at:%Y-%m-%d}")


def _drop(session: Session, month: date) -> Month:
    found, digest = _measured(session, month), _digest(session, month)
    at = now(session)
    row = DroppedMonthRow(
        month=month,
        dropped_at=at,
        rows=found.rows,
        labels=found.labels,
        digest=digest,
        dropped_by=str(session.scalar(text("SELECT pg_current_xact_id()::text"))),
    )
    session.add(row)
    session.flush()
    session.execute(text("SELECT inferences.drop_month(:month)"), {"month": month})
    audit.record(
        session,
        "system",
        "inferences.dropped",
        actor="system",
        subject=f"{month:%Y-%m}",
        partition=_name(month),
        rows=found.rows,
        labels=found.labels,
        sha256=digest,
    )
    return _value(row)


def _months(session: Session, cut: date | None) -> list[date]:
    """The months with a partition of their own that end at the cut or before."""
    if cut is None:
        return []
    named = session.scalars(
        text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'inferences.inferences'::regclass")
    )
    found = [match for match in map(_PARTITION.fullmatch, (name.rpartition(".")[2] for name in named)) if match]
    return sorted(month for month in (date(int(each[1]), int(each[2]), 1) for each in found) if _end(month) <= cut)


def _out_of_default(session: Session, cut: date | None) -> None:
    """Give old rows that lie in no month of their own, since nobody made it ahead, one that can be dropped."""
    if cut is None:
        return
    oldest = session.scalar(text("SELECT min(logged_at) FROM inferences.inferences_default"))
    if oldest is not None and _end(_first(oldest)) <= cut:
        session.execute(
            text("SELECT inferences.ensure_partitions(CAST(:first AS date), 1)"), {"first": _first(oldest)}
        ).all()


def _measured(session: Session, month: date) -> Month:
    inside = InferenceRow.logged_at >= _start(month), InferenceRow.logged_at < _start(_end(month))
    n, first, last = session.execute(
        select(func.count(), func.min(InferenceRow.logged_at), func.max(InferenceRow.logged_at)).where(*inside)
    ).one()
    labels = session.scalar(
        select(func.count())
        .select_from(InferenceRow)
        .join(LabelRow, LabelRow.inference == InferenceRow.id)
        .where(*inside)
    )
    return Month(month=month, rows=n, labels=labels or 0, first=first, last=last)


def _digest(session: Session, month: date) -> str:
    """Whoever kept a copy of the rows can show by it that it is whole; read row by row, in constant memory."""
    driver = cast(psycopg.Connection[Any], session.connection().connection.driver_connection)
    found = hashlib.sha256()
    with driver.cursor() as cursor, cursor.copy(_COPY, (_start(month), _start(_end(month)))) as stream:
        for block in stream:
            found.update(block)
    return found.hexdigest()


def _cut(at: datetime, kept_days: int | None) -> date | None:
    return None if kept_days is None else (at.astimezone(UTC) - timedelta(days=kept_days)).date()


def _first(moment: datetime) -> date:
    return moment.astimezone(UTC).date().replace(day=1)


def _end(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _start(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def _name(month: date) -> str:
    return f"inferences_{month:%Y_%m}"


def _value(row: DroppedMonthRow) -> Month:
    return Month(month=row.month, rows=row.rows, labels=row.labels, dropped_at=row.dropped_at, digest=row.digest)
