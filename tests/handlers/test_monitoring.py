"""Monitors and the schedules that start their runs, over the shipped diagram."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from engine.handlers import monitoring
from engine.handlers.facts import deliver_facts
from engine.identity import NotPermitted
from engine.monitoring import queries
from engine.monitoring.alerts import queries as alerts
from engine.monitoring.monitors import Monitor
from engine.runtime import queries as runtime
from engine.runtime import schedules, wakeups
from engine.runtime.tables import ScheduleRow
from engine.statistics.tallies import refer
from engine.store import Store, TestClock, transaction
from tests.handlers import house as h
from tests.monitoring.census import people
from tests.monitoring.world import REF, ROSA, counted, given_it_is_live

DAY = timedelta(days=1)
SIX = datetime(2026, 1, 6, 6, tzinfo=UTC)  #: the morning after the test clock's day
REFERENCE = refer(people(2015, 16, 49))


@pytest.fixture
def watched(store: Store) -> Iterator[Monitor]:
    """The census model in production, looked at each morning."""
    h.given_a_house(store)
    given_it_is_live(store, REFERENCE, monitoring={"window": "P1D", "measures": ["drift"]})
    with transaction(store) as session:
        started = monitoring.start(session, "worker", "employment", "production", timezone="UTC")
    yield started
    wakeups.close()


def seen(store: Store, monitor: Monitor) -> Monitor:
    with transaction(store) as session:
        (found,) = queries.monitors(session, model=monitor.model).items
        return found.monitor


def fired(store: Store) -> int:
    """The clock's tick, and what the workers then do."""
    started = schedules.fire_due(store)
    h.go_on(store)
    return started


def ends(store: Store) -> list[str]:
    """The end events of the runs, the newest last."""
    with transaction(store) as session:
        found = runtime.instances(session, process="monitoring").rows
    return [h.passed(store, each.id)[-1] for each in reversed(found)]


def test_r33_a_run_is_started_by_the_schedule_and_measures_the_window_that_was_due(
    store: Store, watched: Monitor, clock: TestClock
) -> None:
    assert watched.next_due_at == SIX
    counted(store, REFERENCE, REF, people(2016, 16, 49), SIX - timedelta(hours=3))
    counted(store, REFERENCE, REF, people(2017, 16), SIX + timedelta(hours=2))
    assert fired(store) == 0
    clock.set(SIX + timedelta(seconds=2))
    assert fired(store) == 1
    found = seen(store, watched)
    assert (found.verdict, found.last_due_at, found.next_due_at) == ("healthy", SIX, SIX + DAY)
    clock.set(SIX + DAY + timedelta(seconds=2))
    assert fired(store) == 1
    assert seen(store, watched).verdict == "breach"
    with transaction(store) as session:
        sent = queries.findings(session).items
        run = queries.run(session, watched.id, SIX + DAY)
    assert [each.subject for each in sent] == ["AGEP", "MAR", "RELP"]
    assert (run.since, run.until) == (SIX, SIX + DAY)
    assert UUID(run.instance)
    clock.set(SIX + DAY + timedelta(hours=1))
    again = monitoring.run_now(store, h.OPS, watched.id)  # out of turn: as it stands, and nothing new
    h.go_on(store)
    assert h.passed(store, again)[-1] == "Findings_known"
    assert ends(store) == ["Window_healthy", "Findings_raised", "Findings_known"]
    assert monitoring.watch(store) == 0


def test_r33_what_was_missed_while_the_clock_stood_still_is_caught_up(
    store: Store, watched: Monitor, clock: TestClock
) -> None:
    counted(store, REFERENCE, REF, people(2016, 16, 49), SIX - timedelta(hours=3))
    clock.set(SIX + 2 * DAY + timedelta(hours=1))
    assert monitoring.watch(store) == 0  # the schedule has yet to fire
    assert fired(store) == 3
    with transaction(store) as session:
        runs = queries.runs(session, watched.id).items
    assert [(each.state, each.verdict, each.caught_up) for each in runs] == [
        ("measured", "no data", True), ("measured", "no data", True), ("measured", "healthy", True),
    ]  # fmt: skip
    assert seen(store, watched).next_due_at == SIX + 3 * DAY


def test_r33_what_nobody_catches_up_is_marked_as_missed_and_the_silence_is_a_finding(
    store: Store, watched: Monitor, clock: TestClock
) -> None:
    with transaction(store) as session:
        monitoring.edit(session, h.OPS, watched.id, {"missed": "skip"})
    clock.set(SIX + DAY + timedelta(hours=1))
    assert fired(store) == 0
    assert monitoring.watch(store) == 2
    assert monitoring.watch(store) == 0
    with transaction(store) as session:
        runs = queries.runs(session, watched.id).items
        (silence,) = queries.findings(session).items
    assert {(each.state, each.detail) for each in runs} == {("missed", "The clock stood still when it was due.")}
    assert (silence.measure, silence.state, silence.times) == ("silence", "no data", 2)
    assert seen(store, watched).verdict == "no data"


def test_r33_a_paused_schedule_and_a_run_that_never_ends_are_silence_too(
    store: Store, watched: Monitor, clock: TestClock
) -> None:
    clock.set(SIX + timedelta(seconds=2))
    assert schedules.fire_due(store) == 1  # and no worker takes it
    with transaction(store) as session:
        schedules.pause(session, h.OPS, watched.schedule)
    assert monitoring.watch(store) == 0
    clock.set(SIX + timedelta(hours=1))
    assert monitoring.watch(store) == 1
    clock.set(SIX + DAY + timedelta(hours=1))
    assert monitoring.watch(store) == 1
    with transaction(store) as session:
        paused, lost = queries.runs(session, watched.id).items
    assert paused.detail == "its schedule is paused"
    assert "has not come to an end" in lost.detail
    h.go_on(store)  # a worker at last
    with transaction(store) as session:
        assert queries.run(session, watched.id, SIX).state == "measured"


def test_the_timing_of_a_monitor_can_be_changed_while_it_runs(store: Store, watched: Monitor, clock: TestClock) -> None:
    with transaction(store) as session:
        hourly = monitoring.edit(session, h.OPS, watched.id, {"timing": "0 * * * *", "timezone": "Europe/Berlin"})
        assert hourly.next_due_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    with transaction(store) as session, pytest.raises(schedules.TimingRefused):
        monitoring.edit(session, h.OPS, watched.id, {"timing": "at noon"})
    with transaction(store) as session, pytest.raises(NotPermitted):
        monitoring.edit(session, ROSA, watched.id, {"timing": "0 6 * * *"})
    with transaction(store) as session:
        once = monitoring.edit(session, h.OPS, watched.id, {"timing": "R1/PT2S"})
    clock.advance(timedelta(seconds=3))
    assert fired(store) == 1
    assert (seen(store, watched).last_due_at, seen(store, watched).next_due_at) == (once.next_due_at, None)
    with transaction(store) as session:
        again = monitoring.edit(session, h.OPS, watched.id, {"timing": "R1/PT2S"})
    assert again.next_due_at == clock.now() + timedelta(seconds=2)  # asked anew, it fires anew


def test_r33_a_schedule_that_cannot_fire_is_an_alert_of_its_model_until_it_fires(
    store: Store, watched: Monitor, clock: TestClock
) -> None:
    with transaction(store) as session:
        row = session.scalars(select(ScheduleRow).where(ScheduleRow.name == watched.schedule)).one()
        row.timing = "at noon"
    clock.set(SIX)
    assert schedules.fire_due(store) == 0
    deliver_facts(store)
    with transaction(store) as session:
        (alert,) = alerts.alerts(session, state="open").rows
        session.get_one(ScheduleRow, row.id).timing = "0 6 * * *"
    assert (alert.title, alert.models) == (f"The schedule {watched.schedule} could not fire", (watched.model,))
    clock.set(SIX + timedelta(seconds=61))
    assert schedules.fire_due(store) == 1
    deliver_facts(store)
    with transaction(store) as session:
        assert alerts.alert(session, alert.id).state == "closed"
