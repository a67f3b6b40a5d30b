"""What the clock does beside the timers, messages and schedules of the runtime."""

from __future__ import annotations

import logging

from engine import audit
from engine.handlers import alarms, facts, monitoring
from engine.identity import browser_sessions, sign_in
from engine.inferences import business, counts, outcomes, retention
from engine.inferences.partitions import ensure_partitions
from engine.monitoring import micro_batches
from engine.monitoring import retention as runs_retention
from engine.monitoring.feeds import arrivals
from engine.runtime.clock import Tick
from engine.store import Store, now, transaction

_log = logging.getLogger(__name__)


def _make_partitions(house: Store) -> None:
    with transaction(house) as session:
        ensure_partitions(session, now(session))


def _fold_counts(house: Store) -> None:
    while True:
        with transaction(house) as session:
            if not counts.fold(session) + outcomes.fold(session):
                return


def _forget_violations(house: Store) -> None:
    gone = business.FORGOTTEN_AT_ONCE
    while gone == business.FORGOTTEN_AT_ONCE:
        with transaction(house) as session:
            gone = business.forget_gone(session)


def _drop_what_is_too_old(house: Store) -> None:
    retention.apply(house)
    runs_retention.apply(house)


def _forget_what_ended(house: Store) -> None:
    with transaction(house) as session:
        browser_sessions.forget_ended(session)
        sign_in.forget_old_failures(session)


TICKS = (
    Tick("told facts", 0.5, facts.deliver_facts),
    # Slower than findings come: those of one cause are one notice.
    Tick("alerts to be told", 5.0, alarms.hand_over),
    Tick("checkpoints of the audit log", 60.0, audit.checkpoint),
    Tick("partitions of the inference log", 3600.0, _make_partitions),
    Tick("retention", 3600.0, _drop_what_is_too_old),
    Tick("violations whose rows the log keeps no longer", 3600.0, _forget_violations),
    Tick("counts of the inference log", 5.0, _fold_counts),
    # Often: what a monitor says of its batches it says at the end of each, not at its next run.
    Tick("batches of busy channels", 0.5, micro_batches.look_at_all),
    Tick("missed runs of monitors", 30.0, monitoring.watch),
    Tick("feeds", 30.0, arrivals.read_due),
    Tick("ended sessions", 3600.0, _forget_what_ended),
)


def catch_up(house: Store) -> None:
    """Do once what comes seldom: a clock that never lives for an hour would else never do it."""
    for tick in TICKS:
        if tick.seconds >= 60:
            try:
                tick.act(house)
            except Exception:
                # The database may just be coming up; the tick comes again in its time.
                _log.exception("The tick %s failed", tick.name)
