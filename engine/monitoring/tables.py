"""The rows of the room `monitoring`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base, Moment

SCHEMA = "monitoring"
_STATES = "('no data', 'healthy', 'warn', 'breach')"


class MonitorRow(Base):
    """Who looks at a model in an environment, at what, over which window, how often; and what was seen last."""

    __tablename__ = "monitors"
    __table_args__ = (
        UniqueConstraint("model", "environment", "name"),
        CheckConstraint("state IN ('running', 'stopped')", name="state"),
        CheckConstraint("ends IN ('due', 'newest')", name="ends"),
        Index("ix_monitors_next_due_at", "next_due_at", postgresql_where=text("state = 'running'")),
        {"schema": SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    model: Mapped[str]
    environment: Mapped[str]
    name: Mapped[str]
    measures: Mapped[list[str]]  #: empty: every measure that there is
    window: Mapped[str]  #: an ISO 8601 duration
    ends: Mapped[str]
    timing: Mapped[str]  #: cron, or an ISO 8601 repeating interval
    timezone: Mapped[str]
    missed: Mapped[str]  #: what becomes of missed runs: as a schedule has it
    floor: Mapped[int]
    batch_rows: Mapped[int] = mapped_column(server_default=text("0"))  #: 0, as below: no batches
    batch_seconds: Mapped[int] = mapped_column(server_default=text("0"))
    state: Mapped[str]
    started_at: Mapped[Moment]
    started_by: Mapped[str]
    stopped_at: Mapped[Moment | None]
    stopped_by: Mapped[str | None]
    reason: Mapped[str]  #: why it was stopped, or empty
    next_due_at: Mapped[Moment | None]
    last_due_at: Mapped[Moment | None]  #: of the last run that was measured; later ones may be missed
    verdict: Mapped[str]
    statistical: Mapped[str]
    technical: Mapped[str]
    business: Mapped[str]


class RunRow(Base):
    """One window of one monitor, measured or missed. A missed one that is caught up becomes a measured one."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint("state IN ('measured', 'missed')", name="state"),
        CheckConstraint(f"verdict IN {_STATES}", name="verdict"),
        Index("ix_runs_recorded_at", "recorded_at"),
        {"schema": SCHEMA},
    )

    monitor: Mapped[UUID] = mapped_column(ForeignKey("monitoring.monitors.id"), primary_key=True)
    due_at: Mapped[Moment] = mapped_column(primary_key=True)
    state: Mapped[str]
    version: Mapped[int | None]  #: what answered in the environment; None where nothing did
    since: Mapped[Moment | None]
    until: Mapped[Moment | None]
    recorded_at: Mapped[Moment]
    instance: Mapped[str]  #: of the process that ran it, or empty
    verdict: Mapped[str]
    statistical: Mapped[str]
    technical: Mapped[str]
    business: Mapped[str]
    rows: Mapped[int] = mapped_column(BigInteger)
    readings: Mapped[list[Any]]  #: as judged, each with the bounds in force
    silent: Mapped[dict[str, Any]]  #: measure -> why it said nothing
    p: Mapped[list[float]] = mapped_column(ARRAY(Double))  #: of all that was tested, for corrections over many runs
    detail: Mapped[str]  #: why it was missed, or empty


class LookRow(Base):
    """One hour of a version, as a monitor that judges batches saw it so far."""

    __tablename__ = "looks"
    __table_args__ = (CheckConstraint(f"state IN {_STATES}", name="state"), {"schema": SCHEMA})

    monitor: Mapped[UUID] = mapped_column(ForeignKey("monitoring.monitors.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    hour: Mapped[Moment] = mapped_column(primary_key=True)
    looks: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[int] = mapped_column(BigInteger)  #: of the hour, at the last look
    first_at: Mapped[Moment]
    looked_at: Mapped[Moment]
    state: Mapped[str]  #: the worst of all looks


class FindingRow(Base):
    """Something that is beyond a bound, or silent, from when it was first seen until it was seen healthy."""

    __tablename__ = "findings"
    __table_args__ = (
        CheckConstraint(f"state IN {_STATES}", name="state"),
        Index(
            "uq_findings_open",
            "monitor",
            "measure",
            "metric",
            "subject",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_findings_model", "model", "first_seen"),
        {"schema": SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    model: Mapped[str]
    version: Mapped[int | None]
    environment: Mapped[str]
    monitor: Mapped[UUID] = mapped_column(ForeignKey("monitoring.monitors.id"))
    dimension: Mapped[str]
    measure: Mapped[str]
    metric: Mapped[str]
    subject: Mapped[str]
    cause: Mapped[str]
    state: Mapped[str]
    unit: Mapped[str]
    value: Mapped[float | None] = mapped_column(Double)
    low: Mapped[float | None] = mapped_column(Double)
    high: Mapped[float | None] = mapped_column(Double)
    warn: Mapped[float | None] = mapped_column(Double)
    breach: Mapped[float | None] = mapped_column(Double)
    p: Mapped[float | None] = mapped_column(Double)
    adjusted: Mapped[float | None] = mapped_column(Double)
    excess: Mapped[float | None] = mapped_column(Double)  #: how many times the bound
    detail: Mapped[str]
    moving_with: Mapped[list[str]]  #: what else of the same cause moved in the same window, the largest effect first
    first_seen: Mapped[Moment]
    last_seen: Mapped[Moment]
    worsened_at: Mapped[Moment | None]
    times: Mapped[int]  #: in how many runs it was seen
    closed_at: Mapped[Moment | None]
    closed_because: Mapped[str]


class ThresholdRow(Base):
    """Bounds of a metric of a model, as proposed and as approved by somebody else."""

    __tablename__ = "thresholds"
    __table_args__ = (
        UniqueConstraint("model", "metric", "subject", "version"),
        CheckConstraint("state IN ('proposed', 'approved', 'rejected', 'withdrawn')", name="state"),
        {"schema": SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    model: Mapped[str]
    metric: Mapped[str]
    subject: Mapped[str]  #: empty: every subject of the metric
    version: Mapped[int]
    warn: Mapped[float] = mapped_column(Double)
    breach: Mapped[float] = mapped_column(Double)
    state: Mapped[str]
    reason: Mapped[str]
    proposed_by: Mapped[str]
    proposed_at: Mapped[Moment]
    decided_by: Mapped[str | None]
    decided_at: Mapped[Moment | None]
    comment: Mapped[str]
