"""The worker process: takes jobs of the packs it has, runs their handlers outside of any transaction.

A killed worker's job is found by its missing heartbeat and handed out again (`rescue_stalled`, a tick of the clock): at
least once. Its result is taken once, under the instance's lock.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import procrastinate
from procrastinate import exceptions
from procrastinate import jobs as queue_jobs
from sqlalchemy import Text, cast, select, update
from sqlalchemy.exc import OperationalError

from engine import bpmn
from engine.errors import GatewrightError
from engine.runtime import breakers, deadlines, guard, instances, jobs, lines, queue, registry, wakeups
from engine.runtime.context import Context
from engine.runtime.tables import InstanceRow, JobRow
from engine.runtime.transaction import InstanceBusy
from engine.store import Store, addresses, now, transaction
from engine.telemetry import metrics, pulse, tracing

_log = logging.getLogger(__name__)

NAME = f"{socket.gethostname()}:{os.getpid()}"
#: the sign of life of the loop that takes jobs
PULSE = "worker"
#: progress is written at most this often
_PROGRESS_SECONDS = 0.5
#: workers that may die at one job before it becomes an incident: its own doing, not the machine's
_MOST_DEATHS = 10
#: before a worker that lost the queue looks for it again
_ANEW_SECONDS = 1.0
#: times that a busy instance is asked to take a result, each as long as a lock is waited for
_MOST_ASKED = 5


class WorkerLost(GatewrightError):
    """The workers that did {handler} were lost {times} times."""

    code = "worker-lost"
    hint = "Look into the worker's log for what ends it, such as memory or a crash in a library; mend it, then retry."
    status = 500


def run_handler(house: Store, task: UUID) -> None:
    """Run the job of this step, if it is still owed, and take its result or its failure."""
    begun = _begin(house, task)
    if isinstance(begun, _InLine):
        # Asked for in a transaction of its own: the line's lock is never taken with an instance's.
        begun = _begin(house, task) if lines.join(house, begun.handler, task, begun.target) else None
    if not isinstance(begun, _Begun):
        return
    with tracing.span(
        f"job {begun.handler.name}",
        parent=begun.trace,
        instance=begun.ctx.instance,
        element=begun.ctx.element,
        task=task,
        handler=begun.handler.name,
        attempt=begun.attempt,
    ):
        _run(house, task, begun)


def _run(house: Store, task: UUID, begun: _Begun) -> None:
    handler, refusal = begun.handler, begun.refusal
    if refusal is not None:
        tracing.failed(refusal)
        refused = "named_error" if isinstance(refusal, bpmn.BpmnError) else "refused"
        metrics.JOBS.labels(handler.name, refused).observe(0.0)  # it did not come to run
        instances.failed(house, task, refusal)
        # What was refused before the tool was asked says nothing of the tool; workers that die at it do.
        lost = isinstance(refusal, WorkerLost)
        lines.ended(house, handler, task, begun.target, begun.standing, refusal, asked=lost)
        return
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
        _log.info("Job %s (%s) failed: %s", handler.name, task, failure)
        tracing.failed(failure)
        spared = begun.standing.probe == task and breakers.technical(failure)
        instances.failed(house, task, failure, spared=spared)
        lines.ended(house, handler, task, begun.target, begun.standing, failure)
        return
    try:
        _hand_in(house, task, begun.parameters, value)
    except (OperationalError, InstanceBusy):
        raise  # no fault of the step: it is still owed, and handed out again
    except Exception as failure:
        # What the handler applies was refused: the step fails like a run that failed.
        tracing.failed(failure)
        instances.failed(house, task, failure)
    lines.ended(house, handler, task, begun.target, begun.standing, None)


def _hand_in(house: Store, task: UUID, parameters: Any, value: Any) -> None:
    """Have the result taken; an instance that is busy is asked again, since the work would else be done again."""
    for _ in range(_MOST_ASKED):
        try:
            instances.succeeded(house, task, parameters, value)
            return
        except InstanceBusy:
            continue
    instances.succeeded(house, task, parameters, value)


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
    with transaction(house) as session:
        instance = session.scalar(
            select(InstanceRow)
            .where(InstanceRow.id == select(JobRow.instance).where(JobRow.task == task).scalar_subquery())
            .with_for_update()
        )
        row = session.get(JobRow, task, with_for_update=True)
        if instance is None or row is None or instance.state != "running":
            return None
        if row.state not in ("queued", "running", "retrying"):
            return None
        if instance.suspended:
            # It is queued again when the instance is resumed; until then it takes nobody's place.
            row.admitted_at, row.state = None, "queued" if row.state == "running" else row.state
            return None
        handler = registry.find_service_task(row.handler)
        parameters, target, refusal = _parsed(handler, row.parameters)
        standing = lines.standing(session, handler, target)
        if standing.guarded and row.admitted_at is None and row.state != "running" and refusal is None:
            return _InLine(handler=handler, target=target)
        row.state, row.attempt, row.worker, row.held_since = "running", row.attempt + 1, NAME, None
        row.started_at, row.next_attempt_at, row.progress, row.progress_text = now(session), None, 0.0, ""
        ctx = Context(
            instance=instance.id,
            task=task,
            element=row.element,
            starter=instance.starter,
            subject=instance.subject,
            now=now(session),
            files=house.files,
            settings=house.settings,
            actor="worker",
            progress=_Progress(house, task),
        )
        wakeups.changed(session, house, instance.id)
        if row.attempt > row.attempts + _MOST_DEATHS:
            refusal = WorkerLost(handler=row.handler, times=_MOST_DEATHS)
        elif handler.check and refusal is None:
            try:
                with (
                    tracing.span(
                        f"prepare {handler.name}",
                        parent=row.trace,
                        instance=instance.id,
                        element=row.element,
                        handler=handler.name,
                    ),
                    session.begin_nested(),
                    guard.inside_transaction(f"{row.handler}, prepare", session),
                ):
                    ctx = replace(ctx, prepared=handler.check(session, parameters, ctx))
                    session.flush()
            except OperationalError:
                raise  # a deadlock or a lost connection is no fault of the step: it is still owed
            except Exception as refused:
                refusal = refused
        return _Begun(
            handler=handler,
            ctx=ctx,
            attempt=row.attempt,
            trace=row.trace,
            target=target,
            standing=standing,
            parameters=parameters,
            refusal=refusal,
        )


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


def app(house: Store, connections: int = 4) -> procrastinate.App:
    """The queue's application, with the one task that it knows.

    What the queue notes of a job waits for no disk: were it lost with a crash of the database, the job would be handed
    out again, and our own row tells whether it is still owed. Half of a job's commits are the queue's.
    """
    url = addresses.for_libpq(addresses.of(house.settings).direct)
    queue_app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=url, min_size=1, max_size=connections, kwargs={"options": "-c synchronous_commit=off"}
        )
    )

    @queue_app.task(name=queue.TASK)
    def run(task: str) -> None:
        try:
            run_handler(house, UUID(task))
        except Exception:
            # Our own bookkeeping failed (the database went away, say): the job row is still owed its result.
            _log.exception("Job %s could not be brought to an end; it is handed out again", task)
            raise

    return queue_app


def run(house: Store, *, concurrency: int | None = None, stop: threading.Event | None = None) -> None:
    """Work until SIGTERM, SIGINT or `stop`; jobs under way are finished first."""
    registry.load_entry_points()
    asyncio.run(_work(house, concurrency or house.settings.worker_concurrency, stop))
    wakeups.close()


async def _work(house: Store, concurrency: int, stop: threading.Event | None) -> None:
    told = asyncio.Event()
    if stop is None:
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, told.set)

    def over() -> bool:
        return told.is_set() or (stop is not None and stop.is_set())

    while not over():
        try:
            await _take_jobs(house, concurrency, over)
        except exceptions.ConnectorException as away:
            # The database was away, or took this worker for dead after a long pause of the machine and forgot it.
            _log.warning("The queue cannot be worked on (%s); this worker registers anew", away.__cause__ or away)
            await asyncio.sleep(_ANEW_SECONDS)


async def _take_jobs(house: Store, concurrency: int, over: Callable[[], bool]) -> None:
    queue_app, silent = app(house), house.settings.worker_silent_seconds
    async with queue_app.open_async():
        working = asyncio.create_task(
            queue_app.run_worker_async(
                queues=registry.packs() or ["default"],
                name=NAME,
                concurrency=concurrency,
                wait=True,
                fetch_job_polling_interval=1.0,
                install_signal_handlers=False,
                delete_jobs="successful",
                listen_notify=True,
                stalled_worker_timeout=silent,
                update_heartbeat_interval=silent / 6,
            )
        )
        asked = False
        while not working.done():
            pulse.beat(PULSE)
            if over() and not asked:
                asked = working.cancel()  # once: asked again, it would not wait for the jobs under way
            await asyncio.wait({working}, timeout=0.2)
        if not working.cancelled() and (failure := working.exception()):
            raise failure


def rescue_stalled(house: Store, silent_seconds: float | None = None) -> int:
    """Hand out again the jobs of workers that died, and those that the queue lost; returns how many."""
    silent_seconds = silent_seconds or house.settings.worker_silent_seconds
    rescued = asyncio.run(_retry_stalled(house, silent_seconds))
    with transaction(house) as session:
        # A job that is owed and that the queue no longer holds: its entry ended by an error of our own bookkeeping.
        lost = session.scalars(
            select(JobRow)
            .join(InstanceRow, InstanceRow.id == JobRow.instance)
            .where(
                InstanceRow.suspended.is_(False),
                JobRow.state.in_(["queued", "running", "retrying"]),
                JobRow.held_since.is_(None),  # those in line are let in by the line
                cast(JobRow.task, Text).not_in(queue.held()),
                JobRow.queued_at < now(session) - timedelta(seconds=silent_seconds),
            )
        ).all()
        for row in lost:
            try:
                pack = registry.find_service_task(row.handler).pack
            except registry.UnknownName as unknown:
                # Of a pack that is not installed here: it must not keep the others waiting.
                _log.warning("Job %s cannot be handed out again: %s", row.task, unknown)
                continue
            queue.defer(session, task=row.task, pack=pack, at=row.next_attempt_at)
            wakeups.jobs_waiting(session, house, pack)
    return rescued + len(lost)


async def _retry_stalled(house: Store, silent_seconds: float) -> int:
    queue_app = app(house, connections=1)
    count = 0
    async with queue_app.open_async():
        await queue_app.job_manager.prune_stalled_workers(silent_seconds)
        for job in await queue_app.job_manager.get_stalled_jobs(seconds_since_heartbeat=silent_seconds):
            try:
                await queue_app.job_manager.retry_job(job)
            except exceptions.UniqueViolation:
                # The step was queued anew already: the dead worker's entry is of no use.
                await queue_app.job_manager.finish_job(job, status=queue_jobs.Status.FAILED, delete_job=True)
            count += 1
    return count


def forget_finished(house: Store, hours: int = 24) -> None:
    """Delete what the queue keeps of jobs that ended this long ago; our own rows stay."""
    asyncio.run(_forget(house, hours))


async def _forget(house: Store, hours: int) -> None:
    queue_app = app(house, connections=1)
    async with queue_app.open_async():
        await queue_app.job_manager.delete_old_jobs(nb_hours=hours, include_failed=True, include_cancelled=True)
