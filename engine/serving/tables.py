"""The rows of the room `serving`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base, Moment

SCHEMA = "serving"


class EnvironmentRow(Base):
    """A place in which versions run."""

    __tablename__ = "environments"
    __table_args__ = (UniqueConstraint("position"), {"schema": SCHEMA})

    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    target: Mapped[str]
    position: Mapped[int]
    promoters: Mapped[list[str]]
    settings: Mapped[dict[str, Any]]
    defined_at: Mapped[Moment]
    defined_by: Mapped[str]


class DeploymentRow(Base):
    """One version in one environment on one target, as wished and as seen."""

    __tablename__ = "deployments"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("desired IN ('running', 'stopped')", name="desired"),
        CheckConstraint("observed IN ('waiting', 'starting', 'running', 'failing', 'stopped')", name="observed"),
        Index("ix_deployments_model", "model", "requested_at"),
        Index(
            "ix_deployments_active",
            "target",
            postgresql_where=text("desired = 'running' OR observed <> 'stopped'"),
        ),
        {"schema": SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str]
    model: Mapped[str]
    version: Mapped[int]
    environment: Mapped[str] = mapped_column(ForeignKey("serving.environments.name"))
    target: Mapped[str]
    kind: Mapped[str]
    cut_off: Mapped[float | None]
    inputs: Mapped[dict[str, Any]]
    desired: Mapped[str]
    observed: Mapped[str]
    detail: Mapped[str]
    address: Mapped[str | None]
    requested_by: Mapped[str]
    requested_at: Mapped[Moment]
    instance: Mapped[str]
    task: Mapped[str]
    observed_at: Mapped[Moment]
    live_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]


class RouteRow(Base):
    """The share of a model's requests in an environment that one deployment answers."""

    __tablename__ = "routes"
    __table_args__ = (CheckConstraint("weight BETWEEN 1 AND 100", name="weight"), {"schema": SCHEMA})

    model: Mapped[str] = mapped_column(primary_key=True)
    environment: Mapped[str] = mapped_column(ForeignKey("serving.environments.name"), primary_key=True)
    deployment: Mapped[UUID] = mapped_column(ForeignKey("serving.deployments.id"), primary_key=True)
    weight: Mapped[int]
    since: Mapped[Moment]


class RetirementRow(Base):
    """A model that answers no more, anywhere."""

    __tablename__ = "retirements"
    __table_args__ = {"schema": SCHEMA}  # noqa: RUF012

    model: Mapped[str] = mapped_column(primary_key=True)
    retired_at: Mapped[Moment]
    retired_by: Mapped[str]
    reason: Mapped[str]
    instance: Mapped[str]
    task: Mapped[str]


class BatchRow(Base):
    """A file of rows that a version scores as a whole."""

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("key"),
        CheckConstraint("state IN ('waiting', 'scoring', 'scored', 'done', 'failed')", name="state"),
        Index("ix_batches_model", "model", "requested_at"),
        Index("ix_batches_owed", "requested_at", postgresql_where=text("state IN ('waiting', 'scoring', 'scored')")),
        {"schema": SCHEMA},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str]
    model: Mapped[str]
    version: Mapped[int]
    environment: Mapped[str]
    deployment: Mapped[UUID] = mapped_column(ForeignKey("serving.deployments.id"))
    source: Mapped[str]
    name: Mapped[str]
    place: Mapped[str]
    requested_by: Mapped[str]
    requested_at: Mapped[Moment]
    state: Mapped[str]
    attempts: Mapped[int]
    next_attempt_at: Mapped[Moment]
    rows: Mapped[int | None] = mapped_column(BigInteger)
    parts: Mapped[list[str]]
    logged_parts: Mapped[int]
    result: Mapped[str | None]
    problem: Mapped[dict[str, Any] | None]
    ended_at: Mapped[Moment | None]


class UsageRow(Base):
    """What the process of one deployment used within one hour; all but the peak adds up."""

    __tablename__ = "usage"
    __table_args__ = {"schema": SCHEMA}  # noqa: RUF012

    deployment: Mapped[UUID] = mapped_column(primary_key=True)
    hour: Mapped[Moment] = mapped_column(primary_key=True)
    samples: Mapped[int] = mapped_column(BigInteger)
    memory_mb_sum: Mapped[float]
    memory_mb_peak: Mapped[float]
    cpu_us: Mapped[int] = mapped_column(BigInteger)
    watched_us: Mapped[int] = mapped_column(BigInteger)
