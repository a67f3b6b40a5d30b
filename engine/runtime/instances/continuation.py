"""An instance goes on after it used up the transitions of one transaction."""

from __future__ import annotations

from uuid import UUID

from engine.identity import Person
from engine.runtime.tables import MessageRow
from engine.runtime.transaction import InstanceEnded, InstanceSuspended, InstanceUnknown, Moving, move
from engine.store import Store


def go_on(house: Store, instance: UUID, message: UUID) -> bool:
    """Run the instance on; False where it has gone on already."""

    def act(moving: Moving) -> bool:
        row = moving.session.get(MessageRow, message, with_for_update=True)
        if row is None or row.delivered_at is not None:
            return False
        row.delivered_at, row.delivered_to, row.outcome = moving.now, moving.row.id, "went on"
        return True

    try:
        return move(house, instance, act, actor=Person.system("clock"))
    except (InstanceEnded, InstanceSuspended, InstanceUnknown):
        return False
