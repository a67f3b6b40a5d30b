"""The worker process: takes jobs of the packs it has, and has each done in a thread.

One thread asks the queue, on one connection: it takes as many jobs as there are free hands, keeps the worker's heart
beating, and ends the entries that did not go with a result. It hears of new jobs by a notification, and looks once a
second in any case. A killed worker's job is found by its missing heartbeat and handed out again (`rescue_stalled`, a
tick of the clock): at least once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import selectors
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import procrastinate
import psycopg
from procrastinate import exceptions
from procrastinate import jobs as queue_jobs
from psycopg import sql
from sqlalchemy import Text, cast, select

from engine.runtime import queue, registry, wakeups
from engine.runtime.attempts import NAME, run_handler
from engine.runtime.tables import InstanceRow, JobRow
from engine.store import Store, addresses, now, transaction
from engine.telemetry import pulse

_log = logging.getLogger(__name__)

#: the sign of life of the loop that takes jobs
PULSE = "worker"
#: a worker that was not told of a job finds it after so long
_LOOK_SECONDS = 1.0
#: how soon it sees that it shall stop; a job at work for longer is told to pages
_TURN_SECONDS = 0.2
#: before a worker that lost the queue looks for it again
_ANEW_SECONDS = 1.0
_OPTIONS = "-c synchronous_commit=off -c lock_timeout=5000"


def run(house: Store, *, concurrency: int | None = None, stop: threading.Event | None = None) -> None:
    """Work until SIGTERM, SIGINT or `stop`; jobs under way are finished first."""
    registry.load_entry_points()
    if stop is None:
        stop = threading.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda number, frame: stop.set())
    _Worker(house, concurrency or house.settings.worker_concurrency, stop.is_set).work()
    wakeups.close()


@dataclass(slots=True)
class _AtWork:
    """An entry that is in a thread's hands."""

    entry: queue.Entry
    since: float
    told: bool = False  #: pages know that it is at work


class _Worker:
    """What one worker has in hand."""

    def __init__(self, house: Store, concurrency: int, over: Callable[[], bool]) -> None:
        self._house, self._over, self._most = house, over, concurrency
        self._packs = registry.packs() or ["default"]
        #: those that need no place in a line: their jobs begin as they are taken
        self._handlers = [
            task.name for task in registry.service_tasks() if task.kind == "job" and not task.limits.counted
        ]
        self._hands = ThreadPoolExecutor(concurrency, thread_name_prefix="job")
        self._at_work: dict[int, _AtWork] = {}
        #: entries whose thread is done, and those of them whose end is still to be written
        self._ended: deque[tuple[int, str]] = deque()
        self._left: dict[str, list[int]] = {"done": [], "failed": []}
        self._bell, self._rope = os.pipe()
        os.set_blocking(self._rope, False)
        self._number: int | None = None
        self._look, self._looked, self._beaten = True, 0.0, 0.0

    def work(self) -> None:
        """Take jobs until it is over and the last has ended, whatever becomes of the connection meanwhile."""
        url = addresses.for_libpq(addresses.of(self._house.settings).direct)
        try:
            while not self._finished():
                try:
                    with psycopg.connect(
                        url, autocommit=True, application_name="gatewright worker queue", options=_OPTIONS
                    ) as connection:
                        self._serve(connection)
                except (psycopg.Error, queue.Unregistered) as away:
                    # The database was away, or took this worker for dead after a long pause of the machine.
                    _log.warning("The queue cannot be worked on (%s); this worker registers anew", away)
                    pulse.beat(PULSE)
                    time.sleep(_ANEW_SECONDS)
        finally:
            self._hands.shutdown()
            os.close(self._bell)
            os.close(self._rope)

    def _serve(self, connection: queue.Connection) -> None:
        silent = self._house.settings.worker_silent_seconds
        keeps = [*self._at_work, *self._left["done"], *self._left["failed"]]
        self._number = queue.register(connection, before=self._number, keeps=keeps, silent_seconds=silent)
        self._beaten, self._look = time.monotonic(), True
        connection.add_notify_handler(self._heard)
        for pack in self._packs:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(f"{wakeups.JOBS}{pack}")))
        with selectors.DefaultSelector() as sockets:
            for each in (connection, self._bell):
                sockets.register(each, selectors.EVENT_READ)
            while not self._finished():
                self._turn(connection, self._number, silent / 6)
                self._wait(connection, sockets)
        self._write_ends(connection, self._number)
        queue.unregister(connection, self._number)

    def _turn(self, connection: queue.Connection, number: int, beats: float) -> None:
        pulse.beat(PULSE)
        self._write_ends(connection, number)
        if time.monotonic() - self._beaten > beats:
            queue.beat(connection, number)
            self._beaten = time.monotonic()
        if not self._over():
            self._take(connection, number)
        self._tell_of_long_ones()

    def _finished(self) -> bool:
        while self._ended:
            entry, how = self._ended.popleft()
            del self._at_work[entry]
            if how != "gone":
                self._left[how].append(entry)
        return self._over() and not self._at_work

    def _write_ends(self, connection: queue.Connection, number: int) -> None:
        queue.end(connection, number, **self._left)
        self._left = {"done": [], "failed": []}

    def _take(self, connection: queue.Connection, number: int) -> None:
        free, at = self._most - len(self._at_work), time.monotonic()
        if not free or not (self._look or at - self._looked > _LOOK_SECONDS):
            return
        self._look, self._looked = False, at
        entries = queue.take(
            connection, number, self._packs, free, at=self._house.clock.now(), name=NAME, handlers=self._handlers
        )
        self._look = self._look or len(entries) == free
        for entry in entries:
            self._at_work[entry.id] = _AtWork(entry, at)
            self._hands.submit(self._do, entry)

    def _do(self, entry: queue.Entry) -> None:
        how = "failed"
        try:
            how = "gone" if run_handler(self._house, entry.task, entry.id, entry.begun) else "done"
        except Exception:
            # Our own bookkeeping failed (the database went away, say): the job row is still owed its result.
            _log.exception("Job %s could not be brought to an end; it is handed out again", entry.task)
        finally:
            self._ended.append((entry.id, how))
            # It need not be told of a free hand that it has no job for.
            if how != "gone" or self._look or self._over():
                with suppress(BlockingIOError):  # full: the bell rings already
                    os.write(self._rope, b".")

    def _heard(self, note: psycopg.Notify) -> None:
        self._look = True

    def _tell_of_long_ones(self) -> None:
        """Pages show a job at work once it has been for a moment; most have ended by then."""
        for each in self._at_work.values():
            if not each.told and each.entry.instance and time.monotonic() - each.since > _TURN_SECONDS:
                each.told = True
                wakeups.notifier(self._house).note(instance=str(each.entry.instance))

    def _wait(self, connection: queue.Connection, sockets: selectors.BaseSelector) -> None:
        """Until a notification, the end of a job, or the next turn."""
        if self._ended:
            return
        heard = {key.fileobj for key, _ in sockets.select(_TURN_SECONDS)}
        if self._bell in heard:
            os.read(self._bell, 4096)
        if connection in heard:
            connection.pgconn.consume_input()
            while connection.pgconn.notifies():
                self._look = True


def app(house: Store) -> procrastinate.App:
    """The queue's application, for what procrastinate does itself: it rescues, and forgets what has ended.

    What the queue notes of a job waits for no disk: were it lost with a crash of the database, the job would be handed
    out again, and our own row tells whether it is still owed.
    """
    url = addresses.for_libpq(addresses.of(house.settings).direct)
    return procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=1, kwargs={"options": _OPTIONS})
    )


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
    queue_app = app(house)
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
    queue_app = app(house)
    async with queue_app.open_async():
        await queue_app.job_manager.delete_old_jobs(nb_hours=hours, include_failed=True, include_cancelled=True)
