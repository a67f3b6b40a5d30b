"""One attempt at a job: begun as it is taken or by itself, run outside of any transaction, its result taken in another.

A killed worker's job is handed out again: at least once. Its result is taken once, under the instance's lock, together
with the queue's entry.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from engine import bpmn
from engine.errors import GatewrightError, words
from engine.runtime import breakers, deadlines, guard, instances, jobs, lines, registry, rows, wakeups
from engine.runtime.context import Context
from engine.runtime.held import Job
from engine.runtime.tables import JobRow
from engine.runtime.transaction import InstanceBusy
from engine.store import Store, now, replayed, transaction
from engine.store.sessions import take_back, used_inside
from engine.telemetry import metrics, tracing

_log = logging.getLogger(__name__)

NAME = f"{socket.gethostname()}:{os.getpid()}"
#: progress is written at most this often
_PROGRESS_SECONDS = 0.5
#: workers that may die at one job before it becomes an incident: its own doing, not the machine's
_MOST_DEATHS = 10
#: times that a busy instance is asked to take a result, each as long as a lock is waited for
_MOST_ASKED = 5


class WorkerLost(GatewrightError):
    """The workers that did {handler} were lost {times} times."""

    code = "worker-lost"
    hint = "Look into the worker's log for what ends it, such as memory or a crash in a library; mend it, then retry."
    status = 500


def run_handler(house: Store, task: UUID, entry: int | None = None, job: Job | None = None) -> bool:
    """Run the job of this step, if it is still owed, and take its result or its failure.

    entry: that of the queue; returns whether it is gone with the result. job: where it was begun as it was taken.
    """
    begun = _begin(house, task) if job is None else _begun_already(house, job)
    if isinstance(begun, _InLine):
        # Asked for in a transaction of its own: the line's lock is never taken with an instance's.
        begun = _begin(house, task) if lines.join(house, begun.handler, task, begun.target) else None
    if not isinstance(begun, _Begun):
        return False
    with tracing.span(
        f"job {begun.handler.name}",
        parent=begun.trace,
        instance=begun.ctx.instance,
        element=begun.ctx.element,
        task=task,
        handler=begun.handler.name,
        attempt=begun.attempt,
    ):
        return _run(house, task, begun, entry)


def _run(house: Store, task: UUID, begun: _Begun, entry: int | None) -> bool:
    handler, refusal = begun.handler, begun.refusal
    if refusal is not None:
        tracing.failed(refusal)
        refused = "named_error" if isinstance(refusal, bpmn.BpmnError) else "refused"
        metrics.JOBS.labels(handler.name, refused).observe(0.0)  # it did not come to run
        gone = instances.failed(house, task, refusal, entry=entry)
        # What was refused before the tool was asked says nothing of the tool; workers that die at it do.
        lost = isinstance(refusal, WorkerLost)
        lines.ended(house, handler, task, begun.target, begun.standing, refusal, asked=lost)
        return gone
    try:
        with metrics.timed(metrics.JOBS, handler.name) as outcome:
            try:
                found = deadlines.attempt(
                    handler.name, handler.seconds, lambda: handler.function(begun.parameters, begun.ctx)
                )
                value = jobs.json_value(handler.name, found)
            except bpmn.BpmnError:
                outcome[0] = "named_error"
                raise
    except Exception as failure:
        _log.info("Job %s (%s) failed: %s", handler.name, task, words(failure))
        tracing.failed(failure)
        spared = begun.standing.probe == task and breakers.technical(failure)
        gone = instances.failed(house, task, failure, spared=spared, entry=entry)
        lines.ended(house, handler, task, begun.target, begun.standing, failure)
        return gone
    try:
        gone = _hand_in(house, task, begun, value, entry)
    except (OperationalError, InstanceBusy):
        raise  # no fault of the step: it is still owed, and handed out again
    except Exception as failure:
        # What the handler applies was refused: the step fails like a run that failed.
        tracing.failed(failure)
        gone = instances.failed(house, task, failure, entry=entry)
    lines.ended(house, handler, task, begun.target, begun.standing, None)
    return gone


def _hand_in(house: Store, task: UUID, begun: _Begun, value: Any, entry: int | None) -> bool:
    """Have the result taken; an instance that is busy is asked again, since the work would else be done again."""
    for _ in range(_MOST_ASKED):
        try:
            return instances.succeeded(house, task, begun.parameters, value, prepared=begun.ctx.prepared, entry=entry)
        except InstanceBusy:
            continue
    return instances.succeeded(house, task, begun.parameters, value, prepared=begun.ctx.prepared, entry=entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class _InLine:
    """A job that has to ask for a place before it begins."""

    handler: registry.ServiceTask
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A job at work."""

    handler: registry.ServiceTask
    ctx: Context
    attempt: int
    trace: str | None
    target: str  #: the outside thing that it asks, or empty
    standing: lines.Standing
    parameters: Any = None
    refusal: Exception | None = None


def _begin(house: Store, task: UUID) -> _Begun | _InLine | None:
    """Mark the job as running and check what it prepares; None where nothing is owed any more."""
    return replayed(house, lambda session: _begun(session, house, task))


def _begun(session: Session, house: Store, task: UUID) -> _Begun | _InLine | None:
    job = rows.job(session, task)
    if job is None or not job.moves or not job.owed:
        return None
    if job.suspended:
        # It is queued again when the instance is resumed; until then it takes nobody's place.
        rows.job_held(session, task)
        return None
    handler = registry.find_service_task(job.handler)
    parameters, target, refusal = _parsed(handler, job.parameters)
    standing = lines.standing(session, handler, target) if job.limited else lines.Standing(limits=handler.limits)
    if standing.guarded and job.admitted_at is None and job.state != "running" and refusal is None:
        return _InLine(handler=handler, target=target)
    ctx = _context(house, job, now(session))
    if job.attempt >= job.attempts + _MOST_DEATHS:
        refusal = WorkerLost(handler=job.handler, times=_MOST_DEATHS)
    elif refusal is None:
        ctx, refusal = _prepared(session, handler, job, parameters, ctx)
    rows.job_begins(session, job, NAME, now(session), alone=not used_inside(session))
    return _Begun(
        handler=handler,
        ctx=ctx,
        attempt=job.attempt,
        trace=job.trace,
        target=target,
        standing=standing,
        parameters=parameters,
        refusal=refusal,
    )


def _begun_already(house: Store, job: Job) -> _Begun:
    """The job as it was begun when it was taken, with what it prepares: under its instance's lock if it asks at all."""

    def prepare(session: Session) -> tuple[Context, Exception | None]:
        rows.lock_before_anything(session, job)
        found = _prepared(session, handler, job, parameters, ctx)
        take_back(session)
        return found

    handler = registry.find_service_task(job.handler)
    parameters, target, refusal = _parsed(handler, job.parameters)
    ctx = _context(house, job, house.clock.now())
    if refusal is None and handler.check is not None:
        ctx, refusal = replayed(house, prepare)
    return _Begun(
        handler=handler,
        ctx=ctx,
        attempt=job.attempt,
        trace=job.trace,
        target=target,
        standing=lines.Standing(limits=handler.limits),
        parameters=parameters,
        refusal=refusal,
    )


def _context(house: Store, job: Job, at: datetime) -> Context:
    return Context(
        instance=job.instance,
        task=job.task,
        element=job.element,
        starter=job.starter,
        subject=job.subject,
        now=at,
        files=house.files,
        settings=house.settings,
        actor="worker",
        progress=_Progress(house, job.task),
    )


def _prepared(
    session: Session, handler: registry.ServiceTask, job: Job, parameters: Any, ctx: Context
) -> tuple[Context, Exception | None]:
    """The context with what the handler prepares, or why it refuses."""
    if handler.check is None:
        return ctx, None
    try:
        with (
            tracing.span(
                f"prepare {handler.name}",
                parent=job.trace,
                instance=job.instance,
                element=job.element,
                handler=handler.name,
            ),
            session.begin_nested(),
            guard.inside_transaction(f"{handler.name}, prepare", session),
        ):
            ctx = replace(ctx, prepared=handler.check(session, parameters, ctx))
            session.flush()
    except OperationalError:
        raise  # a deadlock or a lost connection is no fault of the step: it is still owed
    except Exception as refused:
        return ctx, refused
    return ctx, None


def _parsed(handler: registry.ServiceTask, given: dict[str, Any]) -> tuple[Any, str, Exception | None]:
    """The parameters, the outside thing that they ask, and what is wrong with them."""
    try:
        parameters = jobs.parse(handler, given)
        return parameters, handler.asks(parameters)[:200] if handler.asks else "", None
    except Exception as refusal:
        return None, "", refusal


class _Progress:
    """Writes a handler's progress, at most twice a second."""

    def __init__(self, house: Store, task: UUID) -> None:
        self._house, self._task, self._written = house, task, 0.0

    def __call__(self, fraction: float, text: str) -> None:
        if time.monotonic() - self._written < _PROGRESS_SECONDS and fraction < 1:
            return
        self._written = time.monotonic()
        with transaction(self._house) as session:
            instance = session.scalar(
                update(JobRow)
                .where(JobRow.task == self._task, JobRow.state == "running")
                .values(progress=min(max(fraction, 0.0), 1.0), progress_text=text[:200])
                .returning(JobRow.instance)
            )
            if instance:
                wakeups.changed(session, self._house, instance)
