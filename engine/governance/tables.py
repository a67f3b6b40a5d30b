"""The rows of the room."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base, Moment


class ApprovalRow(Base):
    """A decision by a person on a version, with the digests of what they were shown."""

    __tablename__ = "approvals"
    __table_args__ = (
        UniqueConstraint("task"),
        CheckConstraint("purpose IN ('deployment', 'retirement')", name="purpose"),
        CheckConstraint("decision IN ('approve', 'reject')", name="decision"),
        Index("ix_approvals_model", "model", "decided_at"),
        Index("ix_approvals_version", "version", "purpose"),
        {"schema": "governance"},
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    model: Mapped[str]
    version: Mapped[str]  #: model@number
    purpose: Mapped[str]
    environment: Mapped[str]
    tier: Mapped[str]
    decision: Mapped[str]
    role: Mapped[str]
    actor: Mapped[str]
    requester: Mapped[str]
    comment: Mapped[str]
    conditions: Mapped[list[str]]
    digests: Mapped[dict[str, str]] = mapped_column(JSONB)  #: the version's assets at that moment, role -> sha256
    shown: Mapped[dict[str, str]] = mapped_column(JSONB)  #: evidence name -> sha256
    instance: Mapped[UUID]
    task: Mapped[UUID]
    decided_at: Mapped[Moment]
    used_at: Mapped[Moment | None]
    used_by: Mapped[str | None]
    voided_at: Mapped[Moment | None]
    void_reason: Mapped[str | None]


class InHandRow(Base):
    """The version that an instance is about."""

    __tablename__ = "in_hand"
    __table_args__ = ({"schema": "governance"},)
    instance: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[str]  #: model@number
    taken_at: Mapped[Moment]
