"""The way of an answered inference into the table: a bounded queue and one thread that writes it in groups.

Whoever answers offers its rows first and answers then, so that every answered row is in the queue or in the table. The
queue is bounded: when it is full, `offer` says no, and the service refuses requests instead of forgetting answers. At
the end `drain` writes what is left; if the database is away even then, the rows are kept in a file (see `spool`).

What may be lost: up to one group (50 ms or 512 rows) of a process that is killed with SIGKILL. Who cannot bear that
hands `offer` a callback and answers when it comes, after the group's commit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from engine.inferences import counts, outcomes, refusals, rows, spool
from engine.inferences.inference import Answered, Inference
from engine.inferences.refusals import Refusal
from engine.store import Store, transaction
from engine.store.ids import new_id

GROUP_SECONDS = 0.05
GROUP_ROWS = 512
CAPACITY_ROWS = 20_000
REFUSALS_SECONDS = 1.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

#: Failures that say nothing of the rows: the database is away, ends, is full, or waits too long for a lock.
UNREACHABLE = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError, PoolTimeout)

Driver = psycopg.Connection[Any]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the log did since it was opened."""

    written: int  #: rows in the table
    waiting: int  #: rows in the queue, or being written
    groups: int  #: commits
    failures: int  #: groups that had to be tried again
    kept: int  #: rows in files, because they could not be written
    lost: int  #: rows that could neither be written nor kept: the disk was full as well


@dataclass(frozen=True, slots=True)
class _Entry:
    answered: Answered
    written: Callable[[], None] | None


class InferenceLog:
    """A group writer; `start` it, `offer` rows from any thread, `drain` it at the end."""

    def __init__(
        self,
        store: Store,
        *,
        group_seconds: float = GROUP_SECONDS,
        group_rows: int = GROUP_ROWS,
        capacity_rows: int = CAPACITY_ROWS,
    ) -> None:
        self._store = store
        self._group_seconds, self._group_rows, self._capacity_rows = group_seconds, group_rows, capacity_rows
        self._folder = store.settings.home / "unwritten-inferences"
        self._manners = outcomes.Manners(counts.References(store.files))
        self._changed = threading.Condition()
        self._queue: deque[_Entry] = deque()
        self._waiting = 0
        self._urgent = False  # somebody waits for the commit
        self._oldest = 0.0  # monotonic time at which the queue was last empty
        self._refused: Counter[Refusal] = Counter()
        self._refused_at = 0.0
        self._ending_at: float | None = None
        self._written = self._groups = self._failures = self._kept = self._lost = 0
        self._thread = threading.Thread(target=self._run, name="inference-log", daemon=True)

    def start(self) -> None:
        """Write what an earlier service had to keep in files, then begin to write groups."""
        for file in spool.waiting(self._folder):
            recovered = list(spool.read(file))
            with transaction(self._store) as session:
                self._insert_again(session, recovered)
            file.unlink()
            logger.info("Wrote %d inferences that %s had kept.", len(recovered), file.name)
        self._thread.start()

    def offer(self, answered: Answered, written: Callable[[], None] | None = None) -> bool:
        """True if the rows were taken; False, and nothing taken, if the queue is full or the log has ended.

        written: called once, from the writer's thread, after the commit (or after the rows are safe in a file). Rows
        that somebody waits for are written at once, with whatever came while the group before them was written.
        """
        with self._changed:
            full = self._waiting > 0 and self._waiting + len(answered) > self._capacity_rows
            if full or self._ending_at is not None:
                return False
            if not self._queue:
                self._oldest = time.monotonic()
            self._queue.append(_Entry(answered, written))
            self._waiting += len(answered)
            self._urgent = self._urgent or written is not None
            # Woken for the first row (to start the 50 ms) and for a group that is due; between them the writer sleeps.
            if len(self._queue) == 1 or self._urgent or self._waiting >= self._group_rows:
                self._changed.notify()
        return True

    def refused(self, refusal: Refusal) -> None:
        """Count a request that got no scores; written with the next group, at the latest a second later."""
        with self._changed:
            if not self._refused:
                self._refused_at = time.monotonic()
                self._changed.notify()
            self._refused[refusal] += 1

    def figures(self) -> Figures:
        """What was written so far, and what waits."""
        with self._changed:
            return Figures(
                written=self._written,
                waiting=self._waiting,
                groups=self._groups,
                failures=self._failures,
                kept=self._kept,
                lost=self._lost,
            )

    def drain(self, timeout: float = 20.0) -> Figures:
        """Take no more rows, write all that were taken, and end; rows that do not get in within `timeout` seconds are
        kept in a file that the next start reads."""
        with self._changed:
            if self._ending_at is None:
                self._ending_at = time.monotonic() + timeout
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()
        return self.figures()

    def _run(self) -> None:
        while True:
            group, refused = self._next()
            if not group and not refused:
                return
            try:
                self._write(group, refused)
            except Exception:
                # The writer must outlive this, else the queue would fill and the service end in refusals.
                n_rows = sum(len(entry.answered) for entry in group)
                with self._changed:
                    self._waiting -= n_rows
                    self._lost += n_rows
                logger.critical("%d answered inferences are in no table and no file.", n_rows, exc_info=True)

    def _next(self) -> tuple[list[_Entry], Counter[Refusal]]:
        """The next group, when it is due; empty only at the end."""
        with self._changed:
            while True:
                now = time.monotonic()
                if self._ending_at is not None:
                    break
                due = []
                if self._queue:
                    full = self._urgent or self._waiting >= self._group_rows
                    due.append(now if full else self._oldest + self._group_seconds)
                if self._refused:
                    due.append(self._refused_at + REFUSALS_SECONDS)
                if due and min(due) <= now:
                    break
                self._changed.wait(min(due) - now if due else None)
            group = list(self._queue)
            self._queue.clear()
            self._urgent = False
            refused, self._refused = self._refused, Counter()
            return group, refused

    def _write(self, group: list[_Entry], refused: Counter[Refusal]) -> None:
        """Return when the rows are in the table, or in a file if they cannot get there."""
        answered = [entry.answered for entry in group]
        n_rows = sum(map(len, answered))
        try:
            self._commit(lambda session: self._copy(session, answered), n_rows, refused)
        except (psycopg.Error, SQLAlchemyError) as cause:
            again = [inference for each in answered for inference in each.inferences()]
            if isinstance(cause, UNREACHABLE) and not self._may_try_again(FIRST_PAUSE_SECONDS, cause):
                self._keep(again, cause)
            else:
                self._write_again(again, refused)
        with self._changed:
            self._waiting -= n_rows
        for entry in group:
            if entry.written:
                entry.written()

    def _write_again(self, inferences: Sequence[Inference], refused: Counter[Refusal]) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                self._commit(lambda session: self._insert_again(session, inferences), len(inferences), refused)
            except UNREACHABLE as cause:
                if self._may_try_again(pause, cause):
                    pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                    continue
                self._keep(inferences, cause)
            except (psycopg.Error, DBAPIError) as cause:
                if len(inferences) > 1:
                    # One row that the database refuses must not take its group along: halves, down to that row.
                    half = len(inferences) // 2
                    self._write_again(inferences[:half], refused)
                    self._write_again(inferences[half:], Counter())
                    return
                self._keep(inferences, cause)
            return

    def _may_try_again(self, pause: float, cause: BaseException) -> bool:
        """Wait a while, and say whether there is still time to try; only a log that ends runs out of it."""
        with self._changed:
            self._failures += 1
            logger.warning("The inference log cannot be written: %d rows wait. %s", self._waiting, cause)
            if self._ending_at is not None and time.monotonic() + pause >= self._ending_at:
                return False
            self._changed.wait(pause)
            return True

    def _copy(self, session: Session, answered: Sequence[Answered]) -> None:
        write(session, self._manners, answered)

    def _insert_again(self, session: Session, inferences: Sequence[Inference]) -> None:
        new = rows.insert_again(_driver(session), inferences)
        counts.add_again(session, self._manners.references, new)
        outcomes.add_again(session, self._manners, new)

    def _commit(self, write: Callable[[Session], None], n_rows: int, refused: Counter[Refusal]) -> None:
        with transaction(self._store) as session:
            if n_rows:
                write(session)
            refusals.add(session, refused)
        with self._changed:
            self._written += n_rows
            self._groups += 1

    def _keep(self, inferences: Sequence[Inference], cause: BaseException) -> None:
        if not inferences:
            logger.error("Counts of refused requests were lost: %s", cause)
            return
        file: Path = spool.keep(self._folder, str(new_id()), inferences)
        with self._changed:
            self._kept += len(inferences)
        logger.error(
            "%d answered inferences could not be written (%s) and are kept in %s.", len(inferences), cause, file
        )


def write(session: Session, manners: outcomes.Manners, answered: Sequence[Answered]) -> None:
    """Write and count answers that are certainly not in the log, in the caller's transaction."""
    rows.copy(_driver(session), answered)
    counts.add(session, manners.references, answered)
    outcomes.add(session, manners, answered)


def _driver(session: Session) -> Driver:
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)  # noqa: S101 - tells mypy what the store's engine is made of
    return connection
