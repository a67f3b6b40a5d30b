"""The outbox."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.store import Base, Moment


class OutboxRow(Base):
    """A fact that was told, until and after someone took it."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_pending", "id", postgresql_where=text("delivered_at IS NULL")),
        {"schema": "events"},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    subject: Mapped[str]
    digests: Mapped[dict[str, Any]]
    facts: Mapped[dict[str, Any]]
    at: Mapped[Moment]
    delivered_at: Mapped[Moment | None]
    attempts: Mapped[int]  #: how often taking it failed
    not_before: Mapped[Moment | None]
