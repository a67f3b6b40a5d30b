"""A job ended: its result is taken, exactly once, or its failure is retried and at last becomes an incident."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from engine import bpmn
from engine.errors import words
from engine.identity import Person
from engine.runtime import guard, incidents, jobs, registry, rows
from engine.runtime.held import InstanceOf, Job
from engine.runtime.transaction import InstanceEnded, InstanceSuspended, Moving, move
from engine.store import Store
from engine.telemetry import tracing

WORKER = Person.system("worker")


def succeeded(
    house: Store, task: UUID, parameters: BaseModel, value: Any, *, prepared: Any = None, entry: int | None = None
) -> bool:
    """Take a job's result, with what its handler applies; False where it was taken or given up before.

    The token is the task, checked under the instance's lock: of two results of one step the second is dropped.
    prepared: what the handler prepared for the attempt that gave the value.
    entry: that of the queue by which a worker came to the job; it goes with the result, in the same transaction.
    """

    def act(moving: Moving) -> bool:
        row = moving.row.job
        if row is None or not row.owed:
            moving.record("job.result_dropped", task=str(task), reason="the step was taken or cancelled before")
            return False
        tracing.tell(element=row.element, task=task, handler=row.handler)
        handler = registry.find_service_task(row.handler)
        if handler.taken:
            ctx = replace(moving.context(str(task), row.element), prepared=prepared)
            with (
                tracing.span(f"apply {row.handler}", handler=row.handler, element=row.element),
                moving.session.begin_nested(),
                guard.inside_transaction(f"{row.handler}, apply", moving.session),
            ):
                handler.taken(moving.session, parameters, ctx, value)
                moving.session.flush()
        row.state, row.ended_at, row.progress, row.error = "done", moving.now, 1.0, None
        moving.changes.rows.setdefault("jobs_ended", []).append(rows.ended(row))
        _entry_gone(moving, entry)
        moving.closed.add(str(task))
        moving.execution.complete_service_task(str(task), value)
        moving.record(
            "service_task.completed",
            element=row.element,
            handler=row.handler,
            attempt=row.attempt,
            result=jobs.digest(value),
        )
        return True

    return _moved(house, task, act)


def failed(house: Store, task: UUID, failure: Exception, *, spared: bool = False, entry: int | None = None) -> bool:
    """Take a job's failure: a named BPMN error goes to its boundary, another is tried again or becomes an incident.

    spared: it tried for others whether a tool answers again, which uses up no attempt of its own.
    """

    def act(moving: Moving) -> bool:
        row = moving.row.job
        if row is None or not row.owed:
            return False
        tracing.tell(element=row.element, task=task, handler=row.handler)
        handler = registry.find_service_task(row.handler)
        cause = jobs.declared(handler, failure)
        row.error = words(cause, 4000) or type(cause).__name__
        moving.record(
            "job.failed", element=row.element, handler=row.handler, attempt=row.attempt, cause=row.error[:500]
        )
        if isinstance(cause, bpmn.BpmnError):
            moving.reasons[str(task)] = cause.message
            caught = moving.execution.fail_service_task(str(task), cause.code)
            row.state, row.ended_at = ("done" if caught else "failed"), moving.now
            moving.closed.add(str(task))  # uncaught, the run that follows tells of it as an incident
        elif spared or row.attempt < row.attempts:
            row.attempt -= spared
            at = moving.now + jobs.wait(handler, max(row.attempt, 1))
            row.state, row.next_attempt_at = "retrying", at
            jobs.enqueue(moving, task, row.handler, at)
        else:
            row.state, row.ended_at = "failed", moving.now
            _incident(moving, row)
        rows.job_failed(moving.session, row)
        _entry_gone(moving, entry)
        return True

    return _moved(house, task, act)


def _entry_gone(moving: Moving, entry: int | None) -> None:
    if entry is not None:
        moving.changes.entries.append(entry)


def _incident(moving: Moving, row: Job) -> None:
    incidents.open_one(
        moving,
        bpmn.Failure(
            task_id=str(row.task),
            element=row.element,
            name=row.name,
            process=row.process,
            cause=row.error or "",
            kind="handler",
        ),
    )


def _moved(house: Store, task: UUID, act: Any) -> bool:
    try:
        outcome: bool = move(house, InstanceOf(job=task), act, actor=WORKER, while_suspended=True)
    except (InstanceEnded, InstanceSuspended):
        return False  # its result is of no use any more; the refusal is in the audit log
    return outcome
