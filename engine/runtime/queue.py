"""The road of jobs: procrastinate on the same PostgreSQL, one task name for everything, one queue a handler pack.

One task name only, since an unknown one would end a job for good in an older worker.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, Text, cast, column, select, table
from sqlalchemy.orm import Session

from engine.store import execute

TASK = "run_handler"

# As procrastinate 3.10 writes it, whose version is pinned; its own function raises where the token waits already.
_DEFER = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, scheduled_at)
    VALUES (%(pack)s, 'run_handler', %(token)s, jsonb_build_object('task', %(token)s::text), %(at)s)
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
"""


def defer(session: Session, *, task: UUID, pack: str, at: datetime | None) -> None:
    """Queue the job of this task in the caller's transaction; a second one that waits already is left as it is.

    The task id is the token. It goes as `queueing_lock`, not as `lock`: parallel branches must run in parallel, and a
    killed job would block all others of its lock.
    """
    execute(session, _DEFER, {"pack": pack, "token": str(task), "at": at})


def held() -> Select[tuple[str]]:
    """The tokens that the queue holds, waiting or at work."""
    jobs = table("procrastinate_jobs", column("queueing_lock", Text), column("status"))
    return select(jobs.c.queueing_lock).where(
        jobs.c.queueing_lock.is_not(None), cast(jobs.c.status, Text).in_(["todo", "doing"])
    )
