"""Reads of alerts and silences; nothing is locked, nothing is changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from engine.monitoring.alerts import AlertUnknown
from engine.monitoring.alerts.tables import AlertFindingRow, AlertRow, DeliveryRow, SilenceRow
from engine.store import now

STATES = ("open", "acknowledged", "closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted:
    """A finding that belongs to an alert."""

    finding: UUID
    model: str
    severity: str
    title: str
    added_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A channel that took a notice."""

    channel: str
    severity: str
    delivered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What nobody is told of until a date."""

    id: UUID
    model: str | None
    cause: str | None
    since: datetime
    until: datetime
    reason: str
    silenced_by: str
    ended_at: datetime | None
    ended_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One cause that people have to know of."""

    id: UUID
    cause: str
    title: str
    severity: str
    state: str  #: one of STATES
    silenced_until: datetime | None  #: while every open finding of it is silenced
    models: tuple[str, ...]
    findings: tuple[Alerted, ...]
    deliveries: tuple[Delivery, ...]
    opened_at: datetime
    handed_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Some of the alerts, and how many there are."""

    rows: list[Alert]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """How long it took people to act, over a span."""

    opened: int
    acknowledged: int
    median_seconds: float | None  #: from the opening to the acknowledgement; None where none was acknowledged
    p90_seconds: float | None


def alerts(session: Session, *, state: str = "", model: str = "", limit: int = 50, offset: int = 0) -> Alerts:
    """Alerts, those that wait for somebody first, the worst and newest of them on top; in five statements.

    state: one of STATES, or nothing for all.
    """
    wanted: Select[Any] = select(AlertRow)
    if state:
        wanted = wanted.where(_in_state(state))
    if model:
        of = select(AlertFindingRow.alert).where(AlertFindingRow.model == model)
        wanted = wanted.where(AlertRow.id.in_(of))
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    worst = func.array_position(["breach", "warn", "no data"], AlertRow.severity)
    rows = session.scalars(
        wanted.order_by(
            AlertRow.closed_at.is_not(None), AlertRow.acknowledged_at.is_not(None), worst, AlertRow.id.desc()
        )
        .limit(limit)
        .offset(offset)
    ).all()
    return Alerts(rows=_whole(session, list(rows)), total=total)


def alert(session: Session, id: UUID) -> Alert:
    """One alert; raises AlertUnknown."""
    row = session.get(AlertRow, id)
    if row is None:
        raise AlertUnknown(alert=id)
    return _whole(session, [row])[0]


def silences(session: Session, *, all: bool = False, limit: int = 500) -> list[Silence]:
    """The silences that hold now, those that end first on top; all: also those that ended."""
    wanted = select(SilenceRow).order_by(SilenceRow.until).limit(limit)
    if not all:
        wanted = wanted.where(SilenceRow.until > now(session), SilenceRow.ended_at.is_(None))
    return [_silence(row) for row in session.scalars(wanted)]


def waiting(session: Session) -> int:
    """How many alerts wait for somebody."""
    return session.scalar(select(func.count()).select_from(AlertRow).where(_in_state("open"))) or 0


def waiting_by_model(session: Session) -> dict[str, int]:
    """Model -> how many alerts that touch it wait for somebody."""
    rows = session.execute(
        select(AlertFindingRow.model, func.count(func.distinct(AlertFindingRow.alert)))
        .join(AlertRow, AlertRow.id == AlertFindingRow.alert)
        .where(_in_state("open"), AlertFindingRow.closed_at.is_(None))
        .group_by(AlertFindingRow.model)
    )
    return {model: int(n) for model, n in rows}


def reaction(session: Session, since: datetime) -> Reaction:
    """How fast alerts that opened since then were acknowledged."""
    seconds = func.extract("epoch", AlertRow.acknowledged_at - AlertRow.opened_at)
    row = session.execute(
        select(
            func.count(),
            func.count(AlertRow.acknowledged_at),
            func.percentile_cont(0.5).within_group(seconds),
            func.percentile_cont(0.9).within_group(seconds),
        ).where(AlertRow.opened_at >= since)
    ).one()
    return Reaction(opened=row[0], acknowledged=row[1], median_seconds=row[2], p90_seconds=row[3])


def _in_state(state: str) -> ColumnElement[bool]:
    if state == "closed":
        return AlertRow.closed_at.is_not(None)
    acknowledged = AlertRow.acknowledged_at.is_not(None)
    return and_(AlertRow.closed_at.is_(None), acknowledged if state == "acknowledged" else ~acknowledged)


def _whole(session: Session, rows: list[AlertRow]) -> list[Alert]:
    ids = [row.id for row in rows]
    findings: dict[UUID, list[Alerted]] = defaultdict(list)
    for each in session.scalars(
        select(AlertFindingRow).where(AlertFindingRow.alert.in_(ids)).order_by(AlertFindingRow.added_at)
    ):
        findings[each.alert].append(Alerted(**{name: getattr(each, name) for name in Alerted.__slots__}))
    deliveries: dict[UUID, list[Delivery]] = defaultdict(list)
    for sent in session.scalars(
        select(DeliveryRow).where(DeliveryRow.alert.in_(ids)).order_by(DeliveryRow.delivered_at, DeliveryRow.channel)
    ):
        deliveries[sent.alert].append(Delivery(**{name: getattr(sent, name) for name in Delivery.__slots__}))
    held = silences(session)
    return [_alert(row, tuple(findings[row.id]), tuple(deliveries[row.id]), held) for row in rows]


def _alert(
    row: AlertRow, findings: tuple[Alerted, ...], deliveries: tuple[Delivery, ...], held: list[Silence]
) -> Alert:
    ends = [
        max((each.until for each in held if _covers(each, row.cause, finding.model)), default=None)
        for finding in findings
        if finding.closed_at is None
    ]
    known = [end for end in ends if end is not None]
    state = "closed" if row.closed_at else "acknowledged" if row.acknowledged_at else "open"
    copied = ("id", "cause", "title", "severity", "opened_at", "handed_at")
    return Alert(
        **{name: getattr(row, name) for name in copied},
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        note=row.note,
        closed_at=row.closed_at,
        state=state,
        silenced_until=min(known) if known and len(known) == len(ends) and state != "closed" else None,
        models=tuple(sorted({finding.model for finding in findings})),
        findings=findings,
        deliveries=deliveries,
    )


def _covers(silence: Silence, cause: str, model: str) -> bool:
    return silence.cause in (None, cause) and silence.model in (None, model)


def _silence(row: SilenceRow) -> Silence:
    return Silence(**{name: getattr(row, name) for name in Silence.__slots__})
