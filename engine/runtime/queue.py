"""The road of jobs: procrastinate on the same PostgreSQL, one task name for everything, one queue a handler pack.

Its tables and its contract are procrastinate's: the token as `queueing_lock`, a worker's row with its heartbeat, an
entry `todo`, `doing`, gone. What a worker does all the time is written out here: procrastinate's own takes and ends
entries one by one, each in a transaction of its own. One task name only, since an unknown one would end a job for good
in an older worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Select, Text, cast, column, select, table
from sqlalchemy.orm import Session

from engine.runtime import rows
from engine.runtime.held import Job
from engine.store import execute

TASK = "run_handler"

Connection = psycopg.Connection[tuple[Any, ...]]


class Unregistered(Exception):
    """This worker was taken for dead and forgotten: it registers anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A job that this worker has taken from the queue."""

    id: int
    task: UUID
    instance: UUID | None  #: None where the job's row is gone
    begun: Job | None = None  #: the job itself, where it was begun as it was taken


# As procrastinate 3.10 writes it, whose version is pinned; its own function raises where the token waits already.
_DEFER = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, scheduled_at)
    VALUES (%(pack)s, 'run_handler', %(token)s, jsonb_build_object('task', %(token)s::text), %(at)s)
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
"""

# Our entries have no `lock`, so that nothing else stands in the way of one.
_TAKE = f"""
    WITH first AS (
        SELECT id FROM procrastinate_jobs
        WHERE status = 'todo' AND queue_name = ANY(%(packs)s) AND task_name = 'run_handler'
            AND (scheduled_at IS NULL OR scheduled_at <= now())
        ORDER BY priority DESC, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
    ), taken AS (
        UPDATE procrastinate_jobs q SET status = 'doing', worker_id = %(worker)s FROM first WHERE q.id = first.id
        RETURNING q.id AS entry, (q.args->>'task')::uuid AS token
    ), {rows.BEGUN}
    SELECT taken.*, (SELECT instance FROM runtime.jobs j WHERE j.task = taken.token) AS of, free.*
    FROM taken LEFT JOIN free ON free.task = taken.token ORDER BY entry
"""  # noqa: S608 - names of ours
_TAKE = " ".join(_TAKE.split())

_ENDED = "DELETE FROM procrastinate_jobs WHERE id = ANY(%(entries)s) AND status = 'doing' AND worker_id = %(worker)s"

_FAILED = """
    UPDATE procrastinate_jobs SET status = 'failed', attempts = attempts + 1, abort_requested = false
    WHERE id = ANY(%(entries)s) AND status = 'doing' AND worker_id = %(worker)s
"""

# Those that a worker forgotten meanwhile had taken belong to nobody.
_KEEP = """
    UPDATE procrastinate_jobs SET worker_id = %(worker)s
    WHERE id = ANY(%(entries)s) AND status = 'doing' AND (worker_id IS NULL OR worker_id = %(before)s)
"""


def defer(session: Session, *, task: UUID, pack: str, at: datetime | None) -> None:
    """Queue the job of this task in the caller's transaction; a second one that waits already is left as it is.

    The task id is the token. It goes as `queueing_lock`, not as `lock`: parallel branches must run in parallel, and a
    killed job would block all others of its lock. What moves an instance queues its jobs with its other rows.
    """
    execute(session, _DEFER, {"pack": pack, "token": str(task), "at": at})


def held() -> Select[tuple[str]]:
    """The tokens that the queue holds, waiting or at work."""
    jobs = table("procrastinate_jobs", column("queueing_lock", Text), column("status"))
    return select(jobs.c.queueing_lock).where(
        jobs.c.queueing_lock.is_not(None), cast(jobs.c.status, Text).in_(["todo", "doing"])
    )


def register(connection: Connection, *, before: int | None, keeps: Iterable[int], silent_seconds: float) -> int:
    """The number of this worker, whose heart beats from now on; what it has at work stays its own.

    before: its number until now, under which entries may stand of which it never heard: they are free again.
    """
    connection.execute("SELECT procrastinate_prune_stalled_workers_v1(%s)", (silent_seconds,))
    ((worker,),) = connection.execute("SELECT worker_id FROM procrastinate_register_worker_v1()").fetchall()
    if entries := list(keeps):
        connection.execute(_KEEP, {"worker": worker, "entries": entries, "before": before})
    if before is not None:
        unregister(connection, before)
    return int(worker)


def unregister(connection: Connection, worker: int) -> None:
    """Forget this worker; what stands at work under its number is free."""
    connection.execute("SELECT procrastinate_unregister_worker_v1(%s)", (worker,))


def beat(connection: Connection, worker: int) -> None:
    """A sign of life of this worker; raises Unregistered."""
    found = connection.execute("UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %s", (worker,))
    if not found.rowcount:
        raise Unregistered


def take(
    connection: Connection,
    worker: int,
    packs: Sequence[str],
    most: int,
    *,
    at: datetime | None = None,
    name: str = "",
    handlers: Sequence[str] = (),
) -> list[Entry]:
    """At most so many jobs of these packs that are due, the first ones, now at work; raises Unregistered.

    handlers: whose jobs begin here and now, as work of the worker of this name, where nothing holds them up.
    """
    given = {"worker": worker, "packs": list(packs), "most": most, "handlers": list(handlers), "name": name, "at": at}
    try:
        found = connection.cursor(row_factory=dict_row).execute(_TAKE, given)
    except psycopg.errors.ForeignKeyViolation:
        raise Unregistered from None
    return [Entry(id=row["entry"], task=row["token"], instance=row["of"], begun=rows.begun(row)) for row in found]


def end(connection: Connection, worker: int, *, done: Iterable[int], failed: Iterable[int]) -> None:
    """Take those from the queue of which nothing is owed; those whose end could not be written stay as failed."""
    for statement, entries in ((_ENDED, list(done)), (_FAILED, list(failed))):
        if entries:
            connection.execute(statement, {"entries": entries, "worker": worker})
