"""The clock process: a few in-memory ticks of APScheduler. Due times live in our tables; nothing is pickled.

Right with two of them: every effect looks again under its instance's lock, so a second clock only halves the wait.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from engine.runtime import beginnings, delivery, lines, registry, schedules, wakeups, worker
from engine.runtime.leading import LOOK_SECONDS, Lead
from engine.store import Store
from engine.telemetry import metrics, pulse

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
    Tick("drawn schedules", 5.0, beginnings.keep_schedules),
    Tick("jobs in line", 0.5, lines.advance),
    Tick("stalled jobs", 3.0, worker.rescue_stalled),
    Tick("finished jobs", 3600.0, worker.forget_finished),
    Tick("delivered messages", 3600.0, delivery.forget_delivered),
)


#: a clock that does not lead ticks so many times as seldom: the lead only saves work
FOLLOWS = 10.0
#: ticks that come more often than this tell whether the clock goes
_OFTEN_SECONDS = 5.0
_SILENT_SECONDS = 60.0

_ticking: tuple[Tick, ...] = ()
_lead: Lead | None = None


def silent() -> list[str]:
    """The frequent ticks of this process that have not come to an end for a minute, or never."""
    return sorted(
        tick.name
        for tick in _ticking
        if tick.seconds <= _OFTEN_SECONDS and pulse.silent_seconds(_pulse(tick)) > _SILENT_SECONDS
    )


def leads() -> bool:
    """Whether the clock of this process leads."""
    return _lead is not None and _lead.held


def run(house: Store, more: Sequence[Tick] = (), *, stop: threading.Event | None = None) -> None:
    """Tick until SIGTERM, SIGINT or `stop`; a tick that fails is logged and comes again.

    Of several clocks one leads; the others tick ten times as seldom, and as often once it has gone.
    """
    global _ticking, _lead
    registry.load_entry_points()
    stopped = stop or threading.Event()
    if stop is None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: stopped.set())
    lead = _lead = Lead(house)
    lead.look()
    _ticking = (*TICKS, *more)
    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(4)})
    for tick in (Tick("lead", LOOK_SECONDS, lambda _: lead.look()), *_ticking):
        scheduler.add_job(
            _guarded(house, tick, lead),
            IntervalTrigger(seconds=tick.seconds),
            name=tick.name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),  # at once: an hourly tick must not wait for its first hour
        )
    scheduler.start()
    stopped.wait()
    scheduler.shutdown(wait=True)
    lead.close()
    wakeups.close()


def _guarded(house: Store, tick: Tick, lead: Lead) -> Callable[[], None]:
    ended = float("-inf")

    def act() -> None:
        nonlocal ended
        if tick.name != "lead" and not lead.held and time.monotonic() - ended < tick.seconds * FOLLOWS:
            return
        try:
            with metrics.timed(metrics.TICKS, tick.name):
                tick.act(house)
            pulse.beat(_pulse(tick))
        except Exception:
            _log.exception("The tick %s failed; it comes again in %s s", tick.name, tick.seconds)
        ended = time.monotonic()

    return act


def _pulse(tick: Tick) -> str:
    return f"tick {tick.name}"
