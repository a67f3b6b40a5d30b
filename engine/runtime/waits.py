"""Who waited for whom, how long, at which element: read from the history of one instance, or of all of a process.

A wait is told in parts, each with who owed the next act: a user task waits for its role until somebody has it in hand,
and then for that person; a job for a worker, and then for its handler; an event for the clock or for others; a call for
what is told of the called process again, element by element. Time in which an instance was held counts like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from engine.store import now

#: rows of the waits of one instance at most: a loop of years has more
MOST = 5_000

_PARTS = """
    SELECT t.instance, t.process, t.element, t.name, 'user task' AS kind, 'until it was in hand' AS part,
        t.role AS owed_by, t.opened_at AS since,
        coalesce(t.claimed_at, t.closed_at) AS until
    FROM runtime.user_tasks t WHERE t.instance IN (SELECT id FROM asked)
    UNION ALL
    SELECT t.instance, t.process, t.element, t.name, 'user task', 'until it was decided',
        coalesce(t.closed_by, t.assignee), t.claimed_at, t.closed_at
    FROM runtime.user_tasks t WHERE t.instance IN (SELECT id FROM asked) AND t.claimed_at IS NOT NULL
    UNION ALL
    SELECT j.instance, j.process, j.element, j.name, 'job', 'until it was begun', 'worker', j.queued_at,
        coalesce(j.started_at, j.ended_at)
    FROM runtime.jobs j WHERE j.instance IN (SELECT id FROM asked)
    UNION ALL
    SELECT j.instance, j.process, j.element, j.name, 'job', 'until it was done', j.handler, j.started_at, j.ended_at
    FROM runtime.jobs j WHERE j.instance IN (SELECT id FROM asked) AND j.started_at IS NOT NULL
    UNION ALL
    SELECT s.instance, s.process, s.element, s.name, 'event', 'until it came', 'clock or others', s.entered_at,
        s.left_at
    FROM runtime.steps s
    WHERE s.instance IN (SELECT id FROM asked) AND s.kind IN ('intermediateCatchEvent', 'receiveTask')
    UNION ALL
    SELECT s.instance, s.process, s.element, s.name, 'call', 'until it was over', 'the called process', s.entered_at,
        s.left_at
    FROM runtime.steps s WHERE s.instance IN (SELECT id FROM asked) AND s.kind = 'callActivity'
"""

_OF_INSTANCE = text(f"""
    WITH asked AS (SELECT id FROM runtime.instances WHERE id = :instance),
    parts AS ({_PARTS})
    SELECT process, element, name, kind, part, owed_by, since, until,
        extract(epoch FROM greatest(coalesce(until, :at) - since, '0'::interval))::float AS seconds
    FROM parts WHERE since IS NOT NULL ORDER BY since, until NULLS LAST, part LIMIT :most
""")  # noqa: S608 - no value of anybody's in it

_OF_PROCESS = text(f"""
    WITH asked AS (
        SELECT id FROM runtime.instances
        WHERE process = :process AND (CAST(:version AS int) IS NULL OR version = :version)
            AND (CAST(:since AS timestamptz) IS NULL OR started_at >= :since)
    ),
    parts AS ({_PARTS}),
    timed AS (
        SELECT *, extract(epoch FROM greatest(coalesce(until, :at) - since, '0'::interval))::float AS seconds
        FROM parts WHERE since IS NOT NULL
    )
    SELECT process, element, max(name) AS name, kind, part, owed_by, count(*) AS n,
        count(*) FILTER (WHERE until IS NULL) AS n_open, count(DISTINCT instance) AS n_instances,
        sum(seconds) AS total_seconds, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median_seconds,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) AS p90_seconds, max(seconds) AS longest_seconds
    FROM timed GROUP BY process, element, kind, part, owed_by
    ORDER BY total_seconds DESC, process, element, part DESC, owed_by
""")  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One part of one visit to one element of an instance."""

    process: str
    element: str
    name: str
    kind: str  #: user task, job, event or call
    part: str  #: until it was in hand, decided, begun, done, over, or came
    owed_by: str  #: a role or a person, a worker or a handler, the clock or others
    since: datetime
    until: datetime | None  #: None while it lasts
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """The same part of all visits to one element, over many instances."""

    process: str
    element: str
    name: str
    kind: str
    part: str
    owed_by: str
    n: int
    n_open: int  #: of these those that last still; their time counts up to now
    n_instances: int
    total_seconds: float
    median_seconds: float
    p90_seconds: float
    longest_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of the waiting falls on one element, for its mark on the diagram."""

    seconds: float
    heat: int  #: 1 to 4; 4 for those that took more than half as long as the longest


def of_instance(session: Session, instance: UUID) -> list[Wait]:
    """What an instance waited for, in the order of time; the newest are left out beyond 5,000."""
    asked = {"instance": instance, "at": now(session), "most": MOST}
    return [Wait(**row) for row in session.execute(_OF_INSTANCE, asked).mappings()]


def of_process(
    session: Session, process: str, *, version: int | None = None, since: datetime | None = None
) -> list[Waits]:
    """What the instances of a process waited for, the longest in total first; since: only those started since then.

    Called processes are told with their own elements, as parts of the instances that called them.
    """
    asked = {"process": process, "version": version, "since": since, "at": now(session)}
    return [Waits(**row) for row in session.execute(_OF_PROCESS, asked).mappings()]


def shares(found: list[Wait] | list[Waits], process: str) -> dict[str, Share]:
    """Element -> how much of the waiting in this diagram falls on it."""
    total: dict[str, float] = {}
    for each in found:
        if each.process == process:
            spent = each.seconds if isinstance(each, Wait) else each.total_seconds
            total[each.element] = total.get(each.element, 0.0) + spent
    longest = max(total.values(), default=0.0)
    return {
        element: Share(seconds=seconds, heat=1 + sum(seconds > longest * bound for bound in (0.05, 0.2, 0.5)))
        for element, seconds in total.items()
    }
