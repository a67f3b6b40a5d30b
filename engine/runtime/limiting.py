"""What an operator sees of handlers at work, and does: sets limits, closes a breaker; audited, with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from engine import audit, identity
from engine.errors import GatewrightError
from engine.identity import Person
from engine.runtime import breakers, lines, registry
from engine.runtime.limits import Limits
from engine.runtime.tables import BreakerRow, JobRow, LimitRow
from engine.store import Store, now, transaction

OPERATE = "instance.operate"
_OWED = ("queued", "running", "retrying")


class NotLimited(GatewrightError):
    """{handler} runs inside the transaction that moves an instance, and has no limits."""

    code = "not-limited"
    hint = "Only handlers that run as jobs wait in line; `gatewright handler list` names them."
    status = 422


class BreakerClosed(GatewrightError):
    """The breaker of {handler}{target} is closed already."""

    code = "breaker-closed"
    hint = "`gatewright handler list` shows which are open."
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBreaker:
    """A breaker that holds jobs back, or that has counted failures."""

    target: str  #: the outside thing; empty for the handler as a whole
    state: str  #: closed, open, half_open
    failures: int
    cause: str
    opened_at: datetime | None
    probe_at: datetime | None
    probe: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerState:
    """A handler whose work is done by jobs: its limits, and how it stands now."""

    handler: str
    summary: str
    concurrency: int | None
    rate: str  #: starts/seconds; empty where there is none
    breaker: str  #: failures/seconds; empty where there is none
    declared: bool  #: the limits are those of its registration
    changed_by: str
    reason: str
    running: int
    waiting: int  #: queued, or waiting for the next attempt; those in line among them
    in_line: int
    oldest_at: datetime | None  #: when the oldest that waits was queued
    breakers: list[OpenBreaker] = field(default_factory=list)


def overview(session: Session) -> list[HandlerState]:
    """Every handler that runs as a job, by name, in three statements."""
    set_ = {row.handler: row for row in session.scalars(select(LimitRow))}
    counts = {
        row.handler: row
        for row in session.execute(
            select(
                JobRow.handler,
                func.count(case((JobRow.state == "running", 1))).label("running"),
                func.count(case((JobRow.state != "running", 1))).label("waiting"),
                func.count(JobRow.held_since).label("in_line"),
                func.min(case((JobRow.state != "running", JobRow.queued_at))).label("oldest_at"),
            )
            .where(JobRow.state.in_(_OWED))
            .group_by(JobRow.handler)
        )
    }
    found: dict[str, list[OpenBreaker]] = {}
    for row in session.scalars(select(BreakerRow).order_by(BreakerRow.handler, BreakerRow.target)):
        if row.state != "closed" or row.failures:
            found.setdefault(row.handler, []).append(
                OpenBreaker(**{name: getattr(row, name) for name in OpenBreaker.__slots__})
            )
    return [
        _state(task, set_.get(task.name), counts.get(task.name), found.get(task.name, []))
        for task in registry.service_tasks()
        if task.kind == "job"
    ]


def open_breakers(session: Session) -> list[tuple[str, OpenBreaker]]:
    """Handler and breaker, of all that hold jobs back now."""
    rows = session.scalars(
        select(BreakerRow).where(BreakerRow.state != "closed").order_by(BreakerRow.handler, BreakerRow.target)
    )
    return [(row.handler, OpenBreaker(**{name: getattr(row, name) for name in OpenBreaker.__slots__})) for row in rows]


def set_limits(house: Store, person: Person, handler: str, limits: Limits, reason: str) -> None:
    """Have these limits hold for the handler's jobs, whatever it declares, from now on and on every worker.

    Raises NotPermitted, UnknownName, NotLimited. A lower concurrency ends nothing that runs.
    """

    def act(session: Session, task: registry.ServiceTask) -> None:
        before = lines.effective(task, session.get(LimitRow, handler))
        session.merge(
            LimitRow(
                handler=handler,
                concurrency=limits.concurrency,
                starts=limits.rate.starts if limits.rate else None,
                per_seconds=limits.rate.per_seconds if limits.rate else None,
                failures=limits.breaker.failures if limits.breaker else None,
                pause_seconds=limits.breaker.pause_seconds if limits.breaker else None,
                reason=reason,
                changed_by=person.id,
                changed_at=now(session),
            )
        )
        if limits.breaker is None:
            for row in session.scalars(select(BreakerRow).where(BreakerRow.handler == handler)).all():
                if row.state != "closed":
                    breakers.close(session, row, person.id, f"it has no breaker any more: {reason}")
        session.flush()
        _record(session, person, "limits.set", handler, reason=reason, before=_told(before), after=_told(limits))

    _operate(house, person, handler, "limits.set", act)


def forget_limits(house: Store, person: Person, handler: str, reason: str) -> None:
    """Have what the handler declares hold again. Raises NotPermitted, UnknownName, NotLimited."""

    def act(session: Session, task: registry.ServiceTask) -> None:
        row = session.get(LimitRow, handler)
        before = lines.effective(task, row)
        if row is not None:
            session.delete(row)
            session.flush()
        _record(
            session, person, "limits.forgotten", handler, reason=reason, before=_told(before), after=_told(task.limits)
        )

    _operate(house, person, handler, "limits.forgotten", act)


def close_breaker(house: Store, person: Person, handler: str, target: str, reason: str) -> None:
    """Let the jobs that wait for a broken tool run. Raises NotPermitted, UnknownName, NotLimited, BreakerClosed."""

    def act(session: Session, task: registry.ServiceTask) -> None:
        row = session.get(BreakerRow, (handler, target))
        if row is None or row.state == "closed":
            raise BreakerClosed(handler=handler, target=f" for {target}" if target else "")
        breakers.close(session, row, person.id, reason)

    _operate(house, person, handler, "breaker.closed", act)


def changed(limits: Limits, **given: object) -> Limits:
    """The limits with those that are given in place of theirs: concurrency, rate, breaker."""
    return Limits(**{name: given.get(name, getattr(limits, name)) for name in Limits.__slots__})  # type: ignore[arg-type]


def limits_of(session: Session, handler: str) -> Limits:
    """What holds for the handler now; raises UnknownName, NotLimited."""
    return lines.effective(_job(handler), session.get(LimitRow, handler))


def _operate(
    house: Store, person: Person, handler: str, tried: str, act: Callable[[Session, registry.ServiceTask], None]
) -> None:
    try:
        identity.require(person, OPERATE)
        task = _job(handler)
        with transaction(house) as session:
            lines.lock(session, handler)
            act(session, task)
            session.flush()
            lines.let_in(house, session, task)
    except GatewrightError as refusal:
        audit.refusal(
            house,
            "system",
            "act.refused",
            actor=person.id,
            subject=handler[:200] if handler.isprintable() else "",
            tried=tried,
            reason=refusal.code,
            message=refusal.message[:500],
        )
        raise


def _job(handler: str) -> registry.ServiceTask:
    task = registry.find_service_task(handler)
    if task.kind != "job":
        raise NotLimited(handler=handler)
    return task


def _record(session: Session, person: Person, act: str, handler: str, **facts: object) -> None:
    audit.record(session, "system", act, actor=person.id, subject=handler, **facts)


def _told(limits: Limits) -> dict[str, int | str | None]:
    return {
        "concurrency": limits.concurrency,
        "rate": str(limits.rate) if limits.rate else None,
        "breaker": str(limits.breaker) if limits.breaker else None,
    }


def _state(
    task: registry.ServiceTask, row: LimitRow | None, counted: object | None, found: list[OpenBreaker]
) -> HandlerState:
    limits = lines.effective(task, row)
    return HandlerState(
        handler=task.name,
        summary=task.summary,
        concurrency=limits.concurrency,
        rate=str(limits.rate or ""),
        breaker=str(limits.breaker or ""),
        declared=row is None,
        changed_by=row.changed_by if row else "",
        reason=row.reason if row else "",
        running=getattr(counted, "running", 0),
        waiting=getattr(counted, "waiting", 0),
        in_line=getattr(counted, "in_line", 0),
        oldest_at=getattr(counted, "oldest_at", None),
        breakers=found,
    )
