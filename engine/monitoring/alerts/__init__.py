"""Alerts: what people are told of findings, once for each cause.

opened         the first finding of a cause; further ones join it
told           through every channel that is not too coarse, again only where it became worse
acknowledged   somebody has it in hand: it is told again only where it becomes worse
silenced       a model, or a cause, is not told of until a date; what then still stands is told
closed         every finding of it has ended
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import audit
from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inventory.references import stream
from engine.monitoring.alerts.tables import AlertFindingRow, AlertRow, DeliveryRow, SilenceRow
from engine.store import new_id, now

HANDLE = "alert.handle"
#: worst last
SEVERITIES = ("no data", "warn", "breach")


class AlertUnknown(GatewrightError):
    """There is no alert {alert}."""

    code = "alert-unknown"
    hint = "Look it up on the page Alerts, or with `gatewright alert list`."
    status = 404


class AlertClosed(GatewrightError):
    """The alert {alert} is {state} already."""

    code = "alert-closed"
    hint = "Leave it as it is: nothing of it waits for you."
    status = 409


class SilenceRefused(GatewrightError):
    """The silence is refused: {reason}."""

    code = "silence-refused"
    hint = "Name a model or a cause, an end that lies ahead, within a year, and a reason."
    status = 422


class SilenceUnknown(GatewrightError):
    """There is no silence {silence} that still holds."""

    code = "silence-unknown"
    hint = "Look on the page Alerts for those that hold now."
    status = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """A finding as an alert sees it."""

    finding: UUID
    model: str
    cause: str  #: findings of one cause are one alert, whatever the model
    severity: str  #: one of SEVERITIES
    title: str  #: one line, for people


def take(session: Session, concern: Concern) -> UUID:
    """The open alert of the concern's cause, with this finding among its own; opened where there is none."""
    if concern.severity not in SEVERITIES:
        raise ValueError(f"severity {concern.severity!r} is none of {', '.join(SEVERITIES)}")
    at = now(session)
    statement = insert(AlertRow).values(
        id=new_id(),
        cause=concern.cause,
        title=concern.title,
        severity=concern.severity,
        opened_at=at,
        note="",
    )
    # The update that changes nothing locks the row and gives it back, whoever made it.
    id = session.scalars(
        statement.on_conflict_do_update(
            index_elements=["cause"], index_where=AlertRow.closed_at.is_(None), set_={"cause": AlertRow.cause}
        ).returning(AlertRow.id)
    ).one()
    finding = insert(AlertFindingRow).values(
        finding=concern.finding,
        alert=id,
        model=concern.model,
        severity=concern.severity,
        title=concern.title,
        added_at=at,
    )
    session.execute(
        finding.on_conflict_do_update(
            index_elements=["finding", "alert"],
            set_={"severity": concern.severity, "title": concern.title, "closed_at": None},
        )
    )
    row = session.get_one(AlertRow, id, populate_existing=True)
    if _rank(concern.severity) > _rank(row.severity):
        # The worst speaks for all.
        row.severity, row.title = concern.severity, concern.title
        row.acknowledged_at = row.acknowledged_by = None
    if row.opened_at == at and row.handed_at is None:
        audit.record(
            session,
            stream(concern.model),
            "alert.opened",
            actor="monitoring",
            subject=concern.model,
            alert=str(id),
            cause=concern.cause,
            severity=concern.severity,
        )
    return id


def leave(session: Session, finding: UUID) -> None:
    """The finding has ended; an alert without any other open one is closed."""
    at = now(session)
    alerts = session.scalars(
        select(AlertRow)
        .join(AlertFindingRow, AlertFindingRow.alert == AlertRow.id)
        .where(AlertFindingRow.finding == finding, AlertRow.closed_at.is_(None))
        .order_by(AlertRow.id)
        .with_for_update(of=AlertRow)
    ).all()
    session.execute(
        update(AlertFindingRow)
        .where(AlertFindingRow.finding == finding, AlertFindingRow.closed_at.is_(None))
        .values(closed_at=at)
    )
    for alert in alerts:
        others = exists().where(AlertFindingRow.alert == alert.id, AlertFindingRow.closed_at.is_(None))
        if not session.scalar(select(others)):
            alert.closed_at = at


def due(session: Session, limit: int = 100) -> list[UUID]:
    """Open alerts that nobody was told of as bad as they are, and that no silence covers; the oldest first."""
    return list(session.scalars(_due(now(session)).order_by(AlertRow.id).limit(limit)))


def hand_over(session: Session, alert: UUID) -> str | None:
    """The severity at which it is being told from now on; None where nothing is to be told any more."""
    row = session.get(AlertRow, alert, with_for_update=True, populate_existing=True)
    if row is None or session.scalar(_due(now(session)).where(AlertRow.id == alert)) is None:
        return None
    row.handed_at, row.handed_severity = now(session), row.severity
    return row.severity


def _due(at: datetime) -> Select[UUID]:
    silenced = (
        exists()
        .where(SilenceRow.since <= at, SilenceRow.until > at, SilenceRow.ended_at.is_(None))
        .where(or_(SilenceRow.cause.is_(None), SilenceRow.cause == AlertRow.cause))
        .where(or_(SilenceRow.model.is_(None), SilenceRow.model == AlertFindingRow.model))
        .correlate(AlertRow, AlertFindingRow)
    )
    heard = exists().where(AlertFindingRow.alert == AlertRow.id, AlertFindingRow.closed_at.is_(None), ~silenced)
    return select(AlertRow.id).where(
        AlertRow.closed_at.is_(None),
        AlertRow.acknowledged_at.is_(None),
        AlertRow.handed_severity.is_distinct_from(AlertRow.severity),
        heard.correlate(AlertRow),
    )


def delivered(session: Session, alert: UUID, channel: str, severity: str) -> None:
    """Note that the channel took the notice; a second time is no fault."""
    statement = insert(DeliveryRow).values(alert=alert, channel=channel, severity=severity, delivered_at=now(session))
    session.execute(statement.on_conflict_do_nothing())


def acknowledge(session: Session, person: Person, alert: UUID, note: str = "") -> None:
    """The person has it in hand. Raises NotPermitted, AlertUnknown, AlertClosed."""
    require(person, HANDLE)
    row = _locked(session, alert)
    if row.closed_at is not None or row.acknowledged_at is not None:
        raise AlertClosed(alert=alert, state="closed" if row.closed_at else "acknowledged")
    row.acknowledged_at, row.acknowledged_by, row.note = now(session), person.id, note[:2000]
    audit.record(
        session, "system", "alert.acknowledged", actor=person.id, subject=row.cause, alert=str(alert), note=note[:2000]
    )


def silence(
    session: Session, person: Person, *, model: str | None, cause: str | None, until: datetime, reason: str
) -> UUID:
    """Tell nobody of these until then; what is found is still shown. Raises NotPermitted, SilenceRefused."""
    require(person, HANDLE)
    at = now(session)
    if not model and not cause:
        raise SilenceRefused(reason="it would silence everything")
    if until <= at:
        raise SilenceRefused(reason="its end does not lie ahead")
    if (until - at).days > 366:
        raise SilenceRefused(reason="it would last for more than a year")
    if not reason.strip():
        raise SilenceRefused(reason="it gives no reason")
    row = SilenceRow(
        id=new_id(),
        model=model or None,
        cause=cause or None,
        since=at,
        until=until,
        reason=reason.strip()[:2000],
        silenced_by=person.id,
    )
    session.add(row)
    audit.record(
        session,
        stream(model) if model else "system",
        "alert.silenced",
        actor=person.id,
        subject=model or cause or "",
        silence=str(row.id),
        cause=cause or "",
        until=until.isoformat(),
        reason=row.reason,
    )
    return row.id


def end_silence(session: Session, person: Person, silence: UUID) -> None:
    """Let it be told again from now on. Raises NotPermitted, SilenceUnknown."""
    require(person, HANDLE)
    row = session.get(SilenceRow, silence, with_for_update=True)
    at = now(session)
    if row is None or row.ended_at is not None or row.until <= at:
        raise SilenceUnknown(silence=silence)
    row.ended_at, row.ended_by = at, person.id
    audit.record(
        session,
        stream(row.model) if row.model else "system",
        "alert.unsilenced",
        actor=person.id,
        subject=row.model or row.cause or "",
        silence=str(silence),
    )


def _locked(session: Session, alert: UUID) -> AlertRow:
    row = session.get(AlertRow, alert, with_for_update=True)
    if row is None:
        raise AlertUnknown(alert=alert)
    return row


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)
