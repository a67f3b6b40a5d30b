"""Schedules start instances by themselves, at times that people write as cron or ISO 8601, in a named zone.

What was missed while the clock stood still follows the schedule's own policy: `run_once` (one run for all that was
missed), `run_all` (one run for each) or `skip` (none; each is noted as missed); of more than 100 missed times the log
names the span of the others.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import audit, bpmn, events, identity
from engine.bpmn import calendar
from engine.errors import GatewrightError, words
from engine.identity import Person
from engine.runtime import bundles
from engine.runtime.instances.start import answered, begin
from engine.runtime.tables import InstanceRow, ScheduleRow, ScheduleRunRow
from engine.runtime.values import Schedule, ScheduleRun
from engine.store import Store, new_id, now, transaction

_log = logging.getLogger(__name__)

CLOCK = Person.system("clock")
POLICIES = ("run_once", "run_all", "skip")
#: a fire later than this was missed; earlier it was just the clock's tick
_ON_TIME = timedelta(seconds=60)
_MOST = 100
#: one that could not fire is tried again after so long
RETRY = timedelta(seconds=60)


class TimingRefused(GatewrightError):
    """{timing} is no time at which a schedule can fire: {reason}."""

    code = "timing-refused"
    hint = "Write cron (`0 6 * * 1`: Mondays at six) or an ISO 8601 repeating interval (`R/PT1H`)."
    status = 422


class ScheduleUnknown(GatewrightError):
    """There is no schedule {schedule}."""

    code = "schedule-unknown"
    hint = "`gatewright schedule list` and the page Schedules name them."
    status = 404


class ScheduleTaken(GatewrightError):
    """There is a schedule named {schedule} already."""

    code = "schedule-taken"
    hint = "Give the new one another name."
    status = 409


def add(
    session: Session,
    person: Person,
    name: str,
    process: str,
    timing: str,
    *,
    subject: str = "",
    variables: dict[str, Any] | None = None,
    timezone: str = "UTC",
    missed: str = "run_once",
) -> UUID:
    """A new schedule; returns its id.

    Raises NotPermitted, DefinitionUnknown, AnswerRefused, SubjectRefused, TimingRefused, ScheduleTaken.
    """
    identity.require(person, "schedule.edit")
    bundle, _ = bundles.resolve(session, process)
    # Refused now and not at each time: the answer that it gives to the start form, and the subject.
    description = bpmn.describe(bundle.files(process))
    subject, answer = answered(bundle, description, subject, variables)
    if missed not in POLICIES:
        raise TimingRefused(timing=missed, reason=f"a policy for missed fires is one of {', '.join(POLICIES)}")
    if session.scalar(select(ScheduleRow.id).where(ScheduleRow.name == name)):
        raise ScheduleTaken(schedule=name)
    at = now(session)
    row = ScheduleRow(
        id=new_id(),
        name=name,
        process=process,
        subject=subject,
        variables=answer,
        timing=timing,
        timezone=timezone,
        missed=missed,
        owner=person.id,
        paused=False,
        created_at=at,
        next_due_at=next_after(timing, timezone, at, begun=at),
    )
    session.add(row)
    _record(session, row, "schedule.added", person, timing=timing, missed=missed)
    return row.id


def pause(session: Session, person: Person, schedule: str, paused: bool = True) -> None:
    """Stop a schedule from firing, or let it fire again from now on."""
    identity.require(person, "schedule.edit")
    row = session.scalars(select(ScheduleRow).where(ScheduleRow.name == schedule).with_for_update()).one_or_none()
    if row is None:
        raise ScheduleUnknown(schedule=schedule)
    _settle(session, row)
    row.paused = paused
    if not paused:
        row.next_due_at = next_after(row.timing, row.timezone, now(session), begun=row.created_at)
    _record(session, row, "schedule.paused" if paused else "schedule.resumed", person)


def keep(
    session: Session,
    actor: str,
    name: str,
    process: str,
    timing: str,
    *,
    subject: str,
    variables: dict[str, Any],
    timezone: str,
    missed: str,
) -> datetime | None:
    """Have a schedule of this name fire at this timing from now on; returns when it does so first.

    For what the house keeps by itself, such as a monitor's: whether somebody may ask for it is asked by whoever
    calls. One that fires at the same times already goes on undisturbed. Raises TimingRefused.
    """
    at = now(session)
    given = {
        "process": process,
        "subject": subject,
        "variables": variables,
        "timing": timing,
        "timezone": timezone,
        "missed": missed,
    }
    row = session.scalars(select(ScheduleRow).where(ScheduleRow.name == name).with_for_update()).one_or_none()
    if (
        row is not None
        and row.next_due_at is not None
        and not row.paused
        and {column: getattr(row, column) for column in given} == given
    ):
        return row.next_due_at
    due = next_after(timing, timezone, at, begun=at)
    fresh = {**given, "owner": actor, "paused": False, "created_at": at, "next_due_at": due}
    if row is None:
        row = ScheduleRow(id=new_id(), name=name, **fresh)
        session.add(row)
    else:
        _settle(session, row)
        for column, value in fresh.items():
            setattr(row, column, value)
    session.flush()
    _record(session, row, "schedule.kept", Person.system(actor), timing=timing, missed=missed)
    return due


def let_go(session: Session, actor: str, name: str) -> None:
    """Have a schedule that the house keeps fire no more; nothing where there is none."""
    row = session.scalars(select(ScheduleRow).where(ScheduleRow.name == name).with_for_update()).one_or_none()
    if row is not None and not row.paused:
        _settle(session, row)
        row.paused, row.next_due_at = True, None
        _record(session, row, "schedule.paused", Person.system(actor))


def named(session: Session, name: str) -> Schedule | None:
    """The schedule of this name, without its runs; None where there is none."""
    row = session.scalars(select(ScheduleRow).where(ScheduleRow.name == name)).one_or_none()
    if row is None:
        return None
    return Schedule(**{field: getattr(row, field) for field in Schedule.__slots__ if not field.startswith("last_")})


def run_of(session: Session, schedule: UUID, due: datetime) -> ScheduleRun | None:
    """What came of one time at which a schedule was due; None where it has not fired for it."""
    row = session.get(ScheduleRunRow, (schedule, due), populate_existing=True)
    return None if row is None else ScheduleRun(**{field: getattr(row, field) for field in ScheduleRun.__slots__})


def due_of(session: Session, instance: UUID) -> datetime:
    """The moment for which an instance was started: when its schedule was due, else when it began."""
    origin, begun = session.execute(
        select(InstanceRow.origin, InstanceRow.started_at).where(InstanceRow.id == instance)
    ).one()
    due: datetime | None = session.scalar(
        select(ScheduleRunRow.due_at)
        .join(ScheduleRow, ScheduleRow.id == ScheduleRunRow.schedule)
        .where(ScheduleRow.name == origin.removeprefix("schedule "), ScheduleRunRow.instance == instance)
    )
    moment: datetime = due or begun
    return moment


def drawn_name(process: str, element: str) -> str:
    """The name of the schedule that stands for a timer start event."""
    return f"{process}#{element}"


def drawn_element(row: ScheduleRow) -> str:
    """The timer start event for which a schedule stands; empty for one that somebody added."""
    process, mark, element = row.name.partition("#")
    return element if mark and process == row.process else ""


def next_after(timing: str, timezone: str, at: datetime, *, begun: datetime) -> datetime | None:
    """The first moment after `at` at which the timing fires; None where it never does again; raises TimingRefused."""
    try:
        armed: calendar.Armed | None = calendar.arm("cycle", timing, begun, timezone)
        if armed is not None and armed.due <= at:
            armed = armed.after(at)
    except calendar.NotATime as reason:
        raise TimingRefused(timing=f"{timing} in {timezone}", reason=reason.message) from None
    return armed.due if armed else None


def fire_due(house: Store) -> int:
    """Start what is due, each schedule in its own transaction; returns how many instances were started.

    One that cannot fire for a reason that nobody foresaw is noted as failed, told as the fact `schedule.failed`, and
    tried again each minute: its silence is seen.
    """
    with transaction(house) as session:
        failed = select(ScheduleRunRow.schedule).where(
            ScheduleRunRow.schedule == ScheduleRow.id,
            ScheduleRunRow.due_at == ScheduleRow.next_due_at,
            ScheduleRunRow.outcome == "failed",
            ScheduleRunRow.fired_at > now(session) - RETRY,
        )
        due = session.scalars(
            select(ScheduleRow.id).where(ScheduleRow.next_due_at <= now(session), ~ScheduleRow.paused, ~failed.exists())
        ).all()
    started = 0
    for schedule in due:
        try:
            started += _fire(house, schedule)
        except Exception as failure:
            _log.exception("Schedule %s could not fire; it is tried again in a minute", schedule)
            _failed(house, schedule, failure)
    return started


def _failed(house: Store, schedule: UUID, failure: Exception) -> None:
    """Note that the schedule could not fire, in a transaction of its own: that of the attempt is gone."""
    with transaction(house) as session:
        row = session.get(ScheduleRow, schedule, with_for_update=True)
        if row is None or row.paused or row.next_due_at is None or row.next_due_at > now(session):
            return
        due, detail = row.next_due_at, f"{type(failure).__name__}: {words(failure, 500)}"
        known = session.get(ScheduleRunRow, (row.id, due))
        if known is not None:
            known.fired_at, known.detail = now(session), detail
            return  # told once: whoever looks sees when it was tried last
        _note(session, row, due, "failed", None, detail)
        events.emit(session, "schedule.failed", row.subject, schedule=row.name, id=str(row.id), detail=detail)


def _fire(house: Store, schedule: UUID) -> int:
    with transaction(house) as session:
        # SKIP LOCKED: another clock is at it. The row is looked at again under its lock.
        row = session.scalars(
            select(ScheduleRow)
            .where(ScheduleRow.id == schedule, ~ScheduleRow.paused, ScheduleRow.next_due_at <= now(session))
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if row is None or row.next_due_at is None:
            return 0
        at = now(session)
        due, following = [row.next_due_at], row.next_due_at
        while (after := next_after(row.timing, row.timezone, following, begun=row.created_at)) and after <= at:
            if len(due) == _MOST:
                _record(session, row, "schedule.passed_over", CLOCK, since=after.isoformat(), until=at.isoformat())
                break
            due.append(after)
            following = after
        _settle(session, row)
        started = 0
        for moment in due:
            started += _run(house, session, row, moment, last=moment is due[-1], at=at)
        row.next_due_at = next_after(row.timing, row.timezone, at, begun=row.created_at)
        return started


def _settle(session: Session, row: ScheduleRow) -> None:
    """Tell that a schedule which could not fire is in trouble no more; nothing where it was in none."""
    known = row.next_due_at and session.get(ScheduleRunRow, (row.id, row.next_due_at))
    if known and known.outcome == "failed":
        events.emit(session, "schedule.recovered", row.subject, schedule=row.name, id=str(row.id))


def _run(house: Store, session: Session, row: ScheduleRow, due: datetime, *, last: bool, at: datetime) -> int:
    late = at - due > _ON_TIME
    wanted = not late or row.missed == "run_all" or (row.missed == "run_once" and last)
    if not wanted:
        _note(session, row, due, "missed", None, "The clock stood still when it was due.")
        return 0
    try:
        with session.begin_nested():
            origin, event = f"schedule {row.name}", drawn_element(row)
            instance = begin(house, session, CLOCK, row.process, row.subject, row.variables, origin, event=event)
    except GatewrightError as refusal:
        _note(session, row, due, "refused", None, str(refusal))
        return 0
    _note(session, row, due, "started", instance, "Late." if late else "")
    return 1


def _note(session: Session, row: ScheduleRow, due: datetime, outcome: str, instance: UUID | None, detail: str) -> None:
    # The primary key (schedule, due_at) is what makes two clocks harmless even without the lock; what failed may yet
    # come to something.
    values = {"fired_at": now(session), "outcome": outcome, "instance": instance, "detail": detail}
    noted = insert(ScheduleRunRow).values(schedule=row.id, due_at=due, **values)
    made = session.scalar(
        noted.on_conflict_do_update(
            index_elements=["schedule", "due_at"], set_=values, where=ScheduleRunRow.outcome == "failed"
        ).returning(ScheduleRunRow.due_at)
    )
    if made is None:
        raise RuntimeError(f"the schedule {row.name} has fired for {due} already")
    _record(
        session,
        row,
        f"schedule.{outcome}",
        CLOCK,
        due=due.isoformat(),
        instance=str(instance) if instance else None,
        detail=detail,
    )


def _record(session: Session, row: ScheduleRow, act: str, person: Person, **facts: Any) -> None:
    audit.record(
        session, "system", act, actor=person.id, subject=row.subject, schedule=row.name, process=row.process, **facts
    )
