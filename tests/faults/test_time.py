"""Clocks that shift, and the two nights in which Berlin's do: everything fires at its hour, and once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from engine import audit
from engine.config import Settings
from engine.runtime import delivery, instances, schedules, wakeups
from engine.runtime.tables import ScheduleRunRow, TimerRow
from engine.store import Store, TestClock, open_store, transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w
from tests.runtime.test_waiting import waiting_for


@pytest.fixture
def house(settings: Settings, clock: TestClock) -> Iterator[Store]:
    """A house in Berlin."""
    house = open_store(settings.model_copy(update={"timezone": "Europe/Berlin"}), clock=clock)
    w.RECORDER.calls.clear()
    yield house
    wakeups.close()
    house.close()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fires_at(house: Store, clock: TestClock, began: str, kind: str, timing: str) -> datetime:
    """When a timer fires of an instance that began then; it fires once, and not a second earlier."""
    clock.set(utc(began))
    name = "waits"
    w.given_a_published(house, waiting_for(name, d.timer(kind, timing)))
    instance = instances.start(house, w.ADA, name)
    with transaction(house) as session:
        due: datetime = session.scalars(select(TimerRow.due_at)).one()
    clock.set(due - timedelta(seconds=1))
    assert delivery.fire_due_timers(house) == 0
    clock.set(due)
    assert (delivery.fire_due_timers(house), delivery.fire_due_timers(house)) == (1, 0)
    assert w.detail(house, instance).instance.state == "finished"
    return due


@pytest.mark.parametrize(
    ("began", "kind", "timing", "due"),
    [
        # 29 March 2026: 02:00 becomes 03:00, from UTC+1 to UTC+2
        ("2026-03-28T11:00", "duration", "P1D", "2026-03-29T10:00"),  # noon to noon: 23 hours
        ("2026-03-28T11:00", "duration", "PT24H", "2026-03-29T11:00"),
        ("2026-03-28T11:00", "date", "2026-03-29T02:30", "2026-03-29T01:30"),  # skipped: as far behind the gap
        ("2026-03-29T00:59", "duration", "PT2M", "2026-03-29T01:01"),
        # 25 October 2026: 03:00 becomes 02:00, from UTC+2 to UTC+1
        ("2026-10-24T10:00", "duration", "P1D", "2026-10-25T11:00"),  # noon to noon: 25 hours
        ("2026-10-24T10:00", "duration", "PT24H", "2026-10-25T10:00"),
        ("2026-10-24T10:00", "date", "2026-10-25T02:30", "2026-10-25T00:30"),  # twice: the first of the two
        ("2026-10-25T00:59", "duration", "PT2M", "2026-10-25T01:01"),
    ],
)
def test_a_timer_keeps_to_the_wall_or_to_the_hours_as_it_is_written(house, clock, began, kind, timing, due) -> None:
    assert fires_at(house, clock, began, kind, timing) == utc(due)


@pytest.mark.parametrize(
    ("day", "timing", "fired"),
    [
        ("2026-03-29", "30 2 * * *", ["01:30"]),
        ("2026-10-25", "30 2 * * *", ["00:30"]),
        ("2026-10-25", "0 12 * * *", ["11:00"]),
    ],
)
def test_a_daily_schedule_fires_once_in_the_nights_of_the_change(house, clock, day, timing, fired) -> None:
    assert runs_of(house, clock, day, timing) == fired


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_an_interval_of_hours_knows_no_change(house, clock, day, hours) -> None:
    assert len(runs_of(house, clock, day, "R/PT1H")) == hours


def runs_of(house: Store, clock: TestClock, day: str, timing: str) -> list[str]:
    """The times (UTC) at which a schedule fired on this day of Berlin, its clock ticking every ten minutes."""
    w.given_a_published(house, w.process_p())
    clock.set(_midnight(day) - timedelta(minutes=1))
    with transaction(house) as session:
        schedules.add(session, w.BEN, "daily", "process_p", timing, timezone="Europe/Berlin", missed="run_all")
    ends = _midnight(str(datetime.fromisoformat(day).date() + timedelta(days=1)))
    while clock.now() < ends:
        schedules.fire_due(house)
        clock.advance(timedelta(minutes=10))
    with transaction(house) as session:
        found = session.scalars(select(ScheduleRunRow.due_at).order_by(ScheduleRunRow.due_at)).all()
    return [each.astimezone(UTC).strftime("%H:%M") for each in found if each < ends]


def _midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


def test_a_clock_that_is_set_back_fires_nothing_twice_and_the_log_verifies(house, clock) -> None:
    w.given_a_published(house, waiting_for("waits", d.timer("duration", "PT1H")))
    w.given_a_published(house, w.process_p())
    clock.set(utc("2026-03-02T05:00"))
    with transaction(house) as session:
        schedules.add(session, w.BEN, "hourly", "process_p", "0 * * * *")
    early = instances.start(house, w.ADA, "waits", "early")
    clock.set(utc("2026-03-02T06:00"))
    assert (delivery.fire_due_timers(house), schedules.fire_due(house)) == (1, 1)
    audit.checkpoint(house)
    clock.set(utc("2026-03-02T04:30"))
    late = instances.start(house, w.ADA, "waits", "late")
    assert (delivery.fire_due_timers(house), schedules.fire_due(house)) == (0, 0)
    clock.set(utc("2026-03-02T06:00"))
    assert (delivery.fire_due_timers(house), schedules.fire_due(house)) == (1, 0)
    clock.set(utc("2026-03-02T07:00"))
    assert (delivery.fire_due_timers(house), schedules.fire_due(house)) == (0, 1)
    assert {w.detail(house, each).instance.state for each in (early, late)} == {"finished"}
    audit.checkpoint(house)
    assert audit.verify(house).intact


def test_a_clock_that_jumps_ten_years_ahead_fires_once_and_starts_what_is_due_once(house, clock) -> None:
    w.given_a_published(house, waiting_for("waits", d.timer("duration", "PT1H")))
    w.given_a_published(house, w.process_p())
    clock.set(utc("2026-03-02T05:00"))
    with transaction(house) as session:
        schedules.add(session, w.BEN, "often", "process_p", "* * * * *", missed="run_once")
    instance = instances.start(house, w.ADA, "waits")
    clock.set(utc("2036-03-02T05:00"))
    assert (delivery.fire_due_timers(house), delivery.fire_due_timers(house)) == (1, 0)
    assert (schedules.fire_due(house), schedules.fire_due(house)) == (1, 0)
    assert w.detail(house, instance).instance.state == "finished"
    clock.advance(timedelta(minutes=1))
    assert schedules.fire_due(house) == 1
    audit.checkpoint(house)
    assert audit.verify(house).intact
