"""An operator holds an instance, lets it go on, or ends it; each with a reason, each in the audit log."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import update

from engine import events
from engine.identity import Person
from engine.runtime import edits, incidents, jobs, timers, wakeups
from engine.runtime.tables import JobRow, MessageRow, SubscriptionRow, TimerRow, UserTaskRow
from engine.runtime.transaction import OPERATE, Moving, move
from engine.store import Store


def suspend(house: Store, person: Person, instance: UUID, reason: str) -> None:
    """Hold an instance: no decision, timer or message moves it and no job begins; a job under way may end."""

    def act(moving: Moving) -> None:
        why = edits.require_reason(reason, "Holding a life cycle")
        moving.row.suspended = True
        timers.park(moving, True)
        moving.record("instance.suspended", reason=why)
        wakeups.changed(moving.session, moving.store, instance)

    move(house, instance, act, actor=person, permission=OPERATE)


def resume(house: Store, person: Person, instance: UUID, reason: str) -> None:
    """Let a suspended instance go on; jobs that were due begin, timers that fell due meanwhile fire now."""

    def act(moving: Moving) -> None:
        why = edits.require_reason(reason, "Letting a life cycle go on")
        moving.row.suspended = False
        timers.park(moving, False)
        jobs.requeue(moving)
        moving.record("instance.resumed", reason=why)

    move(house, instance, act, actor=person, permission=OPERATE, while_suspended=True)


def cancel(house: Store, person: Person, instance: UUID, reason: str) -> None:
    """End an instance for good, with all that it waits for."""

    def act(moving: Moving) -> None:
        why = edits.require_reason(reason, "Ending a life cycle")
        row, session, at = moving.row, moving.session, moving.now
        moving.execution.cancel()
        row.workflow, row.active, row.waiting = moving.execution.state(), {}, {}
        row.state, row.ended_at, row.outcome = "cancelled", at, why
        row.revision += 1
        open_tasks = (UserTaskRow.instance == row.id, UserTaskRow.state == "open")
        session.execute(update(UserTaskRow).where(*open_tasks).values(state="cancelled", closed_at=at))
        open_jobs = (JobRow.instance == row.id, JobRow.ended_at.is_(None))
        session.execute(update(JobRow).where(*open_jobs).values(state="cancelled", ended_at=at))
        session.query(TimerRow).filter(TimerRow.instance == row.id).delete()
        session.query(SubscriptionRow).filter(SubscriptionRow.instance == row.id).delete()
        incidents.close_all(moving, "cancelled")
        session.execute(
            update(MessageRow)
            .where(MessageRow.kind == "continuation", MessageRow.key == str(row.id), MessageRow.delivered_at.is_(None))
            .values(delivered_at=at, delivered_to=row.id, outcome="cancelled")
        )
        moving.record("instance.cancelled", reason=why)
        # What its jobs asked for elsewhere is ended by whoever knows of it.
        events.emit(session, "instance.cancelled", row.subject, instance=str(row.id))
        wakeups.changed(session, moving.store, instance)

    move(house, instance, act, actor=person, permission=OPERATE, while_suspended=True)
