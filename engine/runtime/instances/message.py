"""A message, or a signal, reaches the instance that waits for it."""

from __future__ import annotations

from uuid import UUID

from engine.identity import Person
from engine.runtime import signals
from engine.runtime.tables import MessageRow, SubscriptionRow
from engine.runtime.transaction import InstanceEnded, InstanceSuspended, InstanceUnknown, Moving, move
from engine.store import Store
from engine.telemetry import tracing


def deliver(house: Store, message: UUID, instance: UUID, task: UUID) -> bool:
    """Hand a message over; False where it was delivered before, or nothing waits for it any more."""

    def act(moving: Moving) -> bool:
        row = moving.session.get(MessageRow, message, with_for_update=True)
        if row is None or row.delivered_at is not None:
            return False
        waiting = moving.session.get(SubscriptionRow, task)
        if waiting is None:
            return False
        tracing.tell(element=waiting.element, task=task)
        signal = signals.is_key(row.key)
        handed_over = moving.execution.deliver_signal if signal else moving.execution.deliver_message
        if not handed_over(row.name, row.payload):
            return False
        row.delivered_at, row.delivered_to, row.outcome = moving.now, moving.row.id, "delivered"
        if signal:
            moving.record("signal.delivered", signal=row.name, id=str(row.id), sender=row.sender)
        else:
            moving.record("message.delivered", message=row.name, id=str(row.id), sender=row.sender)
        return True

    try:
        return move(house, instance, act, actor=Person.system("clock"))
    except (InstanceEnded, InstanceSuspended, InstanceUnknown):
        return False
