"""How long the stages of life cycles take: what a process calls at its top is a stage of it.

A visit counts in the span in which it ended; what stands open counts beside them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from engine.runtime.tables import InstanceRow
from engine.store import now

_STAGES = text("""
    WITH visits AS (
        SELECT s.process, s.element, s.name, s.left_at, extract(epoch FROM s.left_at - s.entered_at)::float AS seconds
        FROM runtime.steps s JOIN runtime.instances i ON i.id = s.instance
        WHERE s.kind = 'callActivity' AND s.scope = '' AND s.outcome IS DISTINCT FROM 'cancelled'
            AND (s.left_at >= :before OR s.left_at IS NULL AND i.state = 'running')
    )
    SELECT process, element, max(name) AS name,
        count(*) FILTER (WHERE left_at >= :since) AS n,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE left_at >= :since) AS median_seconds,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE left_at >= :since) AS p90_seconds,
        count(*) FILTER (WHERE left_at < :since) AS n_before,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE left_at < :since) AS median_seconds_before,
        count(left_at) AS n_ended,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE left_at IS NOT NULL) AS usual_seconds,
        count(*) FILTER (WHERE left_at IS NULL) AS n_open
    FROM visits GROUP BY process, element ORDER BY process, max(name), element
""")

_STANDING = text("""
    SELECT s.instance, i.subject, s.process, s.element, s.name, s.entered_at,
        extract(epoch FROM :at - s.entered_at)::float AS seconds,
        array(SELECT DISTINCT t.role FROM runtime.user_tasks t WHERE t.instance = i.id AND t.state = 'open' ORDER BY 1)
            AS roles,
        EXISTS (SELECT FROM runtime.incidents n WHERE n.instance = i.id AND n.closed_at IS NULL) AS incident
    FROM runtime.steps s JOIN runtime.instances i ON i.id = s.instance
    WHERE i.state = 'running' AND s.kind = 'callActivity' AND s.scope = '' AND s.left_at IS NULL
    ORDER BY s.entered_at LIMIT :most
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of a process, over a span and the span before it."""

    process: str
    element: str
    name: str
    n: int  #: visits that ended in the span
    median_seconds: float | None
    p90_seconds: float | None
    n_before: int
    median_seconds_before: float | None
    n_ended: int  #: in both spans
    usual_seconds: float | None  #: nine of ten visits of both spans took no longer
    n_open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A stage that an instance is in now."""

    instance: UUID
    subject: str
    process: str
    element: str
    name: str
    entered_at: datetime
    seconds: float
    roles: tuple[str, ...]  #: who owes an answer to its open tasks
    incident: bool


def stages(session: Session, *, since: datetime, before: datetime) -> list[Stage]:
    """Every stage that was visited, by process; the span is from `since` on, the one before it from `before` on."""
    return [Stage(**row) for row in session.execute(_STAGES, {"since": since, "before": before}).mappings()]


def standing(session: Session, *, limit: int = 10_000) -> list[Standing]:
    """The stages that running instances are in, the longest first."""
    found = session.execute(_STANDING, {"at": now(session), "most": limit}).mappings()
    return [Standing(**{**row, "roles": tuple(row["roles"])}) for row in found]


def processes(session: Session, instances: Collection[UUID]) -> dict[UUID, str]:
    """Instance -> the process that it runs; unknown ones are left out."""
    rows = session.execute(select(InstanceRow.id, InstanceRow.process).where(InstanceRow.id.in_(list(instances))))
    return {row.id: row.process for row in rows}
