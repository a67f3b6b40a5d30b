"""Signals between instances: each instance that listens when one is sent gets it, in a transaction of its own.

It starts an instance of each process whose latest version has a start event for it, too. A signal is not kept for those
who come later (BPMN 2.0.2, 10.5.1), so its rows in the outbox are addressed to the armed events themselves, under a key
that no business key can be: those are printable. An event that is gone by then gets nothing. The instance that threw a
signal has heard it already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from engine import audit, bpmn
from engine.identity import Person
from engine.runtime import bundles
from engine.runtime.tables import MessageRow, SubscriptionRow
from engine.store import new_id, now

if TYPE_CHECKING:
    from engine.runtime.transaction import Moving

#: how long the outbox holds a signal for an instance that is suspended
KEPT = timedelta(days=1)
_MARK = "\x1f"


def key(task: str | UUID) -> str:
    """The key of the subscription of an armed event."""
    return f"{_MARK}{task}"


def start_key(process: str) -> str:
    """The key under which a signal starts a process."""
    return f"{_MARK}{process}"


def is_key(text: str) -> bool:
    """Whether this is such a key."""
    return text.startswith(_MARK)


def send(session: Session, sender: Person, name: str, payload: dict[str, Any] | None = None) -> int:
    """Send a signal to every instance that listens and every process that it starts; returns to how many events."""
    listening = _listening(session, name)
    _write(session, name, payload or {}, listening, sender.id)
    audit.record(session, "system", "signal.sent", actor=sender.id, signal=name, listening=len(listening))
    return len(listening)


def send_thrown(moving: Moving, rest: bpmn.Rest) -> None:
    """Send what the diagram threw to the other instances that listen."""
    for thrown in rest.thrown:
        if thrown.kind == "signal":
            listening = _listening(moving.session, thrown.name, moving.row.id)
            _write(moving.session, thrown.name, thrown.payload, listening, f"instance:{moving.row.id}")
            moving.record("signal.sent", signal=thrown.name, listening=len(listening))


def _listening(session: Session, name: str, thrower: UUID | None = None) -> Sequence[str]:
    # Read unlocked: who begins to listen at this moment may miss it, as with any signal.
    query = select(SubscriptionRow.key).where(
        SubscriptionRow.message == name, SubscriptionRow.key.startswith(_MARK, autoescape=True)
    )
    if thrower is not None:
        query = query.where(SubscriptionRow.instance != thrower)
    starting = [
        start_key(each.process)
        for each in bundles.beginnings(session)
        if (each.beginning.kind, each.beginning.told) == ("signal", name)
    ]
    return [*session.scalars(query.order_by(SubscriptionRow.task)), *starting]


def _write(session: Session, name: str, payload: Mapping[str, Any], listening: Sequence[str], sender: str) -> None:
    at = now(session)
    rows = [
        {
            "id": new_id(),
            "kind": "message",
            "name": name,
            "key": each,
            "payload": dict(payload),
            "sender": sender,
            "sent_at": at,
            "expires_at": at + KEPT,
        }
        for each in listening
    ]
    if rows:
        session.execute(insert(MessageRow), rows)
