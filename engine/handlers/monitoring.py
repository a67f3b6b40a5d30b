"""Monitors with the schedules that start their runs: the right wing looks, the left one keeps the time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from engine.identity import Person
from engine.inventory import queries as inventory
from engine.monitoring import monitors, runs
from engine.monitoring.monitors import Monitor
from engine.runtime import instances, schedules
from engine.store import Store, now, replayed, transaction

_log = logging.getLogger(__name__)

#: the process of one run
PROCESS = "monitoring"
#: a run that is not there so long after it was due is missed
GRACE = timedelta(minutes=10)
#: so many missed runs of one monitor are marked at a time; the others at the next tick
_AT_ONCE = 100


def start(session: Session, actor: str, model: str, environment: str, *, timezone: str) -> Monitor:
    """The model's monitor in an environment, with the schedule that starts its runs; harmless when asked again."""
    found = monitors.start(session, actor, model, environment, timezone=timezone)
    return _scheduled(session, actor, found)


def edit(session: Session, by: Person, monitor: UUID, changes: Mapping[str, Any]) -> Monitor:
    """The monitor with another timing, window or choice of measures; its schedule follows."""
    return _scheduled(session, by.id, monitors.edit(session, by, monitor, changes))


def stop(session: Session, actor: str, model: str, *, reason: str) -> list[Monitor]:
    """Stop the model's monitors and their schedules; what they saw stays readable."""
    stopped = monitors.stop(session, actor, model, reason=reason)
    for each in stopped:
        schedules.let_go(session, actor, each.schedule)
    return stopped


def run_now(house: Store, by: Person, monitor: UUID) -> UUID:
    """A run out of turn, of the window that ends now; returns the instance that does it."""
    with transaction(house) as session:
        found = monitors.get(session, monitor)
    return instances.start(house, by, PROCESS, found.model, variables(found))


def variables(monitor: Monitor) -> dict[str, Any]:
    """What the process of a run is started with."""
    return {"model": monitor.model, "environment": monitor.environment, "monitor": monitor.name}


def watch(house: Store) -> int:
    """Note the runs that did not come, each as missed, with the reason; returns how many.

    A schedule that has yet to fire for a run, as after a time in which the clock stood still, is waited for; so is a
    run that began not long ago.
    """
    with transaction(house) as session:
        late = monitors.overdue(session, GRACE)
    noted = 0
    for each in late:
        try:
            noted += replayed(house, partial(_missed, each.id))
        except Exception:
            _log.exception("Whether runs of the monitor %s were missed is asked again at the next tick", each.id)
    return noted


def came(session: Session, monitor: Monitor, due: datetime) -> None:
    """Expect the next run, now that this one came."""
    kept = schedules.named(session, monitor.schedule)
    if monitor.next_due_at is None or kept is None or due < monitor.next_due_at:
        return
    then = schedules.next_after(kept.timing, kept.timezone, due, begun=kept.created_at)
    monitors.expect(session, monitor.id, then)


def _scheduled(session: Session, actor: str, monitor: Monitor) -> Monitor:
    inventory.model(session, monitor.model)
    due = schedules.keep(
        session,
        actor,
        monitor.schedule,
        PROCESS,
        monitor.timing,
        subject=monitor.model,
        variables=variables(monitor),
        timezone=monitor.timezone,
        missed=monitor.missed,
    )
    monitors.expect(session, monitor.id, due)
    return monitors.get(session, monitor.id)


def _missed(monitor: UUID, session: Session) -> int:
    found, noted = monitors.get(session, monitor), 0
    kept = schedules.named(session, found.schedule)
    for _ in range(_AT_ONCE):
        due = found.next_due_at
        if not found.running or due is None or due > now(session) - GRACE:
            break
        why, then = "its schedule is gone", None
        if kept is not None:
            then = schedules.next_after(kept.timing, kept.timezone, due, begun=kept.created_at)
            fired = schedules.run_of(session, kept.id, due)
            if fired is not None and fired.outcome == "started":
                if fired.fired_at > now(session) - GRACE:
                    break
                why = f"instance {fired.instance} has not come to an end"
            elif fired is not None:
                why = fired.detail
            elif kept.paused:
                why = "its schedule is paused"
            elif kept.next_due_at is not None and kept.next_due_at <= due:
                break
            else:
                why = "its schedule passed over it"
        noted += runs.missed(session, monitor, due, why=why, then=then)
        found = monitors.get(session, monitor)
    return noted
