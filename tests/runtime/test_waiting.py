"""Timers, messages, schedules: what the clock brings about, and that two clocks do no harm."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from engine import audit
from engine.runtime import delivery, instances, messages, queries, schedules
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w


def waiting_for(name: str, body: str, declared: str = "") -> dict[str, bytes]:
    return d.files(
        name,
        d.lanes(risk_manager=("Start", "Wait", "Note", "End")),
        d.start(),
        d.catch("Wait", body),
        d.service("Note", "note_for_tests", "noted"),
        d.end(),
        d.chain("Start", "Wait", "Note", "End"),
        declared=declared,
    )


def test_a_timer_fires_when_it_is_due_and_once_with_two_clocks(house, clock):
    w.given_a_published(house, waiting_for("waits", d.timer("duration", "PT1H")))
    started = [instances.start(house, w.ADA, "waits", f"m{n}") for n in range(8)]
    assert delivery.fire_due_timers(house) == 0
    clock.advance(timedelta(hours=1))
    fired: list[int] = []
    clocks = [threading.Thread(target=lambda: fired.append(delivery.fire_due_timers(house))) for _ in range(2)]
    for each in clocks:
        each.start()
    for each in clocks:
        each.join()
    assert sum(fired) == 8
    assert w.RECORDER.calls == ["note"] * 8
    assert all(w.detail(house, each).instance.state == "finished" for each in started)


def test_a_suspended_instance_is_left_alone_until_it_is_resumed(house, clock):
    w.given_a_published(house, waiting_for("waits", d.timer("duration", "PT1H")))
    instance = instances.start(house, w.ADA, "waits")
    instances.suspend(house, w.BEN, instance, "Look at it first.")
    clock.advance(timedelta(hours=2))
    assert delivery.fire_due_timers(house) == 0
    instances.resume(house, w.BEN, instance, "Fine.")
    assert delivery.fire_due_timers(house) == 1


def test_a_message_finds_the_instance_of_its_key_and_no_other(house):
    w.given_a_published(house, waiting_for("listens", d.message("news"), d.declared("news")))
    one = instances.start(house, w.ADA, "listens", "credit")
    other = instances.start(house, w.ADA, "listens", "fraud")
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "credit")
        messages.send(session, w.ADA, "news", "nobody")
    assert delivery.deliver_waiting(house) == 1
    assert delivery.deliver_waiting(house) == 0
    assert w.detail(house, one).instance.state == "finished"
    assert w.detail(house, other).instance.state == "running"


def test_a_message_waits_for_a_receiver_that_is_late(house, clock):
    w.given_a_published(house, waiting_for("listens", d.message("news"), d.declared("news")))
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "credit")
    delivery.deliver_waiting(house)
    clock.advance(timedelta(days=20))
    instance = instances.start(house, w.ADA, "listens", "credit")
    assert delivery.deliver_waiting(house) == 1
    assert w.detail(house, instance).instance.state == "finished"


def test_a_message_that_nobody_awaits_for_a_month_is_given_up(house, clock):
    w.given_a_published(house, waiting_for("listens", d.message("news"), d.declared("news")))
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "credit")
    clock.advance(timedelta(days=31))
    delivery.deliver_waiting(house)
    instance = instances.start(house, w.ADA, "listens", "credit")
    assert delivery.deliver_waiting(house) == 0
    assert w.detail(house, instance).instance.state == "running"


def test_an_instance_that_uses_up_its_transitions_goes_on_by_a_continuation(house):
    files = d.files(
        "long_loop",
        d.lanes(risk_manager=("Start", "Set", "Merge", "Count", "More", "End")),
        d.start(),
        d.script("Set", "n = 0"),
        d.gateway("exclusive", "Merge"),
        d.script("Count", "n = n + 1"),
        d.gateway("exclusive", "More", default="stop"),
        d.end(),
        d.chain("Start", "Set", "Merge", "Count", "More"),
        d.flow("More", "Merge", "n < 400"),
        d.flow("More", "End", id="stop"),
    )
    w.given_a_published(house, files)
    instance = instances.start(house, w.ADA, "long_loop")
    assert w.detail(house, instance).instance.state == "running"
    rounds = 0
    while delivery.deliver_waiting(house):
        rounds += 1
    found = w.detail(house, instance)
    assert (found.instance.state, found.instance.revision) == ("finished", rounds + 1)
    assert sum(step.element == "Count" for step in found.steps) == 400


def test_a_schedule_starts_an_instance_as_the_clock(house, clock):
    w.given_a_published(house, w.process_p())
    clock.set(datetime(2026, 3, 2, 5, 59, 30, tzinfo=UTC))  # a Monday
    with transaction(house) as session:
        schedules.add(session, w.BEN, "weekly", "process_p", "0 6 * * 1", subject="credit")
    assert schedules.fire_due(house) == 0
    clock.advance(timedelta(seconds=31))
    assert schedules.fire_due(house) == 1
    assert schedules.fire_due(house) == 0
    with transaction(house) as session:
        (instance,) = queries.instances(session).rows
        (row,) = queries.schedules(session).rows
        acts = [entry.act for entry in audit.entries(session, actor="clock")]
    assert (instance.starter, instance.origin, instance.subject) == ("clock", "schedule weekly", "credit")
    assert row.next_due_at == datetime(2026, 3, 9, 6, tzinfo=UTC)
    assert "schedule.started" in acts


@pytest.mark.parametrize(
    ("policy", "outcomes"),
    [("run_once", ["missed", "missed", "started"]), ("run_all", ["started"] * 3), ("skip", ["missed"] * 3)],
)
def test_what_was_missed_follows_the_schedules_policy(house, clock, policy, outcomes):
    from sqlalchemy import select

    from engine.runtime.tables import ScheduleRunRow

    w.given_a_published(house, w.process_p())
    clock.set(datetime(2026, 3, 2, 5, 0, tzinfo=UTC))
    with transaction(house) as session:
        schedules.add(session, w.BEN, "daily", "process_p", "0 6 * * *", missed=policy)
    clock.set(datetime(2026, 3, 4, 12, 0, tzinfo=UTC))
    schedules.fire_due(house)
    with transaction(house) as session:
        found = session.scalars(select(ScheduleRunRow.outcome).order_by(ScheduleRunRow.due_at)).all()
    assert list(found) == outcomes


def test_a_timing_that_is_none_is_refused_by_name(house):
    w.given_a_published(house, w.process_p())
    with pytest.raises(schedules.TimingRefused, match="every tuesday"), transaction(house) as session:
        schedules.add(session, w.BEN, "odd", "process_p", "every tuesday")
