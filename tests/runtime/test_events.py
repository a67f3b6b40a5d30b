"""Event subprocesses, conditions and signals on PostgreSQL: what the clock, others and the instance itself set off."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from engine import audit
from engine.runtime import delivery, instances, messages, signals
from engine.runtime.tables import SubscriptionRow, TimerRow
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w


def handled(name: str, start: str, declared: str = "") -> dict[str, bytes]:
    """A user task, and an event subprocess that takes a note."""
    return d.files(
        name,
        d.lanes(risk_manager=("Start", "Decide", "End", "Handler")),
        d.start(),
        d.user("Decide", form="decision.form.json", result="decided"),
        d.end(),
        d.chain("Start", "Decide", "End"),
        d.handler("Handler", start, d.service("Note", "note_for_tests", "noted"), d.end("HandlerEnd"),
                  d.chain("Begin", "Note", "HandlerEnd")),
        declared=declared,
        decision__form__json=w.DECISION,
    )  # fmt: skip


def armed(house) -> tuple[int, int]:
    """(timers, subscriptions) in their tables."""
    with transaction(house) as session:
        count = [session.scalar(select(func.count()).select_from(table)) for table in (TimerRow, SubscriptionRow)]
    return count[0] or 0, count[1] or 0


def test_a_timer_begins_an_event_subprocess_beside_the_flow_again_and_again(house, clock):
    start = d.start("Begin", d.timer("cycle", "R2/PT1H"), interrupting=False)
    w.given_a_published(house, handled("reminds", start))
    instance = instances.start(house, w.ADA, "reminds")
    (waiting,) = [each for each in w.detail(house, instance).waiting if each.kind == "timer"]
    assert (waiting.element, waiting.until) == ("Begin", clock.now() + timedelta(hours=1))
    assert delivery.fire_due_timers(house) == 0
    for _ in range(3):
        clock.advance(timedelta(hours=1))
        delivery.fire_due_timers(house)
    assert w.RECORDER.calls == ["note", "note"]
    assert [task.element for task in w.open_tasks(house, instance)] == ["Decide"]
    assert armed(house) == (0, 0)
    steps = [(step.element, step.scope) for step in w.detail(house, instance).steps]
    assert steps.count(("Note", "Handler")) == 2


def test_a_message_begins_an_interrupting_event_subprocess_and_the_task_is_taken_away(house):
    w.given_a_published(house, handled("stops", d.start("Begin", d.message("stop", "why")), d.declared("stop")))
    one, other = (instances.start(house, w.ADA, "stops", subject) for subject in ("credit", "fraud"))
    with transaction(house) as session:
        messages.send(session, w.ADA, "stop", "credit", {"reason": "withdrawn"})
    assert delivery.deliver_waiting(house) == 1
    found = w.detail(house, one)
    assert found.instance.state == "finished"
    assert [(task.element, task.state) for task in found.user_tasks] == [("Decide", "cancelled")]
    assert w.detail(house, other).instance.state == "running"
    assert armed(house) == (0, 1)


def test_a_task_that_is_done_disarms_the_event_subprocess(house, clock):
    w.given_a_published(house, handled("late", d.start("Begin", d.timer("duration", "PT1H"))))
    instance = instances.start(house, w.ADA, "late")
    (task,) = w.open_tasks(house, instance)
    instances.complete(house, w.BEN, task.id, {"decision": "approve"}, {})
    assert w.detail(house, instance).instance.state == "finished"
    assert armed(house) == (0, 0)


def test_a_signal_reaches_every_instance_that_listens_and_none_that_comes_later(house):
    listening = handled("listens", d.start("Begin", d.event("signal", "freeze")), d.declared(signals=("freeze",)))
    w.given_a_published(house, listening)
    throwing = d.files(
        "freezes", d.start(), d.end("End", d.event("signal", "freeze")), d.chain("Start", "End"),
        declared=d.declared(signals=("freeze",)),
    )  # fmt: skip
    w.given_a_published(house, throwing)
    first = [instances.start(house, w.ADA, "listens", subject) for subject in ("credit", "fraud", "")]
    thrower = instances.start(house, w.ADA, "freezes")
    later = instances.start(house, w.ADA, "listens", "late")
    assert delivery.deliver_waiting(house) == 3
    assert delivery.deliver_waiting(house) == 0
    assert [w.detail(house, each).instance.state for each in first] == ["finished"] * 3
    assert w.detail(house, later).instance.state == "running"
    with transaction(house) as session:
        sent = [e for e in audit.entries(session, stream=f"instance:{thrower}") if e.act == "signal.sent"]
        heard = [e for e in audit.entries(session, stream=f"instance:{first[0]}") if e.act == "signal.delivered"]
        assert (len(sent), len(heard)) == (1, 1)
        assert signals.send(session, w.ADA, "freeze") == 1
    assert delivery.deliver_waiting(house) == 1
    assert w.detail(house, later).instance.state == "finished"


def test_a_signal_for_two_events_of_one_instance_reaches_both_once(house):
    files = d.files(
        "twice",
        d.start(), d.gateway("parallel", "Fork"), d.catch("One", d.event("signal", "go")),
        d.catch("Two", d.event("signal", "go")), d.end(), d.end("End2"), d.flow("Start", "Fork"),
        d.chain("Fork", "One", "End"), d.chain("Fork", "Two", "End2"), declared=d.declared(signals=("go",)),
    )  # fmt: skip
    w.given_a_published(house, files)
    instance = instances.start(house, w.ADA, "twice")
    with transaction(house) as session:
        assert signals.send(session, w.ADA, "go") == 2
    assert delivery.deliver_waiting(house) == 1
    assert w.detail(house, instance).instance.state == "finished"
    assert delivery.deliver_waiting(house) == 0


def test_a_condition_is_told_and_met_by_what_another_branch_writes(house):
    files = d.files(
        "watches",
        d.lanes(risk_manager=("Start", "Decide", "End", "Watch", "Note", "End2")),
        d.start(), d.gateway("parallel", "Fork"), d.user("Decide", form="decision.form.json", result="decided"),
        d.catch("Watch", d.condition("decided.decision in ['approve', 'reject']")),
        d.service("Note", "note_for_tests", "noted"), d.end(), d.end("End2"), d.flow("Start", "Fork"),
        d.chain("Fork", "Decide", "End"),
        d.chain("Fork", "Watch", "Note", "End2"), decision__form__json=w.DECISION,
    )  # fmt: skip
    w.given_a_published(house, files)
    instance = instances.start(house, w.ADA, "watches")
    (waiting,) = [each for each in w.detail(house, instance).waiting if each.kind == "condition"]
    assert "decided.decision in ['approve', 'reject']" in waiting.next_act
    (task,) = w.open_tasks(house, instance)
    instances.complete(house, w.BEN, task.id, {"decision": "approve"}, {})
    assert w.RECORDER.calls == ["note"]
    assert w.detail(house, instance).instance.state == "finished"


def test_an_event_of_several_is_one_wait_and_what_comes_first_ends_the_others(house, clock):
    parts = (
        d.start(), d.end(), d.chain("Start", "Hear", "End"),
        d.catch("Hear", d.message("stop", "why") + d.event("signal", "freeze") + d.timer("duration", "PT1H")),
    )  # fmt: skip
    w.given_a_published(house, d.files("hears", *parts, declared=d.declared("stop", signals=("freeze",))))
    told, late = (instances.start(house, w.ADA, "hears", subject) for subject in ("credit", "fraud"))
    assert armed(house) == (2, 4)
    with transaction(house) as session:
        messages.send(session, w.ADA, "stop", "credit", {"reason": "withdrawn"})
    assert delivery.deliver_waiting(house) == 1
    assert w.detail(house, told).instance.state == "finished"
    assert armed(house) == (1, 2)
    clock.advance(timedelta(hours=1))
    delivery.fire_due_timers(house)
    assert w.detail(house, late).instance.state == "finished"
    assert armed(house) == (0, 0)
