"""Facts told: how a room reaches another without knowing it.

A fact is a row in the teller's transaction, so it is told exactly when the work it tells of is committed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from engine.events.tables import OutboxRow
from engine.store import new_id, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact: what happened, to what, and the digests of what it was seen in."""

    id: uuid.UUID
    name: str
    subject: str
    digests: Mapping[str, str]
    facts: Mapping[str, Any]
    at: datetime


def emit(
    session: Session, name: str, subject: str, digests: Mapping[str, str] | None = None, **facts: Any
) -> uuid.UUID:
    """Tell a fact with this transaction; returns its id. name: noun.verb in the past tense. facts: JSON values."""
    row = OutboxRow(id=new_id(), name=name, subject=subject, digests=dict(digests or {}), facts=facts, at=now(session))
    session.add(row)
    return row.id


def pending(session: Session, limit: int = 100) -> list[Event]:
    """The facts that nobody took yet, oldest first; nothing is locked, so look again before you act (`deliver`)."""
    rows = session.scalars(
        select(OutboxRow).where(OutboxRow.delivered_at.is_(None)).order_by(OutboxRow.id).limit(limit)
    )
    return [
        Event(id=row.id, name=row.name, subject=row.subject, digests=row.digests, facts=row.facts, at=row.at)
        for row in rows
    ]


def deliver(session: Session, id: uuid.UUID) -> bool:
    """Take a fact with this transaction; False where another has taken it, and then there is nothing to do."""
    taken = session.execute(
        update(OutboxRow)
        .where(OutboxRow.id == id, OutboxRow.delivered_at.is_(None))
        .values(delivered_at=now(session))
        .returning(OutboxRow.id)
    )
    return taken.first() is not None
