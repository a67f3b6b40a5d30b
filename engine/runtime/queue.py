"""The road of jobs: procrastinate on the same PostgreSQL, one task name for everything, one queue a handler pack.

One task name only, since an unknown one would end a job for good in an older worker.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import procrastinate
from procrastinate import exceptions
from sqlalchemy import Select, Text, cast, column, select, table
from sqlalchemy.orm import Session

TASK = "run_handler"

#: Only builds the INSERT: it is never opened, the statement runs on the caller's own connection.
_deferrer = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())


def defer(session: Session, *, task: UUID, pack: str, at: datetime | None) -> None:
    """Queue the job of this task in the caller's transaction; a second one that waits already is left as it is.

    The task id is the token. It goes as `queueing_lock`, not as `lock`: parallel branches must run in parallel, and a
    killed job would block all others of its lock.
    """
    try:
        with session.begin_nested():
            # Asked for inside: the savepoint is set when the session is first asked for its connection there.
            connection: Any = session.connection().connection.driver_connection
            _deferrer.configure_task(
                TASK,
                queue=pack,
                queueing_lock=str(task),
                schedule_at=at,
                connection=connection,
                task_kwargs={"task": str(task)},
            ).defer()
    except exceptions.AlreadyEnqueued:
        return


def held() -> Select[tuple[str]]:
    """The tokens that the queue holds, waiting or at work."""
    jobs = table("procrastinate_jobs", column("queueing_lock", Text), column("status"))
    return select(jobs.c.queueing_lock).where(
        jobs.c.queueing_lock.is_not(None), cast(jobs.c.status, Text).in_(["todo", "doing"])
    )
