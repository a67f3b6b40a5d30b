"""Timers, messages, schedules: what the clock brings about, and that two clocks do no harm."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from engine import audit, events
from engine.runtime import delivery, instances, messages, queries, schedules
from engine.runtime.forms import AnswerRefused
from engine.runtime.tables import ScheduleRow
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


def test_a_schedule_that_fails_unforeseen_is_seen_told_once_and_tried_again(house, clock):
    """Its timing is none any more, as after a zone that the machine no longer knows."""
    w.given_a_published(house, w.process_p())
    clock.set(datetime(2026, 3, 2, 5, 0, tzinfo=UTC))
    with transaction(house) as session:
        daily = schedules.add(session, w.BEN, "daily", "process_p", "0 6 * * *", subject="credit")
        session.get_one(ScheduleRow, daily).timing = "at noon"
    clock.set(datetime(2026, 3, 2, 6, 0, tzinfo=UTC))
    for seconds in (0, 1, 61):
        clock.advance(timedelta(seconds=seconds))
        assert schedules.fire_due(house) == 0
    with transaction(house) as session:
        (stalled,) = queries.schedules(session, stalled=True).rows
        (run,) = queries.schedule_runs(session, stalled.id).rows
        told = [each.facts["schedule"] for each in events.pending(session) if each.name == "schedule.failed"]
        assert len(audit.entries(session, act="schedule.failed")) == 1
        session.get_one(ScheduleRow, daily).timing = "0 6 * * *"
    assert (stalled.last_outcome, run.outcome, told) == ("failed", "failed", ["daily"])
    assert run.detail == stalled.last_detail
    assert "at noon" in run.detail
    assert run.fired_at > run.due_at + timedelta(seconds=60)  # when it was tried last
    clock.advance(timedelta(seconds=61))
    assert schedules.fire_due(house) == 1
    with transaction(house) as session:
        assert queries.schedules(session, stalled=True).rows == []
        assert [each.outcome for each in queries.schedule_runs(session, stalled.id).rows] == ["started"]
        assert [each.name for each in events.pending(session)][-1] == "schedule.recovered"


def test_a_timing_that_is_none_is_refused_by_name(house):
    w.given_a_published(house, w.process_p())
    with pytest.raises(schedules.TimingRefused, match="every tuesday"), transaction(house) as session:
        schedules.add(session, w.BEN, "odd", "process_p", "every tuesday")


def test_a_schedule_whose_answer_does_not_fit_the_start_form_is_refused_when_it_is_added(house):
    asked = json.dumps(
        {"schema": {"type": "object", "properties": {"model": {"type": "string"}}, "required": ["model"]}}
    )
    files = d.files(
        "asks",
        d.lanes(risk_manager=("Start", "End")),
        d.start(form="start.form.json", subject="model"),
        d.end(),
        d.chain("Start", "End"),
        start__form__json=asked.encode(),
    )
    w.given_a_published(house, files)
    with pytest.raises(AnswerRefused, match="model"), transaction(house) as session:
        schedules.add(session, w.BEN, "nightly", "asks", "0 2 * * *")
    with transaction(house) as session:
        schedules.add(session, w.BEN, "by answer", "asks", "0 2 * * *", variables={"model": "credit"})
        schedules.add(session, w.BEN, "by subject", "asks", "0 2 * * *", subject="fraud")
        found = [(each.subject, each.variables) for each in queries.schedules(session).rows]
    assert found == [("credit", {"model": "credit"}), ("fraud", {"model": "fraud"})]


def test_of_very_many_missed_times_a_hundred_are_made_good_and_the_rest_is_told(house, clock):
    w.given_a_published(house, w.process_p())
    clock.set(datetime(2026, 3, 2, 5, 0, tzinfo=UTC))
    with transaction(house) as session:
        schedules.add(session, w.BEN, "often", "process_p", "* * * * *", missed="run_all")
    clock.advance(timedelta(minutes=130))
    assert schedules.fire_due(house) == 100
    with transaction(house) as session:
        (told,) = audit.entries(session, act="schedule.passed_over")
    assert (told.facts["since"], told.facts["until"]) == ("2026-03-02T06:41:00+00:00", "2026-03-02T07:10:00+00:00")


def test_a_schedule_keeps_its_hour_on_the_wall_where_the_clocks_change(house, clock):
    w.given_a_published(house, w.process_p())
    clock.set(datetime(2026, 3, 28, 0, 0, tzinfo=UTC))
    with transaction(house) as session:
        schedules.add(session, w.BEN, "early", "process_p", "30 2 * * *", timezone="Europe/Vienna")
    due = []
    for _ in range(3):  # 02:30 does not occur on 29 March 2026: then it is 03:30
        with transaction(house) as session:
            due.append(queries.schedules(session).rows[0].next_due_at)
        clock.set(due[-1])
        assert schedules.fire_due(house) == 1
    assert [each.isoformat() for each in due] == [
        "2026-03-28T01:30:00+00:00",
        "2026-03-29T01:30:00+00:00",
        "2026-03-30T00:30:00+00:00",
    ]


def test_what_was_delivered_is_forgotten_after_a_month(house, clock):
    from sqlalchemy import func, select

    from engine.runtime.tables import MessageRow

    w.given_a_published(house, waiting_for("listens", d.message("news"), d.declared("news")))
    instances.start(house, w.ADA, "listens", "credit")
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "credit")
    delivery.deliver_waiting(house)
    delivery.forget_delivered(house)
    with transaction(house) as session:
        assert session.scalar(select(func.count()).select_from(MessageRow)) == 1
    clock.advance(timedelta(days=31))
    delivery.forget_delivered(house)
    with transaction(house) as session:
        assert session.scalar(select(func.count()).select_from(MessageRow)) == 0
