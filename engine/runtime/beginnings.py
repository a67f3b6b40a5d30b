"""What starts an instance by itself, as drawn: start events for messages, signals and timers of the latest versions.

- A message that no running instance waits for starts the process that has a start event for it, about the message's
  key; of several processes the first by name, since a message is taken by one.
- A signal starts every process that has a start event for it.
- A timer is kept as a schedule, named process#element, that counts from when the version was published. Who may pause
  schedules may pause this one; a version without the timer pauses it, a version with another time sets it anew.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import audit
from engine.errors import GatewrightError
from engine.identity import Person
from engine.runtime import bundles, schedules, signals
from engine.runtime.instances.start import AlreadyRunning, begin
from engine.runtime.tables import MessageRow, ScheduleRow, SubscriptionRow
from engine.store import Store, new_id, now, replayed, transaction

CLOCK = Person.system("clock")
_BATCH = 200


def waiting(session: Session) -> list[tuple[UUID, bundles.Begun]]:
    """The messages and signals in the outbox that start something, one batch, the oldest first."""
    starts = bundles.beginnings(session)
    told = {each.beginning.told: each for each in reversed(starts) if each.beginning.kind == "message"}
    heard = {(signals.start_key(e.process), e.beginning.told): e for e in starts if e.beginning.kind == "signal"}
    if not told and not heard:
        return []
    waited_for = exists().where(SubscriptionRow.message == MessageRow.name, SubscriptionRow.key == MessageRow.key)
    found = session.execute(
        select(MessageRow.id, MessageRow.key, MessageRow.name)
        .where(
            MessageRow.delivered_at.is_(None),
            MessageRow.kind == "message",
            MessageRow.name.in_({*told, *(name for _, name in heard)}),
            or_(MessageRow.expires_at.is_(None), MessageRow.expires_at > now(session)),
            ~waited_for,
        )
        .order_by(MessageRow.sent_at)
        .limit(_BATCH)
    )
    starting = [
        (message, heard.get((key, name)) if signals.is_key(key) else told.get(name)) for message, key, name in found
    ]
    return [(message, start) for message, start in starting if start is not None]


def begin_by(house: Store, message: UUID, start: bundles.Begun) -> bool:
    """Start what a message or signal starts; False where it was delivered before, or the start is refused."""
    return replayed(house, lambda session: _begin(house, session, message, start))


def _begin(house: Store, session: Session, message: UUID, start: bundles.Begun) -> bool:
    row = session.get(MessageRow, message, with_for_update=True)
    if row is None or row.delivered_at is not None:
        return False
    signal = signals.is_key(row.key)
    origin = f"{'signal' if signal else 'message'} {row.name}"
    subject, event = "" if signal else row.key, start.beginning.element
    try:
        with session.begin_nested():
            instance = begin(
                house,
                session,
                CLOCK,
                start.process,
                subject,
                None,
                origin,
                event=event,
                payload=row.payload,
                told=(start.beginning.kind, start.beginning.told),
            )
    except AlreadyRunning:
        return False  # it may wait for the message later, or end
    except GatewrightError as refusal:
        row.delivered_at, row.outcome = now(session), f"refused: {refusal.code}"
        audit.record(
            session,
            "system",
            "act.refused",
            actor=CLOCK.id,
            subject=subject,
            tried="instance.started",
            process=start.process,
            reason=refusal.code,
            message=refusal.message,
        )
        return False
    row.delivered_at, row.delivered_to, row.outcome = now(session), instance, "started"
    return True


def keep_schedules(house: Store) -> None:
    """Have one schedule for each timer start event of a latest version, and none that fires for one that is gone."""
    with transaction(house) as session:
        drawn = {
            schedules.drawn_name(each.process, each.beginning.element): each
            for each in bundles.beginnings(session)
            if each.beginning.kind == "timer"
        }
        kept = {
            row.name: row
            for row in session.scalars(select(ScheduleRow).where(ScheduleRow.name.contains("#")))
            if schedules.drawn_element(row)
        }
        for name, each in drawn.items():
            row = kept.get(name)
            if row is None or row.timing != each.beginning.timing or _gone(row):
                _set(house, session, name, each)
        for name, row in kept.items():
            if name not in drawn and not _gone(row):
                session.execute(
                    update(ScheduleRow).where(ScheduleRow.id == row.id).values(paused=True, next_due_at=None)
                )
                audit.record(session, "system", "schedule.paused", actor=CLOCK.id, schedule=name, process=row.process)


def _gone(row: ScheduleRow) -> bool:
    """Whether its start event was gone from the diagram when last looked at; somebody's pause keeps the next time."""
    return row.paused and row.next_due_at is None


def _set(house: Store, session: Session, name: str, start: bundles.Begun) -> None:
    timing, zone, begun = start.beginning.timing, house.settings.timezone, start.published_at
    counted = {
        "timing": timing,
        "timezone": zone,
        "owner": start.publisher,
        "paused": False,
        "created_at": begun,
        "next_due_at": schedules.next_after(timing, zone, now(session), begun=begun),
    }
    session.execute(
        insert(ScheduleRow)
        .values(id=new_id(), name=name, process=start.process, subject="", variables={}, missed="run_once", **counted)
        .on_conflict_do_update(index_elements=["name"], set_=counted)
    )
    audit.record(
        session, "system", "schedule.drawn", actor=CLOCK.id, schedule=name, process=start.process, timing=timing
    )
