"""The clock process: a few in-memory ticks of APScheduler. Due times live in our tables; nothing is pickled.

Right with two of them: every effect looks again under its instance's lock, so a second clock only halves the wait.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from engine.runtime import delivery, lines, registry, schedules, wakeups, worker
from engine.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tick:
    """Something to do again and again."""

    name: str
    seconds: float
    act: Callable[[Store], object]


#: what the left wing needs of the clock; other rooms add theirs where the process is put together
TICKS = (
    Tick("timers", 0.5, delivery.fire_due_timers),
    Tick("messages", 0.3, delivery.deliver_waiting),
    Tick("schedules", 1.0, schedules.fire_due),
    Tick("jobs in line", 0.5, lines.advance),
    Tick("stalled jobs", 3.0, worker.rescue_stalled),
    Tick("finished jobs", 3600.0, worker.forget_finished),
    Tick("delivered messages", 3600.0, delivery.forget_delivered),
)


def run(house: Store, more: Sequence[Tick] = (), *, stop: threading.Event | None = None) -> None:
    """Tick until SIGTERM, SIGINT or `stop`; a tick that fails is logged and comes again."""
    registry.load_entry_points()
    stopped = stop or threading.Event()
    if stop is None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: stopped.set())
    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(4)})
    for tick in (*TICKS, *more):
        scheduler.add_job(
            _guarded(house, tick),
            IntervalTrigger(seconds=tick.seconds),
            name=tick.name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),  # at once: an hourly tick must not wait for its first hour
        )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    scheduler.start()
    stopped.wait()
    scheduler.shutdown(wait=True)
    wakeups.close()


def _guarded(house: Store, tick: Tick) -> Callable[[], None]:
    def act() -> None:
        try:
            tick.act(house)
        except Exception:
            _log.exception("The tick %s failed; it comes again in %s s", tick.name, tick.seconds)

    return act
