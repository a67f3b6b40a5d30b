"""Operators at work: what they may, what a suspended or cancelled instance still does, what a bad part does to it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import event

from engine import audit
from engine.identity import NotPermitted
from engine.runtime import attempts, delivery, instances, messages, queries, registry, signals, user_tasks, worker
from engine.runtime.instances.start import SubjectMalformed
from engine.runtime.transaction import InstanceBusy
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w


class Size(BaseModel):
    size: int = 0


@registry.service_task("large_for_tests", kind="transactional")
def large(session, parameters: Size, ctx) -> str:
    """Says much."""
    return "x" * parameters.size


def broken(session, ctx) -> registry.Evidence:
    """Shows nothing."""
    raise KeyError("column")


def started(house, files, name: str = "process_p") -> UUID:
    w.given_a_published(house, files)
    return instances.start(house, w.ADA, name, "credit")


def acts(house, instance, act: str) -> list[audit.Entry]:
    with transaction(house) as session:
        return list(audit.entries(session, stream=f"instance:{instance}", act=act))


def loop() -> dict[str, bytes]:
    """A loop without a wait: what an operator has to be able to end."""
    return d.files(
        "loops",
        d.lanes(risk_manager=("Start", "Merge", "Turn", "End", "Again")),
        d.start(),
        d.gateway("exclusive", "Merge"),
        d.service("Turn", "note_for_tests", "turn"),
        d.gateway("exclusive", "Again", default="more"),
        d.end(),
        d.chain("Start", "Merge", "Turn", "Again"),
        d.flow("Again", "End", "turn.said == 'enough'"),
        d.flow("Again", "Merge", id="more"),
    )


def test_who_may_not_operate_is_refused_and_that_is_in_the_log(house):
    instance = started(house, w.process_p())
    (task,) = w.open_tasks(house, instance)
    for act in (
        lambda: instances.retry(house, w.EVE, instance),
        lambda: instances.suspend(house, w.EVE, instance, "No reason."),
        lambda: instances.resume(house, w.EVE, instance, "No reason."),
        lambda: instances.cancel(house, w.EVE, instance, "No reason."),
    ):
        with pytest.raises(NotPermitted):
            act()
    assert [entry.facts["reason"] for entry in acts(house, instance, "act.refused")] == ["not-permitted"] * 4
    with pytest.raises(NotPermitted):
        user_tasks.assign(house, w.EVE, task.id, w.BEN)
    with transaction(house) as session:
        (refused,) = audit.entries(session, stream="system", act="act.refused", actor="eve")
    assert (refused.facts["tried"], refused.facts["reason"]) == ("user_task.assigned", "not-permitted")


def test_a_suspended_instance_begins_no_job_until_it_is_resumed(house):
    instance = started(house, w.process_p(handler="work_for_tests"))
    (job,) = w.detail(house, instance).jobs
    instances.suspend(house, w.BEN, instance, "Look at it first.")
    worker.run_handler(house, job.task)
    assert worker.rescue_stalled(house, silent_seconds=0.001) == 0
    assert w.RECORDER.calls == []
    instances.resume(house, w.BEN, instance, "Fine.")
    w.work_off(house)
    assert w.RECORDER.calls == ["prepare", "work", "apply"]


def test_what_waits_for_a_suspended_instance_leaves_the_log_alone_and_comes_afterwards(house):
    files = d.files(
        "listens",
        d.lanes(risk_manager=("Start", "Wait", "End")),
        d.start(),
        d.catch("Wait", d.message("news")),
        d.end(),
        d.chain("Start", "Wait", "End"),
        declared=d.declared("news"),
    )
    instance = started(house, files, "listens")
    instances.suspend(house, w.BEN, instance, "Look at it first.")
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "credit")
    for _ in range(3):
        assert delivery.deliver_waiting(house) == 0
    assert acts(house, instance, "act.refused") == []
    instances.resume(house, w.BEN, instance, "Fine.")
    assert delivery.deliver_waiting(house) == 1


def test_what_is_sent_to_an_instance_that_is_held_for_two_months_is_not_lost(house, clock):
    files = d.files(
        "listens",
        d.lanes(risk_manager=("Start", "Wait", "Hear", "End")),
        d.start(),
        d.catch("Wait", d.message("news")),
        d.catch("Hear", d.event("signal", "freeze")),
        d.end(),
        d.chain("Start", "Wait", "Hear", "End"),
        declared=d.declared("news", signals=("freeze",)),
    )
    one, other = started(house, files, "listens"), instances.start(house, w.ADA, "listens", "fraud")
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "fraud")
    delivery.deliver_waiting(house)
    for each in (one, other):
        instances.suspend(house, w.BEN, each, "Look at it first.")
    with transaction(house) as session:
        messages.send(session, w.ADA, "news", "credit")
        assert signals.send(session, w.ADA, "freeze") == 1
    clock.advance(timedelta(days=60))
    assert delivery.deliver_waiting(house) == 0
    for each in (one, other):
        instances.resume(house, w.BEN, each, "Fine.")
    assert delivery.deliver_waiting(house) == 2
    assert w.detail(house, other).instance.state == "finished"
    assert [step.element for step in w.detail(house, one).steps if step.left_at] == ["Start", "Wait"]


def test_an_endless_loop_can_be_cancelled_and_is_then_left_alone(house):
    instance = started(house, loop(), "loops")
    assert delivery.deliver_waiting(house) == 1
    instances.cancel(house, w.BEN, instance, "It never ends.")
    for _ in range(3):
        assert delivery.deliver_waiting(house) == 0
    assert acts(house, instance, "act.refused") == []


def test_a_job_that_takes_its_workers_down_becomes_an_incident(house, monkeypatch):
    instance = started(house, w.process_p(handler="work_for_tests"))
    (job,) = w.detail(house, instance).jobs
    for _ in range(12):
        assert attempts._begin(house, job.task) is not None  # and then the worker dies
    assert w.open_tasks(house, instance) == []
    worker.run_handler(house, job.task)
    (incident,) = w.detail(house, instance).incidents
    assert "worker-lost" in incident.cause
    instances.retry(house, w.BEN, instance)
    w.work_off(house)
    assert len(w.open_tasks(house, instance)) == 1


def test_a_lost_job_of_an_unknown_pack_keeps_no_other_waiting(house, clock, monkeypatch):
    one = started(house, w.process_p(handler="work_for_tests"))
    (job,) = w.detail(house, one).jobs
    with transaction(house) as session:
        session.connection().exec_driver_sql("DELETE FROM procrastinate_jobs")
    clock.advance(timedelta(minutes=1))
    known = registry._known.service_tasks.pop("work_for_tests")
    try:
        worker.rescue_stalled(house)
    finally:
        registry._known.service_tasks["work_for_tests"] = known
    assert worker.rescue_stalled(house) == 1
    assert job.state == "queued"


def test_a_result_that_is_too_large_for_a_variable_is_an_incident(house):
    files = d.files(
        "large",
        d.lanes(risk_manager=("Start", "Say", "End")),
        d.start(),
        d.service("Say", "large_for_tests", "said", size="100000 * 3"),
        d.end(),
        d.chain("Start", "Say", "End"),
    )
    instance = started(house, files, "large")
    (incident,) = w.detail(house, instance).incidents
    assert "300,002 bytes" in incident.cause


def test_evidence_that_breaks_is_told_as_missing_and_the_way_to_it_stays_committed(house, monkeypatch):
    monkeypatch.setitem(registry._known.evidence, "broken_for_tests", broken)
    instance = started(house, w.process_p(evidence="broken_for_tests"))
    (task,) = w.open_tasks(house, instance)
    assert task.evidence[0]["missing"] == "broken_for_tests failed: KeyError: 'column'"
    with pytest.raises(user_tasks.EvidenceMissing):
        instances.complete(house, w.BEN, task.id, {"decision": "approve"})


def test_a_busy_instance_says_so_and_a_result_waits_for_it(house, monkeypatch):
    instance = started(house, w.process_p(handler="work_for_tests"))
    (job,) = w.detail(house, instance).jobs

    def hurry(connection) -> None:
        connection.exec_driver_sql("SET LOCAL lock_timeout = 20")

    event.listen(house.engine, "begin", hurry)
    taken = instances.succeeded

    def first_time_busy(*given, **named):
        monkeypatch.setattr(instances, "succeeded", taken)
        with house.engine.connect() as other, other.begin():
            other.exec_driver_sql("SELECT 1 FROM runtime.instances FOR UPDATE")
            with pytest.raises(InstanceBusy):
                instances.suspend(house, w.BEN, instance, "Look at it first.")
            return taken(*given, **named)

    monkeypatch.setattr(instances, "succeeded", first_time_busy)
    try:
        worker.run_handler(house, job.task)
    finally:
        event.remove(house.engine, "begin", hurry)
    assert w.RECORDER.calls == ["prepare", "work", "apply"]
    assert len(w.open_tasks(house, instance)) == 1


@pytest.mark.parametrize("subject", ["x" * 201, "a\x00b", "two\nlines"])
def test_what_a_life_cycle_is_about_is_a_short_plain_text(house, subject):
    w.given_a_published(house, w.process_p())
    with pytest.raises(SubjectMalformed):
        instances.start(house, w.ADA, "process_p", subject)


def test_a_list_of_instances_reads_no_state(house):
    started(house, w.process_p())
    read: list[str] = []

    def note(connection, cursor, statement, *_):
        read.append(statement)

    event.listen(house.engine, "before_cursor_execute", note)
    try:
        with transaction(house) as session:
            assert queries.instances(session).total == 1
    finally:
        event.remove(house.engine, "before_cursor_execute", note)
    assert len(read) == 2
    assert "workflow" not in read[-1]
