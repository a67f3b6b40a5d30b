"""The rows of feeds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from engine.monitoring.tables import SCHEMA
from engine.store import Base, Moment


class FeedRow(Base):
    """A feed; see `Feed` for what the columns mean."""

    __tablename__ = "feeds"
    __table_args__ = (
        CheckConstraint("origin IN ('internal', 'external')", name="origin"),
        {"schema": SCHEMA},
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str]
    environment: Mapped[str]
    kind: Mapped[str]
    owner: Mapped[str]
    origin: Mapped[str]
    cadence: Mapped[str]
    grace: Mapped[str]
    columns: Mapped[dict[str, Any]]
    output: Mapped[str]
    settings: Mapped[dict[str, Any]]
    paused: Mapped[bool]
    defined_at: Mapped[Moment]
    defined_by: Mapped[str]


class ArrivalRow(Base):
    """What one window of a feed held when it was read last."""

    __tablename__ = "arrivals"
    __table_args__ = (
        CheckConstraint("state IN ('arrived', 'late', 'missing', 'empty', 'corrupt')", name="state"),
        {"schema": SCHEMA},
    )

    feed: Mapped[str] = mapped_column(ForeignKey(f"{SCHEMA}.feeds.name"), primary_key=True)
    since: Mapped[Moment] = mapped_column(primary_key=True)
    until: Mapped[Moment]
    read_at: Mapped[Moment]
    state: Mapped[str]
    problem: Mapped[str]
    rows: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int | None]
    reference: Mapped[str | None]
    tally: Mapped[bytes | None]
    columns: Mapped[dict[str, Any]]
    renamed: Mapped[dict[str, Any]]
