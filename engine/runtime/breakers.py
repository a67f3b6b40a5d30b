"""A circuit breaker for each handler, or for each outside thing that a handler asks: a dead tool is not asked by all.

closed: jobs run. After so many technical failures in a row: open, jobs wait in line. After a pause one of them tries
(half open): its answer closes the breaker, its failure opens it for a pause twice as long. A probe that fails has not
used up an attempt of its job, which goes to the end of the line.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import audit, bpmn, events
from engine.errors import GatewrightError
from engine.runtime.limits import Breaker
from engine.runtime.tables import BreakerRow, JobRow
from engine.store import now

#: a tool that is away for a day is asked no more seldom than this
LONGEST_PAUSE_SECONDS = 600.0
_STREAM = "system"


def technical(failure: Exception) -> bool:
    """Whether a failure says that the tool does not work: no named BPMN error, no refusal of what it was asked."""
    if isinstance(failure, bpmn.BpmnError):
        return False
    return not isinstance(failure, GatewrightError) or failure.status >= 500


def failed(session: Session, handler: str, target: str, task: UUID, cause: str, rule: Breaker) -> None:
    """Count a technical failure; opens the breaker where it is one too many. Under the handler's lock."""
    at = now(session)
    row = _row(session, handler, target, rule, at)
    row.failures, row.cause, row.changed_at = row.failures + 1, cause[:500], at
    if row.state == "half_open" and row.probe == task:
        row.pause_seconds = min(row.pause_seconds * 2, max(LONGEST_PAUSE_SECONDS, rule.pause_seconds))
        row.state, row.probe, row.probe_at = "open", None, at + timedelta(seconds=row.pause_seconds)
        _tell(session, "breaker.still_open", row, "worker", cause=row.cause)
    elif row.state == "closed" and row.failures >= rule.failures:
        row.state, row.opened_at, row.pause_seconds = "open", at, rule.pause_seconds
        row.probe, row.probe_at = None, at + timedelta(seconds=rule.pause_seconds)
        _tell(session, "breaker.opened", row, "worker", cause=row.cause, failures=row.failures)
        events.emit(session, "breaker.opened", handler, target=target)


def answered(session: Session, handler: str, target: str, task: UUID) -> None:
    """Note that the tool answered: failures are no longer in a row, and a probe closes the breaker. Under the lock."""
    row = session.get(BreakerRow, (handler, target))
    if row is None:
        return
    if row.state == "half_open" and row.probe == task:
        _close(session, row, "worker", reason="the probe was answered")
    elif row.state == "closed" and row.failures:
        row.failures, row.changed_at = 0, now(session)


def close(session: Session, row: BreakerRow, by: str, reason: str) -> None:
    """Let jobs run again, by an operator's word."""
    _close(session, row, by, reason=reason)


def shut(session: Session, handler: str) -> tuple[set[str], dict[str, BreakerRow]]:
    """The targets that nobody may ask now, and the breakers that wait for a job to try. Under the handler's lock."""
    at = now(session)
    blocked: set[str] = set()
    probing: dict[str, BreakerRow] = {}
    rows = session.scalars(select(BreakerRow).where(BreakerRow.handler == handler, BreakerRow.state != "closed"))
    for row in rows.all():
        blocked.add(row.target)
        # Further ahead than the pause is long: a clock was set back meanwhile.
        ahead = row.probe_at - at if row.probe_at else timedelta(0)
        due = ahead <= timedelta(0) or ahead > timedelta(seconds=row.pause_seconds)
        if (row.state == "open" and due) or (row.state == "half_open" and not _alive(session, row.probe)):
            probing[row.target] = row
    return blocked, probing


def probe(session: Session, row: BreakerRow, task: UUID) -> None:
    """Have this job try."""
    row.state, row.probe, row.changed_at = "half_open", task, now(session)


def _alive(session: Session, task: UUID | None) -> bool:
    """Whether the job that tries still has its place: cancelled, or refused before it asked, it tries nothing."""
    job = session.get(JobRow, task, populate_existing=True) if task else None
    return job is not None and job.admitted_at is not None and job.state in ("queued", "running", "retrying")


def _row(session: Session, handler: str, target: str, rule: Breaker, at: datetime) -> BreakerRow:
    found = session.get(BreakerRow, (handler, target))
    if found is None:
        found = BreakerRow(
            handler=handler,
            target=target,
            state="closed",
            failures=0,
            cause="",
            pause_seconds=rule.pause_seconds,
            changed_at=at,
        )
        session.add(found)
    return found


def _close(session: Session, row: BreakerRow, by: str, *, reason: str) -> None:
    row.state, row.failures, row.probe, row.probe_at, row.opened_at = "closed", 0, None, None, None
    row.changed_at = now(session)
    _tell(session, "breaker.closed", row, by, reason=reason)


def _tell(session: Session, act: str, row: BreakerRow, by: str, **facts: object) -> None:
    audit.record(session, _STREAM, act, actor=by, subject=row.handler, target=row.target, **facts)
