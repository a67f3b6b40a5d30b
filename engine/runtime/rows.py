"""The rows of the road, as SQL that is written out: the one place where the runtime goes past the ORM.

Whatever moves an instance reads its row once, under a lock, and writes all that it changed in one statement at the end.
What is gathered in `Changes` is thus not seen by handlers of the same event; what they may ask for (a new instance, a
decision) is written before they ask. Measured: by the ORM process P cost 11 ms of CPU, most of it SQLAlchemy's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from engine import audit
from engine.runtime.held import Held, InstanceOf, Job
from engine.runtime.values import UserTask
from engine.store import execute
from engine.store.sessions import put_off, take_back

_FIND = """
    SELECT id, subject FROM runtime.instances
    WHERE id = coalesce(%(instance)s::uuid, (SELECT instance FROM runtime.user_tasks WHERE id = %(user_task)s),
        (SELECT instance FROM runtime.jobs WHERE task = %(job)s))
"""

_OF_INSTANCE = (
    "id", "process", "version", "sha256", "bundle", "subject", "starter", "origin", "state", "suspended", "exclusive",
    "revision", "workflow", "active", "waiting", "outcome", "started_at", "moved_at", "ended_at",
)  # fmt: skip
_OF_USER_TASK = tuple(UserTask.__slots__)
_OF_JOB = (
    "task", "element", "name", "process", "handler", "parameters", "state", "attempt", "attempts", "progress", "error",
    "next_attempt_at", "ended_at", "admitted_at", "trace",
)  # fmt: skip

# Rule 1: the instance before its audit head, and both before anything else; what named it comes last.
_LOCK = f"""
    SELECT {", ".join(f"i.{name}" for name in _OF_INSTANCE)}, s.seq, s.hash
    FROM runtime.instances i JOIN audit.streams s ON s.name = 'instance:' || i.id WHERE i.id = %(instance)s
    FOR UPDATE OF i, s
"""  # noqa: S608 - names of ours


def _lock_by(table: str, key: str, columns: tuple[str, ...]) -> str:
    return f"""
        SELECT {", ".join(f"i.{name}" for name in _OF_INSTANCE)}, s.seq, s.hash,
            {", ".join(f"n.{name} AS named_{name}" for name in columns)}
        FROM {table} n JOIN runtime.instances i ON i.id = n.instance
            JOIN audit.streams s ON s.name = 'instance:' || i.id
        WHERE n.{key} = %(key)s
        FOR UPDATE OF i, s, n
    """  # noqa: S608 - names of ours


_LOCK_BY_JOB = _lock_by("runtime.jobs", "task", _OF_JOB)
_LOCK_BY_USER_TASK = _lock_by("runtime.user_tasks", "id", _OF_USER_TASK)

_BEGIN = f"""
    INSERT INTO runtime.instances ({", ".join(_OF_INSTANCE)})
    VALUES ({", ".join(f"%({name})s" for name in _OF_INSTANCE)})
"""  # noqa: S608 - names of ours

_MOVED = """
    UPDATE runtime.instances SET state = %(state)s, suspended = %(suspended)s, revision = %(revision)s,
        workflow = %(workflow)s, active = %(active)s, waiting = %(waiting)s, outcome = %(outcome)s,
        moved_at = %(moved_at)s, ended_at = %(ended_at)s
    WHERE id = %(id)s
"""

#: what an event may change beside its instance; rows come as JSON, which the driver need not take apart
_CHANGES = {
    "steps": """
        INSERT INTO runtime.steps
            (instance, task, element, name, kind, process, scope, entered_at, left_at, outcome, actor)
        SELECT instance, task, element, name, kind, process, scope, entered_at, left_at, outcome, actor
        FROM json_populate_recordset(NULL::runtime.steps, %(steps)s::json)
        ON CONFLICT (instance, task) DO UPDATE
        SET left_at = excluded.left_at, outcome = excluded.outcome, actor = excluded.actor
    """,
    "user_tasks": """
        INSERT INTO runtime.user_tasks (id, instance, element, name, process, scope, subject, role, kind, form,
            documentation, shut_out, evidence, variables, properties, state, opened_at, due_at)
        SELECT id, instance, element, name, process, scope, subject, role, kind, form,
            documentation, shut_out, evidence, variables, properties, state, opened_at, due_at
        FROM json_populate_recordset(NULL::runtime.user_tasks, %(user_tasks)s::json)
    """,
    "decided": """
        UPDATE runtime.user_tasks
        SET state = 'completed', answer = %(answer)s, closed_at = %(moved_at)s, closed_by = %(closed_by)s
        WHERE id = %(decided)s
    """,
    "user_tasks_gone": """
        UPDATE runtime.user_tasks SET state = 'cancelled', closed_at = %(moved_at)s WHERE id = ANY(%(user_tasks_gone)s)
    """,
    # A step that is retried after an uncaught error keeps its task, and so its row.
    "jobs": """
        INSERT INTO runtime.jobs (task, instance, element, name, process, handler, parameters, state, attempt, attempts,
            progress, progress_text, queued_at, trace)
        SELECT task, instance, element, name, process, handler, parameters, state, attempt, attempts,
            progress, progress_text, queued_at, trace
        FROM json_populate_recordset(NULL::runtime.jobs, %(jobs)s::json)
        ON CONFLICT (task) DO UPDATE SET instance = excluded.instance, element = excluded.element,
            name = excluded.name, process = excluded.process, handler = excluded.handler,
            parameters = excluded.parameters, state = excluded.state, attempt = excluded.attempt,
            attempts = excluded.attempts, progress = excluded.progress, progress_text = excluded.progress_text,
            queued_at = excluded.queued_at, trace = excluded.trace, ended_at = NULL
    """,
    "jobs_ended": """
        UPDATE runtime.jobs j SET state = e.state, attempt = e.attempt, progress = e.progress, error = e.error,
            next_attempt_at = e.next_attempt_at, ended_at = e.ended_at, admitted_at = NULL
        FROM json_populate_recordset(NULL::runtime.jobs, %(jobs_ended)s::json) e WHERE j.task = e.task
    """,
    # As procrastinate 3.10 writes it, whose version is pinned; its own function raises where the token waits already.
    "entries": """
        INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, scheduled_at)
        SELECT pack, 'run_handler', token, jsonb_build_object('task', token), at
        FROM json_to_recordset(%(entries)s::json) AS e (pack text, token text, at timestamptz)
        ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    """,
    "entries_gone": "DELETE FROM procrastinate_jobs WHERE id = ANY(%(entries_gone)s)",
    "timers": """
        INSERT INTO runtime.timers (task, instance, element, name, process, due_at, parked)
        SELECT task, instance, element, name, process, due_at, parked
        FROM json_populate_recordset(NULL::runtime.timers, %(timers)s::json)
        ON CONFLICT (task) DO UPDATE SET due_at = excluded.due_at
    """,
    "timers_gone": "DELETE FROM runtime.timers WHERE task = ANY(%(timers_gone)s)",
    "subscriptions": """
        INSERT INTO runtime.subscriptions (task, instance, element, name, process, message, key)
        SELECT task, instance, element, name, process, message, key
        FROM json_populate_recordset(NULL::runtime.subscriptions, %(subscriptions)s::json)
    """,
    "subscriptions_gone": "DELETE FROM runtime.subscriptions WHERE task = ANY(%(subscriptions_gone)s)",
}

# Without their indentation: psycopg remembers how it reads a statement up to 4,096 characters.
_PARTS = {name: f"{name} AS ({' '.join(statement.split())})" for name, statement in _CHANGES.items()}

_USER_TASK = f"SELECT {', '.join(_OF_USER_TASK)} FROM runtime.user_tasks WHERE id = %(id)s"  # noqa: S608 - names of ours

_LIMITED = """
    EXISTS (SELECT 1 FROM runtime.limits l WHERE l.handler = j.handler) OR EXISTS (SELECT 1
        FROM runtime.breakers b WHERE b.handler = j.handler AND (b.state <> 'closed' OR b.failures > 0))
"""

_JOB = f"""
    SELECT {", ".join(f"j.{name}" for name in _OF_JOB)}, j.instance, i.starter, i.subject, i.state = 'running' AS moves,
        i.suspended, {_LIMITED} AS limited
    FROM runtime.jobs j JOIN runtime.instances i ON i.id = j.instance WHERE j.task = %(task)s
    FOR UPDATE OF i, j
"""  # noqa: S608 - names of ours

_JOB_BEGUN = """
    UPDATE runtime.jobs SET state = 'running', attempt = %(attempt)s, worker = %(worker)s, held_since = NULL,
        started_at = %(at)s, next_attempt_at = NULL, progress = 0, progress_text = ''
    WHERE task = %(task)s
"""

# Were it lost with a crash of the database, the job would begin once more.
_JOB_BEGUN_LIGHTLY = f"{_JOB_BEGUN} RETURNING set_config('synchronous_commit', 'off', true)"

# Parts of the statement by which a worker takes entries of the queue: of those `taken` it begins each job in whose way
# nothing can stand. Whatever is held by somebody is passed over, so that nothing is waited for under these locks.
BEGUN = f"""
    free AS (
        SELECT {", ".join(f"j.{name}" for name in _OF_JOB)}, j.instance, i.starter, i.subject
        FROM taken JOIN runtime.jobs j ON j.task = taken.token JOIN runtime.instances i ON i.id = j.instance
        WHERE j.state IN ('queued', 'running', 'retrying') AND i.state = 'running' AND NOT i.suspended
            AND j.handler = ANY(%(handlers)s) AND j.attempt < j.attempts AND NOT ({_LIMITED})
        FOR UPDATE OF i, j SKIP LOCKED
    ), begun AS (
        UPDATE runtime.jobs j SET state = 'running', attempt = free.attempt + 1, worker = %(name)s, held_since = NULL,
            started_at = %(at)s, next_attempt_at = NULL, progress = 0, progress_text = ''
        FROM free WHERE j.task = free.task
    )
"""  # noqa: S608 - names of ours

_JOB_AGAIN = """
    SELECT 1 FROM runtime.jobs j JOIN runtime.instances i ON i.id = j.instance WHERE j.task = %(task)s
    FOR UPDATE OF i, j
"""

_JOB_HELD = """
    UPDATE runtime.jobs SET admitted_at = NULL, state = CASE state WHEN 'running' THEN 'queued' ELSE state END
    WHERE task = %(task)s
"""

_TIMER = "SELECT due_at FROM runtime.timers WHERE task = %(task)s"


@dataclass(slots=True)
class Changes:
    """What an event changes, by table, until it is written."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    gone: dict[str, list[UUID]] = field(default_factory=dict)
    #: numbers of queue entries that have done their work
    entries: list[int] = field(default_factory=list)
    #: the instance is new, and its row was put off
    begins: bool = False
    #: a decision that was put off
    decision: dict[str, Any] = field(default_factory=dict)

    def write(self, session: Session, held: Held) -> None:
        """Write all of it, the instance itself and what the log has of it, in one statement made of what there is."""
        unasked = take_back(session)
        instance = _BEGIN if unasked and self.begins else _MOVED
        parameters = _parameters(held)
        if unasked:
            parameters |= self.decision
        parameters |= {table: _json(rows) for table, rows in self.rows.items() if rows}
        parameters |= {table: tasks for table, tasks in self.gone.items() if tasks}
        if self.entries:
            parameters["entries_gone"] = self.entries
        parts = [part for name, part in _PARTS.items() if name in parameters]
        log = audit.parts(session)
        if log:
            parts.append(log.statement)
            parameters |= log.parameters
        execute(session, f"WITH {', '.join(parts)} {instance}" if parts else instance, parameters)


def find(session: Session, which: UUID | InstanceOf) -> tuple[UUID, str] | None:
    """(id, business key) of an instance, unlocked; None where there is none."""
    row = execute(session, _FIND, _named(which)).fetchone()
    return None if row is None else (row["id"], row["subject"])


def lock(session: Session, which: UUID | InstanceOf) -> Held | None:
    """The instance, locked with its audit head before anything else, then what named it; None where there is none."""
    if isinstance(which, UUID):
        row = execute(session, _LOCK, {"instance": which}).fetchone()
    elif which.job:
        row = execute(session, _LOCK_BY_JOB, {"key": which.job}).fetchone()
    else:
        row = execute(session, _LOCK_BY_USER_TASK, {"key": which.user_task}).fetchone()
    if row is None:
        return None
    held = Held(**{name: row[name] for name in _OF_INSTANCE})
    audit.adopt(session, f"instance:{held.id}", row["seq"], row["hash"])
    if isinstance(which, UUID):
        return held
    if which.job:
        held.job = Job(
            **{name: row[f"named_{name}"] for name in _OF_JOB},
            instance=held.id,
            starter=held.starter,
            subject=held.subject,
            moves=held.state == "running",
            suspended=held.suspended,
        )
    else:
        held.user_task = UserTask(**{name: row[f"named_{name}"] for name in _OF_USER_TASK})
    return held


def begin(session: Session, held: Held, changes: Changes) -> None:
    """Write the row of a new instance, and know its audit stream to be as new.

    At once where another of its subject would refuse it; else when a handler asks for anything, or with the rest.
    """
    audit.open_stream(session, f"instance:{held.id}")
    if held.exclusive:
        execute(session, _BEGIN, _parameters(held))
    else:
        changes.begins = True
        put_off(session, _BEGIN, _parameters(held))


def user_task(session: Session, task: UUID) -> UserTask | None:
    """A user task as it is now; None where there is none."""
    row = execute(session, _USER_TASK, {"id": task}).fetchone()
    return None if row is None else UserTask(**row)


def close_user_task(
    session: Session, task: UUID, answer: dict[str, Any], changes: Changes, *, at: datetime, by: str
) -> None:
    """Write a decision before anything is asked that runs behind it, such as who made it; else with the rest."""
    changes.decision = {"decided": task, "answer": _json(answer), "moved_at": at, "closed_by": by}
    put_off(session, _CHANGES["decided"], changes.decision)


def job(session: Session, task: UUID) -> Job | None:
    """A job that is about to begin, its instance locked and then its own row; None where there is none."""
    row = execute(session, _JOB, {"task": task}).fetchone()
    return None if row is None else Job(**row)


def job_begins(session: Session, job: Job, worker: str, at: datetime, *, alone: bool) -> None:
    """Write that this worker is at the job, for the next time. alone: nothing else is written, and no disk waited for.

    As the last of its transaction, whose commit it decides.
    """
    job.state, job.attempt = "running", job.attempt + 1
    statement = _JOB_BEGUN_LIGHTLY if alone else _JOB_BEGUN
    execute(session, statement, {"task": job.task, "attempt": job.attempt, "worker": worker, "at": at})


def begun(row: dict[str, Any]) -> Job | None:
    """The job that was begun as it was taken from the queue; None where it was not."""
    if row["task"] is None:
        return None
    known = {name: row[name] for name in _OF_JOB}
    known |= {"state": "running", "attempt": row["attempt"] + 1}
    return Job(
        **known, instance=row["instance"], starter=row["starter"], subject=row["subject"], moves=True, suspended=False
    )


def lock_before_anything(session: Session, job: Job) -> None:
    """Lock the job with its instance, as its beginning does, before anything is sent; nothing where nothing is."""
    put_off(session, _JOB_AGAIN, {"task": job.task})


def job_held(session: Session, task: UUID) -> None:
    """Write that the job waits until its instance is resumed, and takes nobody's place."""
    execute(session, _JOB_HELD, {"task": task})


def job_failed(session: Session, job: Job) -> None:
    """Write a failure at once: what it leads to may ask what went wrong."""
    execute(session, _CHANGES["jobs_ended"], {"jobs_ended": _json([ended(job)])})


def timer_due(session: Session, task: UUID) -> datetime | None:
    """When an armed timer is due; None where it is no longer armed."""
    row = execute(session, _TIMER, {"task": task}).fetchone()
    return None if row is None else row["due_at"]


def _named(which: UUID | InstanceOf) -> dict[str, UUID | None]:
    if isinstance(which, UUID):
        return {"instance": which, "user_task": None, "job": None}
    return {"instance": None, "user_task": which.user_task, "job": which.job}


def ended(job: Job) -> dict[str, Any]:
    """How a job ended, as a row of `Changes`."""
    names = ("task", "state", "attempt", "progress", "error", "next_attempt_at", "ended_at")
    return {name: getattr(job, name) for name in names}


def _parameters(held: Held) -> dict[str, Any]:
    values = {name: getattr(held, name) for name in _OF_INSTANCE}
    return {**values, "active": _json(held.active), "waiting": _json(held.waiting)}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
