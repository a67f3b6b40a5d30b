"""What the clock does at each tick: due timers fire, messages find their receivers, instances go on.

Rows are read unlocked; each effect locks its instance and looks again, so two clocks do no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from uuid import UUID

from sqlalchemy import Exists, Text, and_, cast, delete, exists, select, update

from engine.runtime import beginnings, instances
from engine.runtime.messages import KEPT
from engine.runtime.tables import InstanceRow, MessageRow, SubscriptionRow
from engine.store import Store, execute, now, transaction

_log = logging.getLogger(__name__)

_BATCH = 200
#: of timers, before the clock looks at what else there is: thousands that fall due together must not wait for its ticks
_BATCHES = 20
# `NOT parked` as the index has it: with `parked IS FALSE` PostgreSQL reads every timer there is.
DUE_TIMERS = """
    SELECT instance, task FROM runtime.timers WHERE due_at <= %(now)s AND NOT parked ORDER BY due_at LIMIT %(most)s
"""
_MOVES = and_(InstanceRow.state == "running", InstanceRow.suspended.is_(False))


def fire_due_timers(house: Store) -> int:
    """Fire the timers that are due, the oldest first, batch after batch; returns how many fired."""
    fired = 0
    for _ in range(_BATCHES):
        with transaction(house) as session:
            due = execute(session, DUE_TIMERS, {"now": now(session), "most": _BATCH}).fetchall()
        done = sum(
            _guarded("timer", each["task"], partial(instances.fire, house, each["instance"], each["task"]))
            for each in due
        )
        fired += done
        if len(due) < _BATCH or not done:
            break  # none is left, or none that can be brought about
    return fired


def deliver_waiting(house: Store) -> int:
    """Deliver what stands in the outbox, the oldest first, one batch; returns how many were delivered."""
    with transaction(house) as session:
        if not session.scalar(select(exists().where(MessageRow.delivered_at.is_(None)))):
            return 0  # as a rule: it is asked three times a second
        at = now(session)
        going_on = session.execute(
            select(MessageRow.id, InstanceRow.id)
            .join(InstanceRow, cast(InstanceRow.id, Text) == MessageRow.key)
            .where(MessageRow.delivered_at.is_(None), MessageRow.kind == "continuation", _MOVES)
            .order_by(MessageRow.sent_at)
            .limit(_BATCH)
        ).all()
        # Only messages for which somebody waits who may be moved: others must not hold up those behind them, and a
        # suspended instance that is asked at every tick would fill the log with refusals.
        waiting = session.execute(
            select(MessageRow.id, SubscriptionRow.instance, SubscriptionRow.task)
            .join(
                SubscriptionRow,
                (SubscriptionRow.message == MessageRow.name) & (SubscriptionRow.key == MessageRow.key),
            )
            .join(InstanceRow, InstanceRow.id == SubscriptionRow.instance)
            .where(
                _MOVES,
                MessageRow.delivered_at.is_(None),
                MessageRow.kind == "message",
            )
            .order_by(MessageRow.sent_at, SubscriptionRow.task)
            .limit(_BATCH)
        ).all()
        starting = beginnings.waiting(session)
        session.execute(
            update(MessageRow)
            # What a suspended instance waits for is not lost, however long it is held.
            .where(MessageRow.delivered_at.is_(None), MessageRow.expires_at <= at, ~_waited_for())
            .values(delivered_at=at, outcome="nobody waited for it")
        )
    done = sum(
        _guarded("continuation", message, partial(instances.go_on, house, instance, message))
        for message, instance in going_on
    )
    done += sum(
        _guarded("message", message, partial(instances.deliver, house, message, instance, task))
        for message, instance, task in waiting
    )
    return done + sum(
        _guarded("message", message, partial(beginnings.begin_by, house, message, start)) for message, start in starting
    )


def _waited_for() -> Exists:
    return exists().where(SubscriptionRow.message == MessageRow.name, SubscriptionRow.key == MessageRow.key)


def forget_delivered(house: Store) -> None:
    """Delete messages that were delivered, or given up, a month ago: the audit log keeps that they were."""
    with transaction(house) as session:
        session.execute(delete(MessageRow).where(MessageRow.delivered_at < now(session) - KEPT))


def _guarded(what: str, which: UUID, act: Callable[[], bool]) -> bool:
    try:
        return act()
    except Exception:
        # One instance in trouble must not stop the clock for all others; it is tried again at the next tick.
        _log.exception("The %s %s could not be brought about", what, which)
        return False
