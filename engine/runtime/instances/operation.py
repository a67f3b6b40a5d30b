"""An operator acts on an instance: retry, suspend, resume, cancel; each with a reason, each in the audit log."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, update

from engine import bpmn, events
from engine.errors import GatewrightError
from engine.identity import Person
from engine.runtime import incidents, jobs, timers, wakeups
from engine.runtime.tables import IncidentRow, JobRow, MessageRow, SubscriptionRow, TimerRow, UserTaskRow
from engine.runtime.transaction import Moving, move
from engine.store import Store

OPERATE = "instance.operate"


class NothingToRetry(GatewrightError):
    """{process} for {subject} has no open incident at {task}."""

    code = "nothing-to-retry"
    hint = "See on its page what it waits for."
    status = 409


def retry(house: Store, person: Person, instance: UUID, task: UUID | None = None) -> int:
    """Try the failed steps of an instance again (one of them, or all); returns how many."""

    def act(moving: Moving) -> int:
        query = select(IncidentRow).where(IncidentRow.instance == instance, IncidentRow.closed_at.is_(None))
        failing = list(moving.session.scalars(query.where(IncidentRow.task == task) if task else query))
        if not failing:
            subject = moving.row.subject or "no subject"
            raise NothingToRetry(process=moving.row.process, subject=subject, task=task or "any step")
        for incident in failing:
            incident.closed_at, incident.closed_by, incident.resolution = moving.now, person.id, "retried"
            _again(moving, incident)
            moving.record("incident.retried", element=incident.element, task=str(incident.task))
        moving.row.waiting = {
            **moving.row.waiting,
            "incidents": [
                each
                for each in moving.row.waiting.get("incidents", [])
                if each not in {str(incident.task) for incident in failing}
            ],
        }
        return len(failing)

    return move(house, instance, act, actor=person, permission=OPERATE)


def _again(moving: Moving, incident: IncidentRow) -> None:
    if incident.task is None:
        return  # nothing stands at an element: what follows is the run
    try:
        moving.execution.retry(str(incident.task))
    except bpmn.NotWaiting:
        # The step itself waits unharmed: its job ran out of attempts.
        job = moving.session.get(JobRow, incident.task)
        if job is not None and job.state == "failed":
            job.state, job.attempt, job.queued_at, job.ended_at = "queued", 0, moving.now, None
            jobs.enqueue(moving.session, moving, job)


def suspend(house: Store, person: Person, instance: UUID, reason: str) -> None:
    """Hold an instance: no decision, timer or message moves it and no job begins; a job under way may end."""

    def act(moving: Moving) -> None:
        moving.row.suspended = True
        timers.park(moving, True)
        moving.record("instance.suspended", reason=reason)
        wakeups.changed(moving.session, moving.store, instance)

    move(house, instance, act, actor=person, permission=OPERATE)


def resume(house: Store, person: Person, instance: UUID, reason: str) -> None:
    """Let a suspended instance go on; jobs that were due begin, timers that fell due meanwhile fire now."""

    def act(moving: Moving) -> None:
        moving.row.suspended = False
        timers.park(moving, False)
        jobs.requeue(moving)
        moving.record("instance.resumed", reason=reason)

    move(house, instance, act, actor=person, permission=OPERATE, while_suspended=True)


def cancel(house: Store, person: Person, instance: UUID, reason: str) -> None:
    """End an instance for good, with all that it waits for."""

    def act(moving: Moving) -> None:
        row, session, at = moving.row, moving.session, moving.now
        moving.execution.cancel()
        row.workflow, row.active, row.waiting = moving.execution.state(), {}, {}
        row.state, row.ended_at, row.outcome = "cancelled", at, reason
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
        moving.record("instance.cancelled", reason=reason)
        # What its jobs asked for elsewhere is ended by whoever knows of it.
        events.emit(session, "instance.cancelled", row.subject, instance=str(row.id))
        wakeups.changed(session, moving.store, instance)

    move(house, instance, act, actor=person, permission=OPERATE, while_suspended=True)
