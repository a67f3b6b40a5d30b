"""A timer is due."""

from __future__ import annotations

from uuid import UUID

from engine.identity import Person
from engine.runtime import timers
from engine.runtime.transaction import InstanceEnded, InstanceSuspended, InstanceUnknown, Moving, move
from engine.store import Store
from engine.telemetry import tracing

CLOCK = Person.system("clock")


def fire(house: Store, instance: UUID, task: UUID) -> bool:
    """Fire a due timer; False where another clock did, or the token is gone."""

    def act(moving: Moving) -> bool:
        tracing.tell(task=task)
        if not timers.still_due(moving, task):
            return False
        moving.execution.fire_timer(str(task), at=moving.now)
        moving.record("timer.fired", task=str(task))
        return True

    try:
        return move(house, instance, act, actor=CLOCK)
    except (InstanceEnded, InstanceSuspended, InstanceUnknown):
        return False
