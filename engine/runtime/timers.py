"""Armed timers in an indexed table, and the firing of those that are due.

Timers are not queue jobs: fetching a job is linear in the jobs scheduled for later (100,000: 28 ms), while the partial
index finds the due ones at once. Right with two clocks: a due timer is read unlocked, its instance is locked, and the
timer is looked at again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import update

from engine import bpmn
from engine.runtime import rows
from engine.runtime.tables import TimerRow

if TYPE_CHECKING:
    from engine.runtime.transaction import Moving


def write(moving: Moving, rest: bpmn.Rest, before: dict[str, str]) -> dict[str, str]:
    """Arm what is new or due at another moment, disarm what is gone; returns task -> due moment."""
    armed = {timer.task_id: timer for timer in rest.timers}
    after = {task: timer.due.isoformat() for task, timer in armed.items()}
    new = [timer for task, timer in armed.items() if before.get(task) != after[task]]
    if new:
        moving.changes.rows["timers"] = [
            {
                "task": timer.task_id,
                "instance": moving.row.id,
                "element": timer.element,
                "name": timer.name,
                "process": timer.process,
                "due_at": timer.due,
                "parked": False,
            }
            for timer in new
        ]
    moving.changes.gone["timers_gone"] = [UUID(task) for task in before if task not in armed]
    return after


def park(moving: Moving, parked: bool) -> None:
    """Take the timers of a suspended instance out of sight of the clock, or put them back."""
    moving.session.execute(update(TimerRow).where(TimerRow.instance == moving.row.id).values(parked=parked))


def still_due(moving: Moving, task: UUID) -> bool:
    """Whether the timer is armed and due: asked again under the instance's lock."""
    due = rows.timer_due(moving.session, task)
    return due is not None and due <= moving.now
