"""The rows of the room `inferences`."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base, Moment

SCHEMA = "inferences"


class InferenceRow(Base):
    """One answered row; see `Inference` for what the columns mean."""

    __tablename__ = "inferences"
    __table_args__ = (
        Index("ix_inferences_model_event_time", "model", "event_time"),
        Index(
            "ix_inferences_caller_reference",
            "caller_reference",
            postgresql_where=text("caller_reference IS NOT NULL"),
        ),
        {"schema": SCHEMA, "postgresql_partition_by": "RANGE (logged_at)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    logged_at: Mapped[Moment] = mapped_column(primary_key=True)
    event_time: Mapped[Moment]
    model: Mapped[str]
    version: Mapped[int]
    environment: Mapped[str]
    deployment: Mapped[UUID]
    caller: Mapped[str]
    caller_reference: Mapped[str | None]
    input: Mapped[dict[str, Any]]
    score: Mapped[float | None]
    decision: Mapped[str | None]
    output: Mapped[dict[str, Any]]
    request: Mapped[UUID]
    position: Mapped[int]
    request_rows: Mapped[int]
    latency_us: Mapped[int]


class RefusalRow(Base):
    """How many requests to a model ended in one error within one hour."""

    __tablename__ = "refusals"
    __table_args__ = {"schema": SCHEMA}  # noqa: RUF012

    model: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[Moment] = mapped_column(primary_key=True)
    environment: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[int]
    requests: Mapped[int] = mapped_column(BigInteger)


class FailureRow(Base):
    """How many requests failed at one deployment by one error within one hour: those of status 500 and above."""

    __tablename__ = "failures"
    __table_args__ = {"schema": SCHEMA}  # noqa: RUF012

    deployment: Mapped[UUID] = mapped_column(primary_key=True)
    hour: Mapped[Moment] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger)


class PieceRow(Base):
    """Counts of rows that one group of the log wrote, of one hour of event time."""

    __tablename__ = "pieces"
    __table_args__ = (Index("ix_pieces_model", "model", "version", "hour"), {"schema": SCHEMA})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    model: Mapped[str]
    version: Mapped[int]
    environment: Mapped[str]
    reference: Mapped[str]  #: the digest of what the groups were fitted on
    hour: Mapped[Moment]
    rows: Mapped[int] = mapped_column(BigInteger)
    tally: Mapped[bytes]


class SpanRow(Base):
    """Counts of all pieces of an hour, a day or a month that were added up so far."""

    __tablename__ = "spans"
    __table_args__ = (CheckConstraint("unit IN ('hour', 'day', 'month')", name="unit"), {"schema": SCHEMA})

    model: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    environment: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str] = mapped_column(primary_key=True)
    starts_at: Mapped[Moment] = mapped_column(primary_key=True)
    rows: Mapped[int] = mapped_column(BigInteger)
    tally: Mapped[bytes]


class OutcomePieceRow(Base):
    """Counts of what one group of the log, or one sending of labels, brought, of one hour."""

    __tablename__ = "outcome_pieces"
    __table_args__ = (
        Index("ix_outcome_pieces_model", "model", "version", "kind", "hour"),
        CheckConstraint("kind IN ('outcomes', 'requests')", name="kind"),
        {"schema": SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    model: Mapped[str]
    version: Mapped[int]
    environment: Mapped[str]
    hour: Mapped[Moment]  #: of event time for outcomes, of the answer for requests
    counts: Mapped[bytes]


class OutcomeSpanRow(Base):
    """All such pieces of an hour, a day or a month that were added up so far."""

    __tablename__ = "outcome_spans"
    __table_args__ = (
        CheckConstraint("kind IN ('outcomes', 'requests')", name="kind"),
        CheckConstraint("unit IN ('hour', 'day', 'month')", name="unit"),
        {"schema": SCHEMA},
    )

    model: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    environment: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str] = mapped_column(primary_key=True)
    starts_at: Mapped[Moment] = mapped_column(primary_key=True)
    counts: Mapped[bytes]


class DroppedMonthRow(Base):
    """A month of the log that retention dropped, and what it held."""

    __tablename__ = "dropped_months"
    __table_args__ = {"schema": SCHEMA}  # noqa: RUF012

    month: Mapped[date] = mapped_column(primary_key=True)
    dropped_at: Mapped[Moment] = mapped_column(primary_key=True)
    rows: Mapped[int] = mapped_column(BigInteger)
    labels: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str]  #: sha256 of its rows as COPY writes them, by id
    dropped_by: Mapped[str]  #: the transaction, which alone may drop what it recorded


class LabelRow(Base):
    """What became known later about one inference."""

    __tablename__ = "labels"
    __table_args__ = (Index("ix_labels_model", "model", "known_at"), {"schema": SCHEMA})

    inference: Mapped[UUID] = mapped_column(primary_key=True)
    model: Mapped[str]
    value: Mapped[str]
    known_at: Mapped[Moment]
    recorded_at: Mapped[Moment]
    recorded_by: Mapped[str]
    #: protected column -> the group under which it was counted; None: it was not
    counted: Mapped[dict[str, Any] | None]


class ViolationRow(Base):
    """A row of the log that broke a business rule when it was answered; its values stay in the log."""

    __tablename__ = "violations"
    __table_args__ = (
        Index("ix_violations_rule", "model", "rule", "event_time"),
        Index("ix_violations_logged_at", "logged_at"),
        {"schema": SCHEMA},
    )

    inference: Mapped[UUID] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)  #: the digest of its expression
    model: Mapped[str]
    version: Mapped[int]
    environment: Mapped[str]
    event_time: Mapped[Moment]
    logged_at: Mapped[Moment]  #: the other half of the row's key in the log
