"""The road of one event: what is committed together, and what a refusal leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine import audit
from engine.bpmn import BpmnError
from engine.runtime import instances, user_tasks, worker
from engine.runtime.forms import AnswerRefused
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w
from tests.statements import heard


def test_an_instance_runs_from_start_to_end_through_a_decision(house):
    w.given_a_published(house, w.process_p())
    instance = instances.start(house, w.ADA, "process_p", "credit")
    (task,) = w.open_tasks(house, instance)
    assert (task.role, task.name, task.variables["first"]) == ("risk_manager", "Decide it", {"said": "one"})
    instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    found = w.detail(house, instance)
    assert (found.instance.state, found.instance.revision) == ("finished", 2)
    assert [step.element for step in found.steps] == ["Start", "First", "Decide", "Approved", "Second", "End"]
    assert all(step.left_at for step in found.steps)
    assert found.steps[2].actor == "ben"
    with transaction(house) as session:
        acts = [entry.act for entry in audit.entries(session, stream=f"instance:{instance}")]
    assert {"instance.started", "user_task.opened", "user_task.completed", "instance.finished"} <= set(acts)


def test_process_p_takes_at_most_four_statements_and_two_commits(house, cluster, superuser):
    w.given_a_published(house, w.process_p())
    warm = instances.start(house, w.ADA, "process_p", "credit")
    instances.complete(house, w.BEN, w.open_tasks(house, warm)[0].id, {"decision": "approve"})
    with heard(cluster, house, superuser) as starting:
        instance = instances.start(house, w.ADA, "process_p", "credit")
    (task,) = w.open_tasks(house, instance)
    with heard(cluster, house, superuser) as deciding:
        instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    assert w.detail(house, instance).instance.state == "finished"
    # Asked for: ten and three.
    assert len(starting.statements) + len(deciding.statements) <= 4, "\n".join(starting + deciding)
    assert starting.commits + deciding.commits == 2


def test_a_job_takes_at_most_four_statements_and_two_commits(house, cluster, superuser):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    instances.start(house, w.ADA, "process_p", "warm")
    w.work_off(house)
    instance = instances.start(house, w.ADA, "process_p", "credit")
    (job,) = w.detail(house, instance).jobs
    with heard(cluster, house, superuser) as working:
        worker.run_handler(house, job.task)
    assert len(w.open_tasks(house, instance)) == 1
    assert len(working.statements) <= 4, "\n".join(working)
    assert working.commits == 2
    # Nothing was prepared that could be lost: its beginning waits for no disk, its result does.
    assert sum("synchronous_commit" in each for each in working) == 1


def test_a_job_runs_outside_and_its_result_is_taken_once(house):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    instance = instances.start(house, w.ADA, "process_p")
    (job,) = w.detail(house, instance).jobs
    assert w.work_off(house) == 1
    assert not instances.succeeded(house, job.task, w.Word(), {"said": "again"})
    assert w.RECORDER.calls == ["prepare", "work", "apply"]
    (task,) = w.open_tasks(house, instance)
    assert task.variables["first"]["said"] == "one"


def test_a_failing_job_is_tried_again_and_then_becomes_an_incident_that_can_be_retried(house, clock):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    w.RECORDER.failures["work"] = [w.Broken(how="once"), w.Broken(how="twice")]
    instance = instances.start(house, w.ADA, "process_p")
    assert w.work_off(house) == 1
    assert [job.state for job in w.detail(house, instance).jobs] == ["retrying"]
    clock.advance(timedelta(seconds=1))
    assert w.work_off(house) == 1
    (incident,) = w.detail(house, instance).incidents
    assert (incident.element, incident.process, incident.kind) == ("First", "process_p", "handler")
    assert "twice" in incident.cause
    assert instances.retry(house, w.BEN, instance) == 1
    assert w.work_off(house) == 1
    found = w.detail(house, instance)
    assert found.incidents[0].resolution == "retried"
    assert len(w.open_tasks(house, instance)) == 1


def test_a_transactional_handler_that_fails_is_an_incident_and_the_decision_still_commits(house):
    w.given_a_published(house, w.process_p())
    instance = instances.start(house, w.ADA, "process_p")
    w.RECORDER.failures["note"] = [w.Broken(how="inside")]
    instances.complete(house, w.BEN, w.open_tasks(house, instance)[0].id, {"decision": "approve"})
    found = w.detail(house, instance)
    assert found.user_tasks[0].state == "completed"
    assert [each.element for each in found.incidents] == ["Second"]
    instances.retry(house, w.BEN, instance)
    assert w.detail(house, instance).instance.state == "finished"


def test_a_named_error_goes_to_its_boundary(house):
    files = d.files(
        "with_boundary",
        d.lanes(risk_manager=("Start", "Work", "Caught", "End", "Otherwise")),
        d.start(),
        d.service("Work", "work_for_tests", "worked"),
        d.boundary("Caught", "Work", d.event("error", "no_luck")),
        d.end(),
        d.end("Otherwise"),
        d.chain("Start", "Work", "End"),
        d.flow("Caught", "Otherwise"),
        declared=d.declared(errors=("no_luck",)),
    )
    w.given_a_published(house, files)
    w.RECORDER.failures["work"] = [BpmnError("no_luck")]
    instance = instances.start(house, w.ADA, "with_boundary")
    w.work_off(house)
    found = w.detail(house, instance)
    assert found.instance.state == "finished"
    assert "Otherwise" in [step.element for step in found.steps]


def test_an_error_that_no_boundary_catches_is_one_incident_and_can_be_retried(house):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    w.RECORDER.failures["work"] = [BpmnError("no_luck", "Not on a Friday.")]
    instance = instances.start(house, w.ADA, "process_p")
    w.work_off(house)
    (incident,) = w.detail(house, instance).incidents
    assert incident.kind == "error"
    assert "Not on a Friday." in incident.cause
    instances.retry(house, w.BEN, instance)
    w.work_off(house)
    assert len(w.open_tasks(house, instance)) == 1


def test_a_wrong_role_a_wrong_answer_and_a_second_decision_are_refused_and_logged(house):
    w.given_a_published(house, w.process_p())
    instance = instances.start(house, w.ADA, "process_p")
    (task,) = w.open_tasks(house, instance)
    with pytest.raises(user_tasks.WrongRole):
        instances.complete(house, w.EVE, task.id, {"decision": "approve"})
    with pytest.raises(AnswerRefused) as refusal:
        instances.complete(house, w.BEN, task.id, {"decision": "perhaps", "extra": 1})
    assert set(refusal.value.fields) == {"decision", "extra"}
    instances.complete(house, w.BEN, task.id, {"decision": "reject"})
    with pytest.raises((user_tasks.TaskClosed, instances_ended())):
        instances.complete(house, w.ADA, task.id, {"decision": "approve"})
    with transaction(house) as session:
        refused = [e for e in audit.entries(session, stream=f"instance:{instance}") if e.act == "act.refused"]
    assert len(refused) == 3


def instances_ended():
    from engine.runtime.transaction import InstanceEnded

    return InstanceEnded


def test_who_started_it_cannot_decide_it(house):
    w.given_a_published(house, w.process_p(shut_out="starter"))
    instance = instances.start(house, w.ADA, "process_p")
    (task,) = w.open_tasks(house, instance)
    with pytest.raises(user_tasks.OwnWork):
        instances.complete(house, w.ADA, task.id, {"decision": "approve"})
    with pytest.raises(user_tasks.OwnWork):
        user_tasks.claim(house, w.ADA, task.id)
    instances.complete(house, w.BEN, task.id, {"decision": "approve"})


def test_a_claimed_task_is_decided_by_its_holder_alone(house):
    w.given_a_published(house, w.process_p())
    instance = instances.start(house, w.ADA, "process_p")
    (task,) = w.open_tasks(house, instance)
    user_tasks.claim(house, w.BEN, task.id)
    with pytest.raises(user_tasks.TakenByAnother):
        instances.complete(house, w.ADA, task.id, {"decision": "approve"})
    user_tasks.release(house, w.BEN, task.id)
    instances.complete(house, w.ADA, task.id, {"decision": "approve"})
