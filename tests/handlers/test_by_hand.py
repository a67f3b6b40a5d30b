"""An operator's hand opens no gate: other parameters and other values meet the same approvals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

import pytest

from engine import audit
from engine.governance import approvals
from engine.inventory import versions
from engine.inventory.references import VersionRef
from engine.runtime import instances, wakeups
from engine.runtime.jobs import ParametersRefused
from engine.serving import queries as serving
from engine.store import Store, transaction
from tests.bpmn import drawing as d
from tests.handlers import house as h
from tests.handlers.test_life_of_a_model import given_published_without_a_proof
from tests.runtime import worlds as w

APPROVE = {"decision": "approve"}


def gated() -> dict[str, bytes]:
    """An approval, and a deployment whose parameters cannot be worked out."""
    given = {"form": "decision.form.json", "kind": "approval", "result": "approval", "evidence": "model_card"}
    return d.files(
        "gated",
        d.lanes(risk_manager=("Start", "Approve", "Deploy", "Void", "End")),
        d.start(),
        d.user("Approve", shut_out="starter", **given),
        d.service("Deploy", "deploy_model", "live", version="facts['version']", environment="'production'"),
        d.boundary("Void", "Deploy", d.event("error", "approval_void")),
        d.end(),
        d.chain("Start", "Approve", "Deploy", "End"),
        d.flow("Void", "Approve"),
        declared=d.declared(errors=("approval_void",)),
        decision__form__json=w.DECISION,
    )


@pytest.fixture
def house(store: Store) -> Iterator[Store]:
    """A house without a scoring service: nothing comes as far as a deployment."""
    h.given_a_house(store)
    h.given_a_rules_model(store)
    given_published_without_a_proof(store, gated())  # what stands behind its parameters is no matter here
    yield store
    wakeups.close()


def given_a_start(house: Store) -> UUID:
    return instances.start(house, h.ADA, "gated", "letters")


def given(house: Store) -> list[approvals.Approval]:
    with transaction(house) as session:
        return approvals.of_version(session, "letters@1")


def given_a_second_version(house) -> VersionRef:
    table = json.loads(h.rules("letters"))
    table["otherwise"]["decision"] = "refuse"
    put = house.files.put
    digest = put(json.dumps(table).encode())
    schema = put(b'{"type": "object", "properties": {"debt": {"type": "number"}}, "required": ["debt"]}')
    made = {"artefact": digest, "source": digest, "input_schema": schema, "output_schema": put(b'{"type": "object"}')}
    with transaction(house) as session:
        return versions.add(session, h.ADA, "letters", made).ref


def live(house):
    with transaction(house) as session:
        return serving.live(session, "letters", "production")


def test_another_version_in_the_parameters_of_a_deployment_meets_the_gate(house):
    approved = given_a_start(house)
    h.decide(house, approved, "Approve", h.RIA, **APPROVE)
    other = given_a_second_version(house)
    (incident,) = h.detail(house, approved).incidents
    assert (incident.element, incident.kind) == ("Deploy", "expression")
    with pytest.raises(ParametersRefused):
        instances.retry_edited(house, h.OPS, approved, incident.task, {"version": 2}, "By number.")
    instances.retry_edited(house, h.OPS, approved, incident.task, {"version": str(other)}, "The newer one.")
    h.go_on(house)
    assert live(house) is None
    assert [task.element for task in h.open_tasks(house, approved)] == ["Approve"]
    with transaction(house) as session:
        (row,) = audit.entries(session, stream=f"instance:{approved}", act="job.failed")
    assert "letters@2 has no valid approval" in row.facts["cause"]


def test_an_approval_that_saw_another_value_is_void_and_asked_for_again(house):
    instance = given_a_start(house)
    instances.set_variables(house, h.OPS, instance, {"note": "a"}, "For the approver.")
    (task,) = h.open_tasks(house, instance)
    seen = {each["name"]: each["digest"] for each in task.evidence} | {"variables": task.variables_digest}
    instances.complete(house, h.RIA, task.id, APPROVE, seen)
    # What nobody was shown voids nothing; what was shown does.
    instances.set_variables(house, h.OPS, instance, {"facts": {"version": "letters@1"}}, "They were lost.")
    assert [each.voided_at for each in given(house)] == [None]
    instances.set_variables(house, h.OPS, instance, {"note": "b"}, "It was misread.")
    assert [each.void_reason for each in given(house)] == ["note was set by ops after it was given"]
    instances.retry(house, h.OPS, instance)
    h.go_on(house)
    assert live(house) is None
    (again,) = h.open_tasks(house, instance)
    assert (again.element, again.variables["note"]) == ("Approve", "b")


def test_a_no_stays_a_no_whatever_an_operator_sets(house):
    """A refusal that became void would let an older yes count again."""
    instance = given_a_start(house)
    instances.set_variables(house, h.OPS, instance, {"note": "a"}, "For the approver.")
    (task,) = h.open_tasks(house, instance)
    seen = {each["name"]: each["digest"] for each in task.evidence} | {"variables": task.variables_digest}
    instances.complete(house, h.RIA, task.id, {"decision": "reject"}, seen)
    instances.set_variables(house, h.OPS, instance, {"note": "b"}, "It was misread.")
    assert [(each.decision, each.voided_at) for each in given(house)] == [("reject", None)]


def test_a_token_is_not_moved_round_a_gate_and_the_refusal_names_policy_and_path(house):
    instance = instances.start(house, h.ADA, "model_life_cycle", variables={"model": "letters"})
    h.go_on(house)
    (task,) = h.open_tasks(house, instance)
    assert task.element == "Approve_as_operator"
    for target in ("Merge_ready", "Rehearse_deployment", "Deploy_version"):
        with pytest.raises(instances.MoveRefused, match=r"approver-sees-evidence|deployment-approved"):
            instances.move_token(house, h.OPS, instance, task.id, target, "It is urgent.")
    with transaction(house) as session:
        refused = list(audit.entries(session, stream=f"instance:{instance}", act="act.refused"))
    assert {row.facts["reason"] for row in refused} == {"move-refused"}
    assert "Path: " in refused[-1].facts["message"]
    assert [each.id for each in h.open_tasks(house, instance)] == [task.id]
    instances.move_token(house, h.OPS, instance, task.id, "Approve_as_risk_manager", "The tier was read wrongly.")
    assert [each.element for each in h.open_tasks(house, instance)] == ["Approve_as_risk_manager"]
