"""What operators do by hand: other parameters, other values; each with a reason, refused where it may not be."""

from __future__ import annotations

import pytest

from engine import audit
from engine.identity import NotPermitted
from engine.runtime import edits, instances, jobs, queries, user_tasks
from engine.runtime.instances.retry import NoParameters, NothingToRetry
from engine.runtime.instances.variables import VariableRefused
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w


def started(house, files, name: str = "process_p"):
    w.given_a_published(house, files)
    return instances.start(house, w.ADA, name, "credit")


def acts(house, instance, act: str) -> list[audit.Entry]:
    with transaction(house) as session:
        return list(audit.entries(session, stream=f"instance:{instance}", act=act))


def failing(house, handler: str = "note_for_tests"):
    """An instance whose first step has failed."""
    kind = handler.partition("_")[0]
    w.RECORDER.failures[kind] = [w.Broken(how="once"), w.Broken(how="twice")][: 2 if kind == "work" else 1]
    instance = started(house, w.process_p(handler=handler))
    return instance


def forked() -> dict[str, bytes]:
    """Two branches that write one variable, as two people answer."""
    return d.files(
        "forked",
        d.lanes(risk_manager=("Start", "Fork", "One", "Other", "Join", "End")),
        d.start(),
        d.gateway("parallel", "Fork"),
        d.user("One", form="decision.form.json", result="said"),
        d.user("Other", form="decision.form.json", result="said"),
        d.gateway("parallel", "Join"),
        d.end(),
        d.chain("Start", "Fork", "One", "Join", "End"),
        d.chain("Fork", "Other", "Join"),
        decision__form__json=w.DECISION,
    )


def test_a_failed_step_is_tried_again_with_other_parameters_and_the_log_has_old_and_new(house):
    instance = failing(house)
    (incident,) = w.detail(house, instance).incidents
    instances.retry_edited(house, w.BEN, instance, incident.task, {"word": "two"}, "The word was wrong.")
    (task,) = w.open_tasks(house, instance)
    assert task.variables["first"] == {"said": "two"}
    (row,) = acts(house, instance, "incident.retried")
    assert (row.actor, row.facts["reason"]) == ("ben", "The word was wrong.")
    assert row.facts["parameters"] == {"word": {"old": "one", "new": "two"}}


def test_a_failed_job_is_queued_again_with_other_parameters(house, clock):
    from datetime import timedelta

    instance = failing(house, "work_for_tests")
    w.work_off(house)
    clock.advance(timedelta(minutes=1))
    w.work_off(house)
    (incident,) = w.detail(house, instance).incidents
    instances.retry_edited(house, w.BEN, instance, incident.task, {"word": "two"}, "The word was wrong.")
    assert w.detail(house, instance).jobs[0].parameters == {"word": "two"}
    w.work_off(house)
    (task,) = w.open_tasks(house, instance)
    assert task.variables["first"]["said"] == "two"


def test_what_the_handler_does_not_take_is_refused_and_logged(house):
    instance = failing(house)
    (incident,) = w.detail(house, instance).incidents
    for parameters in ({"word": ["no text"]}, {"words": "two"}):
        with pytest.raises(jobs.ParametersRefused):
            instances.retry_edited(house, w.BEN, instance, incident.task, parameters, "It fits.")
    with pytest.raises(edits.ReasonMissing):
        instances.retry_edited(house, w.BEN, instance, incident.task, {"word": "two"}, "  ")
    with pytest.raises(NotPermitted):
        instances.retry_edited(house, w.EVE, instance, incident.task, {"word": "two"}, "I may.")
    assert [row.facts["reason"] for row in acts(house, instance, "act.refused")] == [
        "not-permitted",
        "reason-missing",
        "parameters-refused",
        "parameters-refused",
    ]
    assert w.detail(house, instance).incidents[0].closed_at is None


def test_only_a_service_task_that_failed_has_parameters_to_edit(house):
    instance = started(house, forked(), "forked")
    (one, other) = w.open_tasks(house, instance)
    with pytest.raises(NothingToRetry):
        instances.retry_edited(house, w.BEN, instance, one.id, {"word": "two"}, "It waits.")
    instances.complete(house, w.BEN, one.id, {"decision": "approve"})
    instances.complete(house, w.BEN, other.id, {"decision": "reject"})
    (incident,) = w.detail(house, instance).incidents
    with pytest.raises(NoParameters, match="Join"):
        instances.retry_edited(house, w.BEN, instance, incident.task, {"word": "two"}, "It is a join.")


def test_edited_parameters_hold_for_one_visit_of_the_step(house):
    instance = failing(house)
    (incident,) = w.detail(house, instance).incidents
    w.RECORDER.failures["note"] = [w.Broken(how="again")]
    instances.retry_edited(house, w.BEN, instance, incident.task, {"word": "two"}, "The word was wrong.")
    instances.retry(house, w.BEN, instance)
    (task,) = w.open_tasks(house, instance)
    assert task.variables["first"] == {"said": "two"}
    instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    with transaction(house) as session:
        assert queries.variables(session, instance)["second"] == {"said": "two"}


def test_a_retry_reads_the_variables_as_they_are_now(house):
    """A job kept the parameters with which it was queued first, so that a corrected variable changed nothing."""
    instance = started(house, w.process_p(handler="work_for_tests"))
    w.work_off(house)
    (task,) = w.open_tasks(house, instance)
    from engine.bpmn import BpmnError

    w.RECORDER.failures["work"] = [BpmnError("no_luck")]
    instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    w.work_off(house)
    instances.set_variables(house, w.BEN, instance, {"first": {"said": "three"}}, "It was misread.")
    instances.retry(house, w.BEN, instance)
    assert w.detail(house, instance).jobs[1].parameters == {"word": "three"}


def test_a_variable_is_set_with_a_reason_and_the_open_task_shows_it(house):
    instance = started(house, w.process_p())
    instances.set_variables(house, w.BEN, instance, {"first": {"said": "two"}, "late": True}, "It was misread.")
    (task,) = w.open_tasks(house, instance)
    assert (task.variables["first"], task.variables["late"]) == ({"said": "two"}, True)
    (row,) = acts(house, instance, "variable.set")
    assert (row.actor, row.facts["reason"]) == ("ben", "It was misread.")
    assert row.facts["variables"] == {
        "first": {"old": [{"said": "one"}], "new": {"said": "two"}},
        "late": {"old": [], "new": True},
    }
    assert row.facts["shown_anew"] == [str(task.id)]


def test_a_large_value_stands_in_the_log_by_its_digest(house):
    instance = started(house, w.process_p())
    instances.set_variables(house, w.BEN, instance, {"text": "x" * 2_000}, "It is long.")
    (row,) = acts(house, instance, "variable.set")
    assert row.facts["variables"]["text"]["new"] == {"sha256": edits.digest("x" * 2_000), "bytes": 2_002}


def test_a_decision_on_values_that_changed_is_refused_and_one_that_saw_them_is_taken(house):
    instance = started(house, w.process_p())
    (before,) = w.open_tasks(house, instance)
    instances.set_variables(house, w.BEN, instance, {"first": {"said": "two"}}, "It was misread.")
    answer = {"decision": "approve"}
    for shown in (None, {}, {"variables": before.variables_digest}):
        with pytest.raises(user_tasks.StaleEvidence, match="the variables"):
            instances.complete(house, w.ADA, before.id, answer, shown)
    (after,) = w.open_tasks(house, instance)
    instances.complete(house, w.ADA, after.id, answer, {"variables": after.variables_digest})
    (row,) = acts(house, instance, "user_task.completed")
    assert row.facts["variables"] == after.variables_digest
    assert [each.facts["reason"] for each in acts(house, instance, "act.refused")] == ["stale-evidence"] * 3


def test_what_cannot_be_a_variable_is_refused_and_logged(house):
    instance = started(house, w.process_p())
    for values in ({}, {"a b": 1}, {"subject": "fraud"}, {"n": float("nan")}, {"text": "x" * 300_000}):
        with pytest.raises(VariableRefused):
            instances.set_variables(house, w.BEN, instance, values, "I want to.")
    with pytest.raises(edits.ReasonMissing):
        instances.set_variables(house, w.BEN, instance, {"n": 1}, "")
    with pytest.raises(NotPermitted):
        instances.set_variables(house, w.EVE, instance, {"n": 1}, "I want to.")
    assert len(acts(house, instance, "act.refused")) == 7


def test_branches_that_disagree_go_on_once_an_operator_says_what_holds(house):
    instance = started(house, forked(), "forked")
    one, other = w.open_tasks(house, instance)
    instances.complete(house, w.BEN, one.id, {"decision": "approve"})
    instances.complete(house, w.BEN, other.id, {"decision": "reject"})
    (incident,) = w.detail(house, instance).incidents
    assert incident.kind == "conflict"
    instances.set_variables(house, w.BEN, instance, {"said": {"decision": "reject"}}, "The no came later.")
    found = w.detail(house, instance)
    assert found.instance.state == "finished"
    assert found.incidents[0].resolution == "went on"
    with transaction(house) as session:
        assert queries.variables(session, instance)["said"] == {"decision": "reject"}


def test_a_held_instance_takes_a_variable_and_moves_only_when_it_is_resumed(house):
    instance = started(house, forked(), "forked")
    one, other = w.open_tasks(house, instance)
    instances.complete(house, w.BEN, one.id, {"decision": "approve"})
    instances.complete(house, w.BEN, other.id, {"decision": "reject"})
    instances.suspend(house, w.BEN, instance, "To look.")
    instances.set_variables(house, w.BEN, instance, {"said": {"decision": "reject"}}, "The no came later.")
    assert w.detail(house, instance).instance.state == "running"
    instances.resume(house, w.BEN, instance, "Looked.")
    assert w.detail(house, instance).instance.state == "finished"


def test_holding_resuming_and_ending_ask_for_a_reason(house):
    instance = started(house, w.process_p())
    for act in (instances.suspend, instances.resume, instances.cancel):
        with pytest.raises(edits.ReasonMissing):
            act(house, w.BEN, instance, " ")
