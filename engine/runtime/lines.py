"""The line in which jobs wait for a place: a row each, taken out of the queue, so that no worker is kept busy by it.

A job that begins asks for a place where its handler is limited or its breaker is not closed. It joins the line and the
line is let in as far as there is room: the oldest first, but one instance with many jobs takes turns with the others.
Who gets a place is handed to the queue again. The line moves when a job ends, and at a tick of the clock.

One lock a handler (an advisory one, of the transaction) makes the counts exact over all workers. It is taken before
any job's row, and never in a transaction that moves an instance.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, and_, cast, delete, exists, func, insert, or_, select, true, update
from sqlalchemy.orm import Session

from engine.runtime import breakers, queue, registry, wakeups
from engine.runtime.limits import Breaker, Limits, Rate
from engine.runtime.tables import InstanceRow, JobRow, LimitRow, StartRow
from engine.store import Store, execute, now, transaction

#: let in at a time; the next tick goes on
_BATCH = 200
#: how far from its head the line takes turns between instances
_TURNS = 1000

_WAITS = ("queued", "retrying")

# Asked for each job that begins.
_STANDING = """
    SELECT l.handler, l.concurrency, l.starts, l.per_seconds, l.failures, l.pause_seconds,
        b.state AS breaker, b.failures AS in_a_row, b.probe
    FROM (SELECT 1) AS one LEFT JOIN runtime.limits l ON l.handler = %(handler)s
        LEFT JOIN runtime.breakers b ON b.handler = %(handler)s AND b.target = %(target)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands in the way of a job that is about to begin."""

    limits: Limits
    breaker: str = "closed"
    failures: int = 0
    probe: UUID | None = None

    @property
    def guarded(self) -> bool:
        """Whether the job has to ask for a place."""
        return self.limits.counted or self.breaker != "closed"


def standing(session: Session, handler: registry.ServiceTask, target: str) -> Standing:
    """What holds for a job of this handler now, read in one statement and without a lock."""
    (found,) = execute(session, _STANDING, {"handler": handler.name, "target": target}).fetchall()
    limits = handler.limits
    if found.pop("handler") is not None:
        names = ("concurrency", "starts", "per_seconds", "failures", "pause_seconds")
        limits = effective(handler, LimitRow(**{name: found[name] for name in names}))
    if found["breaker"] is None or limits.breaker is None:
        return Standing(limits=limits)
    return Standing(limits=limits, breaker=found["breaker"], failures=found["in_a_row"], probe=found["probe"])


def effective(handler: registry.ServiceTask, row: LimitRow | None) -> Limits:
    """What an operator set, else what the handler declares."""
    if row is None:
        return handler.limits
    rate = Rate(starts=row.starts, per_seconds=row.per_seconds) if row.starts and row.per_seconds else None
    breaker = (
        Breaker(failures=row.failures, pause_seconds=row.pause_seconds) if row.failures and row.pause_seconds else None
    )
    return Limits(concurrency=row.concurrency, rate=rate, breaker=breaker)


def join(house: Store, handler: registry.ServiceTask, task: UUID, target: str) -> bool:
    """Whether the job may run now; else it stands in line, and is handed out again when it has a place."""
    with transaction(house) as session:
        lock(session, handler.name)
        session.execute(
            update(JobRow)
            .where(JobRow.task == task, JobRow.state.in_(_WAITS), JobRow.admitted_at.is_(None))
            .values(held_since=func.coalesce(JobRow.held_since, now(session)), target=target)
        )
        return task in let_in(house, session, handler, here=task)


def ended(
    house: Store,
    handler: registry.ServiceTask,
    task: UUID,
    target: str,
    standing: Standing,
    failure: Exception | None,
    *,
    asked: bool = True,
) -> None:
    """Note what a job's end says of its tool, and let the next in. asked: the tool was asked at all."""
    rule = standing.limits.breaker
    failed = failure is not None and breakers.technical(failure)
    broken = asked and failed and rule is not None
    mended = asked and not failed and (standing.failures > 0 or standing.breaker != "closed")
    if not (broken or mended or standing.guarded):
        return
    with transaction(house) as session:
        lock(session, handler.name)
        if broken and rule is not None and failure is not None:
            breakers.failed(session, handler.name, target, task, str(failure) or type(failure).__name__, rule)
        elif mended:
            breakers.answered(session, handler.name, target, task)
        let_in(house, session, handler)


def advance(house: Store) -> int:
    """Let in what has a place now, for every handler with a line; returns how many. A tick of the clock."""
    moved = 0
    # Of packs that are not installed here the lines are moved by the workers that have them.
    handlers = {task.name: task for task in registry.service_tasks() if task.kind == "job"}
    for name in _with_a_line(house, sorted(handlers)):
        with transaction(house) as session:
            lock(session, name)
            _forget_cancelled(session, name)
            moved += len(let_in(house, session, handlers[name]))
    return moved


def _with_a_line(house: Store, handlers: list[str]) -> list[str]:
    """Those of them with anything in line: one look into the index for each, however long the lines are."""
    known = func.unnest(cast(handlers, ARRAY(Text))).table_valued("handler").render_derived()
    anything = exists().where(JobRow.handler == known.c.handler, JobRow.held_since.is_not(None))
    with transaction(house) as session:
        return list(session.scalars(select(known.c.handler).where(anything)))


def _forget_cancelled(session: Session, handler: str) -> None:
    """Take those out of the head of the line that were cancelled in it."""
    head = (
        select(JobRow.task)
        .where(JobRow.handler == handler, JobRow.held_since.is_not(None))
        .order_by(JobRow.held_since)
        .limit(_TURNS)
    )
    session.execute(update(JobRow).where(JobRow.task.in_(head), JobRow.state.not_in(_WAITS)).values(held_since=None))


def lock(session: Session, handler: str) -> None:
    """Hold the handler's line until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext("gatewright.handler"), func.hashtext(handler))))


def let_in(house: Store, session: Session, handler: registry.ServiceTask, *, here: UUID | None = None) -> list[UUID]:
    """Give places to those in line, as far as there is room, and hand them to the queue, but for the one that is here.

    Under the handler's lock.
    """
    limits = effective(handler, session.get(LimitRow, handler.name, populate_existing=True))
    at = now(session)
    room, at_work = _room(session, handler.name, limits, at)
    if room <= 0:
        return []
    blocked, probing = breakers.shut(session, handler.name) if limits.breaker else (set(), {})
    chosen: list[UUID] = []
    for target, breaker in sorted(probing.items()):
        first = _line(session, handler.name, 1, of=target)
        if first and len(chosen) < room:
            breakers.probe(session, breaker, first[0].task)
            chosen.append(first[0].task)
    if len(chosen) < room:
        chosen += _in_turn(_line(session, handler.name, _TURNS, but=blocked), at_work)[: room - len(chosen)]
    # One that is being cancelled at this moment is locked: it is passed over and not waited for.
    free = session.scalars(
        select(JobRow.task)
        .where(JobRow.task.in_(chosen), JobRow.held_since.is_not(None), JobRow.state.in_(_WAITS))
        .with_for_update(skip_locked=True)
    ).all()
    if not free:
        return []
    session.execute(update(JobRow).where(JobRow.task.in_(free)).values(held_since=None, admitted_at=at))
    if limits.rate:
        session.execute(insert(StartRow), [{"handler": handler.name, "at": at} for _ in free])
    for task in free:
        if task != here:
            queue.defer(session, task=task, pack=handler.pack, at=None)
            wakeups.jobs_waiting(session, house, handler.pack)
    return list(free)


def _room(session: Session, handler: str, limits: Limits, at: datetime) -> tuple[int, Counter[UUID]]:
    """How many may be let in now, and how many of each instance have a place already."""
    room = _BATCH
    counts: Counter[UUID] = Counter()
    if limits.concurrency is not None:
        placed = session.execute(
            select(JobRow.instance, func.count())
            .where(
                JobRow.handler == handler,
                # Running without having asked: begun before there was a limit, and at work all the same.
                or_(JobRow.state == "running", and_(JobRow.admitted_at.is_not(None), JobRow.state.in_(_WAITS))),
            )
            .group_by(JobRow.instance)
        )
        for instance, count in placed:
            counts[instance] = count
        room = min(room, limits.concurrency - counts.total())
    if limits.rate:
        span = timedelta(seconds=limits.rate.per_seconds)
        # What is further ahead than clocks differ was written before a clock was set back: it would hold all for long.
        past = or_(StartRow.at <= at - span, StartRow.at > at + span)
        session.execute(delete(StartRow).where(StartRow.handler == handler, past))
        begun = session.scalar(select(func.count()).where(StartRow.handler == handler)) or 0
        room = min(room, limits.rate.starts - begun)
    return room, counts


def _line(
    session: Session, handler: str, most: int, *, of: str | None = None, but: set[str] | None = None
) -> list[Any]:
    """The head of the line, the oldest first: of one target, or of all but some."""
    target = func.coalesce(JobRow.target, "")
    return list(
        session.execute(
            select(JobRow.task, JobRow.instance)
            .join(InstanceRow, InstanceRow.id == JobRow.instance)
            .where(
                JobRow.handler == handler,
                JobRow.held_since.is_not(None),
                JobRow.state.in_(_WAITS),
                InstanceRow.state == "running",
                InstanceRow.suspended.is_(False),
                target == of if of is not None else target.not_in(sorted(but)) if but else true(),
            )
            .order_by(JobRow.held_since, JobRow.task)
            .limit(most)
        )
    )


def _in_turn(line: list[Any], at_work: Counter[UUID]) -> list[UUID]:
    """The tasks of the line, those first whose instance has the fewest before them; the line's order among equals."""
    before = Counter(at_work)
    turns: list[tuple[int, int, UUID]] = []
    for place, each in enumerate(line):
        turns.append((before[each.instance], place, each.task))
        before[each.instance] += 1
    return [task for _, _, task in sorted(turns)]
