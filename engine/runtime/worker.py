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
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import procrastinate
from procrastinate import exceptions
from procrastinate import jobs as queue_jobs
from sqlalchemy import Text, cast, select, update
from sqlalchemy.exc import OperationalError

from engine.errors import GatewrightError
from engine.runtime import guard, instances, jobs, queue, registry, wakeups
from engine.runtime.context import Context
from engine.runtime.tables import InstanceRow, JobRow
from engine.runtime.transaction import InstanceBusy
from engine.store import Store, addresses, now, transaction

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


def run_handler(house: Store, task: UUID) -> None:
    """Run the job of this step, if it is still owed, and take its result or its failure."""
    begun = _begin(house, task)
    if begun is None:
        return
    handler, parameters, ctx, refusal = begun
    if refusal is not None:
        instances.failed(house, task, refusal)
        return
    try:
        value = jobs.json_value(handler.name, handler.function(parameters, ctx))
    except Exception as failure:
        _log.info("Job %s (%s) failed: %s", handler.name, task, failure)
        instances.failed(house, task, failure)
        return
    try:
        _hand_in(house, task, parameters, value)
    except (OperationalError, InstanceBusy):
        raise  # no fault of the step: it is still owed, and handed out again
    except Exception as failure:
        # What the handler applies was refused: the step fails like a run that failed.
        instances.failed(house, task, failure)


def _hand_in(house: Store, task: UUID, parameters: Any, value: Any) -> None:
    """Have the result taken; an instance that is busy is asked again, since the work would else be done again."""
    for _ in range(_MOST_ASKED):
        try:
            instances.succeeded(house, task, parameters, value)
            return
        except InstanceBusy:
            continue
    instances.succeeded(house, task, parameters, value)


def _begin(house: Store, task: UUID) -> tuple[registry.ServiceTask, Any, Context, Exception | None] | None:
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
        if instance.suspended:
            return None  # it is queued again when the instance is resumed
        if row.state not in ("queued", "running", "retrying"):
            return None
        row.state, row.attempt, row.worker = "running", row.attempt + 1, NAME
        row.started_at, row.next_attempt_at, row.progress, row.progress_text = now(session), None, 0.0, ""
        handler = registry.find_service_task(row.handler)
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
            return handler, None, ctx, WorkerLost(handler=row.handler, times=_MOST_DEATHS)
        try:
            parameters = jobs.parse(handler, row.parameters)
            if handler.check:
                with session.begin_nested(), guard.inside_transaction(f"{row.handler}, prepare", session):
                    ctx = replace(ctx, prepared=handler.check(session, parameters, ctx))
                    session.flush()
        except Exception as refusal:
            return handler, None, ctx, refusal
        return handler, parameters, ctx, None


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
    """The queue's application, with the one task that it knows."""
    url = addresses.for_libpq(addresses.of(house.settings).direct)
    queue_app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=connections)
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
        loop = asyncio.get_running_loop()
        if stop is None:
            for each in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(each, working.cancel)
        while not working.done():
            if stop is not None and stop.is_set():
                working.cancel()
            await asyncio.wait({working}, timeout=0.2)
        if not working.cancelled() and working.exception():
            raise working.exception()  # type: ignore[misc]


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
            wakeups.jobs_waiting(session, house)
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
