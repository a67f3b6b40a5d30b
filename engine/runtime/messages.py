"""Messages between instances, and what an instance still owes itself: outbox rows, delivered in their own transaction.

A message goes to the instance that waits for its name under its key (the business key). Where none waits yet it stays
for a month: a receiver may be busy with a review of two weeks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from engine import audit, bpmn
from engine.identity import Person
from engine.runtime import signals
from engine.runtime.tables import MessageRow
from engine.store import new_id, now

if TYPE_CHECKING:
    from engine.runtime.transaction import Moving

KEPT = timedelta(days=30)


def send(session: Session, sender: Person, name: str, key: str, payload: dict[str, Any] | None = None) -> UUID:
    """Put a message into the outbox, in the caller's transaction; returns its id."""
    at = now(session)
    row = MessageRow(
        id=new_id(),
        kind="message",
        name=name,
        key=key,
        payload=payload or {},
        sender=sender.id,
        sent_at=at,
        expires_at=at + KEPT,
    )
    session.add(row)
    audit.record(session, "system", "message.sent", actor=sender.id, subject=key, message=name, id=str(row.id))
    return row.id


def send_thrown(moving: Moving, rest: bpmn.Rest) -> None:
    """Put what the diagram threw into the outbox."""
    rows = [
        {
            "id": new_id(),
            "kind": "message",
            "name": thrown.name,
            "key": thrown.correlation or moving.row.subject,
            "payload": thrown.payload,
            "sender": f"instance:{moving.row.id}",
            "sent_at": moving.now,
            "expires_at": moving.now + KEPT,
        }
        for thrown in rest.thrown
        if thrown.kind == "message"
    ]
    if rows:
        moving.session.execute(insert(MessageRow), rows)
        for row in rows:
            moving.record("message.sent", message=row["name"], key=row["key"], id=str(row["id"]))


def go_on(moving: Moving) -> None:
    """Have the instance go on in another transaction: it has used up the transitions of this one."""
    moving.session.execute(
        insert(MessageRow),
        [
            {
                "id": new_id(),
                "kind": "continuation",
                "name": "",
                "key": str(moving.row.id),
                "payload": {},
                "sender": f"instance:{moving.row.id}",
                "sent_at": moving.now,
                "expires_at": None,
            }
        ],
    )


def write_subscriptions(moving: Moving, rest: bpmn.Rest, before: list[str]) -> list[str]:
    """Write what the instance waits to be told, forget what it no longer waits for; returns the waiting tasks."""
    waiting = {each.task_id: each for each in rest.messages}
    new = [each for task, each in waiting.items() if task not in before]
    moving.changes.rows["subscriptions"] = [
        {
            "task": each.task_id,
            "instance": moving.row.id,
            "element": each.element,
            "name": each.name,
            "process": each.process,
            "message": each.name,
            "key": signals.key(each.task_id) if each.kind == "signal" else each.correlation or moving.row.subject,
        }
        for each in new
    ]
    moving.changes.gone["subscriptions_gone"] = [UUID(task) for task in before if task not in waiting]
    return sorted(waiting)
