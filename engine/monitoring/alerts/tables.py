"""The rows of alerts: what people are told of, what they have been told, and what they want to hear no more of."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base, Moment

SCHEMA = "monitoring"


class AlertRow(Base):
    """One cause that people have to know of, until nothing of it is left."""

    __tablename__ = "alerts"
    __table_args__ = (
        CheckConstraint("severity IN ('no data', 'warn', 'breach')", name="severity"),
        Index("uq_alerts_open", "cause", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_alerts_opened_at", "opened_at"),
        {"schema": SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    cause: Mapped[str]
    title: Mapped[str]
    severity: Mapped[str]  #: the worst that there was
    opened_at: Mapped[Moment]
    handed_at: Mapped[Moment | None]  #: when its telling began last
    handed_severity: Mapped[str | None]
    acknowledged_at: Mapped[Moment | None]
    acknowledged_by: Mapped[str | None]
    note: Mapped[str]
    closed_at: Mapped[Moment | None]


class AlertFindingRow(Base):
    """A finding of the alert's cause."""

    __tablename__ = "alert_findings"
    __table_args__ = (Index("ix_alert_findings_alert", "alert"), {"schema": SCHEMA})

    finding: Mapped[UUID] = mapped_column(primary_key=True)
    alert: Mapped[UUID] = mapped_column(ForeignKey("monitoring.alerts.id"), primary_key=True)
    model: Mapped[str]
    severity: Mapped[str]
    title: Mapped[str]
    added_at: Mapped[Moment]
    closed_at: Mapped[Moment | None]


class DeliveryRow(Base):
    """A channel that took the notice of an alert."""

    __tablename__ = "deliveries"
    __table_args__ = {"schema": SCHEMA}  # noqa: RUF012

    alert: Mapped[UUID] = mapped_column(ForeignKey("monitoring.alerts.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    severity: Mapped[str] = mapped_column(primary_key=True)
    delivered_at: Mapped[Moment]


class SilenceRow(Base):
    """What nobody is told of until a date."""

    __tablename__ = "silences"
    __table_args__ = (
        CheckConstraint("until > since", name="span"),
        Index("ix_silences_until", "until"),
        {"schema": SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    model: Mapped[str | None]  #: every model where it is none
    cause: Mapped[str | None]  #: every cause where it is none
    since: Mapped[Moment]
    until: Mapped[Moment]
    reason: Mapped[str]
    silenced_by: Mapped[str]
    ended_at: Mapped[Moment | None]
    ended_by: Mapped[str | None]
