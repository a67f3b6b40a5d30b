"""The tables of the audit log; what the database itself guards stands in the revision 0001_audit."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base, Moment

_SCHEMA = {"schema": "audit"}


class Stream(Base):
    """A chain of rows and its head: the last row's number and hash."""

    __tablename__ = "streams"
    __table_args__ = _SCHEMA

    name: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes]


class EntryRow(Base):
    """A link of a chain."""

    __tablename__ = "entries"
    __table_args__ = _SCHEMA

    stream: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    payload_hash: Mapped[bytes]
    hash: Mapped[bytes]


class PayloadRow(Base):
    """What a row says, in canonical bytes, and copies of it to search by; erased, only the time and the act stay."""

    __tablename__ = "payloads"
    __table_args__ = (
        Index("ix_payloads_at", "at"),
        Index("ix_payloads_actor_at", "actor", "at"),
        Index("ix_payloads_act_at", "act", "at"),
        Index("ix_payloads_subject_at", "subject", "at"),
        _SCHEMA,
    )

    stream: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[Moment]
    act: Mapped[str]
    actor: Mapped[str | None]
    subject: Mapped[str | None]
    salt: Mapped[bytes | None]
    payload: Mapped[bytes | None]


class CheckpointRow(Base):
    """A signed statement about the heads that moved since the one before."""

    __tablename__ = "checkpoints"
    __table_args__ = _SCHEMA

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    statement: Mapped[bytes]
    signature: Mapped[bytes]


class CheckpointHead(Base):
    """A head as a checkpoint saw it: one leaf of its tree."""

    __tablename__ = "checkpoint_heads"
    __table_args__ = (Index("ix_checkpoint_heads_checkpoint", "checkpoint"), _SCHEMA)

    checkpoint: Mapped[int] = mapped_column(BigInteger)
    stream: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hash: Mapped[bytes]


class Erasure(Base):
    """A row whose content was erased, when, and by which role of the database."""

    __tablename__ = "erasures"
    __table_args__ = _SCHEMA

    stream: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[Moment]
    role: Mapped[str]
