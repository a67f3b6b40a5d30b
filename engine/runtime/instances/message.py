"""A message reaches the instance that waits for it."""

from __future__ import annotations

from uuid import UUID

from engine.identity import Person
from engine.runtime.tables import MessageRow, SubscriptionRow
from engine.runtime.transaction import InstanceEnded, InstanceSuspended, InstanceUnknown, Moving, move
from engine.store import Store


def deliver(house: Store, message: UUID, instance: UUID, task: UUID) -> bool:
    """Hand a message over; False where it was delivered before, or nothing waits for it any more."""

    def act(moving: Moving) -> bool:
        row = moving.session.get(MessageRow, message, with_for_update=True)
        if row is None or row.delivered_at is not None:
            return False
        if moving.session.get(SubscriptionRow, task) is None:
            return False
        if not moving.execution.deliver_message(row.name, row.payload):
            return False
        row.delivered_at, row.delivered_to, row.outcome = moving.now, moving.row.id, "delivered"
        moving.record("message.delivered", message=row.name, id=str(row.id), sender=row.sender)
        return True

    try:
        return move(house, instance, act, actor=Person.system("clock"))
    except (InstanceEnded, InstanceSuspended, InstanceUnknown):
        return False
