"""Facts told: how a room reaches another without knowing it.

A fact is a row in the teller's transaction, so it is told exactly when the work it tells of is committed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
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
    row = OutboxRow(
        id=new_id(), name=name, subject=subject, digests=dict(digests or {}), facts=facts, at=now(session), attempts=0
    )
    session.add(row)
    return row.id


def pending(session: Session, limit: int = 100) -> list[Event]:
    """The facts that nobody took yet, oldest first; nothing is locked, so look again before you act (`deliver`)."""
    due = or_(OutboxRow.not_before.is_(None), OutboxRow.not_before <= now(session))
    rows = session.scalars(
        select(OutboxRow).where(OutboxRow.delivered_at.is_(None), due).order_by(OutboxRow.id).limit(limit)
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


def postpone(session: Session, id: uuid.UUID) -> None:
    """Put off a fact that could not be taken, each time twice as long and at most an hour: it holds up no other."""
    row = session.get(OutboxRow, id, with_for_update=True)
    if row is not None and row.delivered_at is None:
        row.attempts += 1
        row.not_before = now(session) + min(timedelta(seconds=2**row.attempts), timedelta(hours=1))
