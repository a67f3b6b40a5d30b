"""Start events for messages, signals and timers start instances by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from engine.runtime import beginnings, delivery, instances, messages, queries, requesters, schedules, signals
from engine.runtime.tables import MessageRow, ScheduleRow
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w

DECLARED = d.declared("news", signals=("freeze",))


def begun(name: str, start: str, *more: str) -> dict[str, bytes]:
    """A plain start, another one, and a task behind each."""
    return d.files(
        name,
        d.lanes(risk_manager=("Start", "Plain", "End", "Begin", "Told", "End2")),
        d.start(), d.user("Plain", form="decision.form.json"), d.end(), d.chain("Start", "Plain", "End"),
        start, d.user("Told", form="decision.form.json"), d.end("End2"), d.chain("Begin", "Told", "End2"), *more,
        declared=DECLARED, decision__form__json=w.DECISION,
    )  # fmt: skip


def running(house, process):
    with transaction(house) as session:
        return [each for each in queries.instances(session).rows if each.process == process]


def test_a_message_that_nobody_waits_for_starts_the_process_that_it_names(house):
    w.given_a_published(house, begun("told", d.start("Begin", d.message("news", "what"))))
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "credit", {"n": 1})
    assert delivery.deliver_waiting(house) == 1
    assert delivery.deliver_waiting(house) == 0
    (instance,) = running(house, "told")
    assert (instance.subject, instance.starter, instance.origin) == ("credit", "clock", "message news")
    (task,) = w.open_tasks(house, instance.id)
    assert (task.element, task.variables) == ("Told", {"subject": "credit", "what": {"n": 1}})
    with transaction(house) as session:
        assert w.ADA.id in requesters.of(session, instance.id), "who sent the message asked for it"


def test_somebody_starts_it_at_the_plain_start_event(house):
    w.given_a_published(house, begun("told", d.start("Begin", d.message("news"))))
    instance = instances.start(house, w.ADA, "told")
    assert [task.element for task in w.open_tasks(house, instance)] == ["Plain"]


def test_an_instance_that_waits_for_a_message_comes_before_one_that_it_would_start(house):
    w.given_a_published(house, begun("told", d.start("Begin", d.message("news"))))
    waits = d.files(
        "waits", d.start(), d.catch("Wait", d.message("news")), d.end(), d.chain("Start", "Wait", "End"),
        declared=DECLARED,
    )  # fmt: skip
    w.given_a_published(house, waits)
    instance = instances.start(house, w.ADA, "waits", "credit")
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "credit")
        messages.send(session, w.ADA, "news", "fraud")
    while delivery.deliver_waiting(house):
        pass
    assert w.detail(house, instance).instance.state == "finished"
    assert [each.subject for each in running(house, "told")] == ["fraud"]


def test_a_start_that_is_refused_is_told_and_not_tried_again(house):
    w.given_a_published(house, begun("told", d.start("Begin", d.message("news"))))
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "x" * 300)
    assert delivery.deliver_waiting(house) == 0
    with transaction(house) as session:
        (row,) = session.scalars(select(MessageRow)).all()
        assert (row.outcome, row.delivered_to) == ("refused: subject-malformed", None)


def test_a_signal_starts_every_process_that_names_it(house):
    for name in ("one", "other"):
        w.given_a_published(house, begun(name, d.start("Begin", d.event("signal", "freeze"))))
    with transaction(house) as session:
        assert signals.send(session, w.ADA, "freeze") == 2
    assert delivery.deliver_waiting(house) == 2
    assert delivery.deliver_waiting(house) == 0
    assert [each.origin for name in ("one", "other") for each in running(house, name)] == ["signal freeze"] * 2


def schedule(house) -> ScheduleRow:
    with transaction(house) as session:
        row = session.scalars(select(ScheduleRow)).one()
        session.expunge(row)
    return row


def test_a_timer_is_a_schedule_that_follows_the_diagram(house, clock):
    clock.set(datetime(2026, 3, 2, 5, 59, 30, tzinfo=UTC))  # a Monday
    w.given_a_published(house, begun("weekly", d.start("Begin", d.timer("cycle", "0 6 * * 1"))))
    for _ in range(2):
        beginnings.keep_schedules(house)
    assert (schedule(house).name, schedule(house).owner) == ("weekly#Begin", w.DOT.id)
    clock.advance(timedelta(seconds=31))
    assert schedules.fire_due(house) == 1
    (instance,) = running(house, "weekly")
    assert [task.element for task in w.open_tasks(house, instance.id)] == ["Told"]
    w.given_a_published(house, begun("weekly", d.start("Begin", d.timer("cycle", "0 7 * * 1"))))
    beginnings.keep_schedules(house)
    assert schedule(house).next_due_at == datetime(2026, 3, 2, 7, tzinfo=UTC)
    with transaction(house) as session:
        schedules.pause(session, w.BEN, "weekly#Begin")
    beginnings.keep_schedules(house)
    assert schedule(house).paused, "what somebody paused stays so"
    w.given_a_published(house, begun("weekly", d.start("Begin", d.message("news"))))
    beginnings.keep_schedules(house)
    assert (schedule(house).paused, schedule(house).next_due_at) == (True, None)
    w.given_a_published(house, begun("weekly", d.start("Begin", d.timer("cycle", "0 7 * * 1"))))
    beginnings.keep_schedules(house)
    assert (schedule(house).paused, schedule(house).next_due_at) == (False, datetime(2026, 3, 2, 7, tzinfo=UTC))


def test_a_date_starts_the_process_once(house, clock):
    clock.set(datetime(2026, 3, 2, 5, 0, tzinfo=UTC))
    w.given_a_published(house, begun("once", d.start("Begin", d.timer("date", "2026-03-02T06:00:00Z"))))
    beginnings.keep_schedules(house)
    assert schedules.fire_due(house) == 0
    clock.advance(timedelta(hours=1))
    assert schedules.fire_due(house) == 1
    clock.advance(timedelta(days=3))
    beginnings.keep_schedules(house)
    assert schedules.fire_due(house) == 0
    assert len(running(house, "once")) == 1


def test_a_start_event_of_several_starts_an_instance_by_each_with_what_that_one_brought(house, clock):
    either = d.message("news", "what") + d.event("signal", "freeze") + d.timer("cycle", "0 6 * * 1")
    w.given_a_published(house, begun("told", d.start("Begin", either)))
    with transaction(house) as session:
        signals.send(session, w.ADA, "freeze")
        messages.send(session, w.ADA, "news", "credit", {"n": 1})
    assert delivery.deliver_waiting(house) == 2
    found = {each.origin: w.open_tasks(house, each.id)[0].variables.get("what") for each in running(house, "told")}
    assert found == {"signal freeze": None, "message news": {"n": 1}}
    beginnings.keep_schedules(house)
    assert schedule(house).name == "told#Begin"
