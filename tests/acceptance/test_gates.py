"""Gates hold: whoever tries, in whatever diagram, by whatever way."""

from __future__ import annotations

import psycopg
import pytest

from engine import audit
from engine.identity import Person
from engine.store import Store, transaction
from tests.acceptance.steps import (
    given_a_diagram,
    given_a_registered_rules_model,
    then_a_task_waits,
    then_it_answers,
    then_the_log_tells,
    when_it_is_decided,
    when_its_life_cycle_starts,
)
from tests.bpmn import drawing
from tests.demo.running import Told


def test_r2_an_open_high_risk_blocks_deployment(told: Told) -> None:
    """Although it is approved; once the risk is closed, the same life cycle goes on to deploy."""
    model = given_a_registered_rules_model(told, "leaflets-risky")
    risk = {"level": "high", "title": "Wrong addresses", "owner": "rosa", "due": "2027-01-31"}
    opened = told.ask("rosa", "POST", f"/models/{model}/risks", json=risk).json()
    instance = when_its_life_cycle_starts(told, model)
    approval = then_a_task_waits(told, instance, "Approve_as_operator")
    assert when_it_is_decided(told, approval["id"], "mika", decision="approve").ok

    refusal = then_a_task_waits(told, instance, "Clear_refusal")
    refused = [job for job in told.get("ilse", f"/instances/{instance}")["jobs"] if job["handler"] == "deploy_model"]
    assert "open high risk: Wrong addresses (owner rosa, due 2027-01-31)" in refused[0]["error"]
    assert told.get("ilse", "/routes", model=model) == []

    closed = told.ask("rosa", "POST", f"/risks/{opened['id']}/close", json={"resolution": "Addresses were cleaned."})
    assert closed.ok, closed.text
    assert when_it_is_decided(told, refusal["id"], "ilse", next="retry", comment="The risk is closed.").ok
    assert [row["decision"] for row in then_it_answers(told, model)] == ["send it", "send nothing"]


def test_r11_each_role_sees_its_own_work_and_the_wrong_role_is_refused(told: Told) -> None:
    """In the inbox, at the act, and in the log."""
    waiting = told.approval
    assert waiting in [task["id"] for task in told.get("mika", "/tasks")["items"]]
    for person in ("rosa", "boris", "ilse", "otto", "arne"):
        roles = set(told.get(person, "/me")["roles"])
        tasks = told.get(person, "/tasks")["items"]
        assert {task["role"] for task in tasks} <= roles
        assert waiting not in [task["id"] for task in tasks]
    answer = when_it_is_decided(told, waiting, "rosa", decision="approve")
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong-role")
    then_the_log_tells(told, "act.refused", actor="rosa", reason="wrong-role")


def test_r37_a_rejection_has_a_path(told: Told) -> None:
    """The process halts at its gate; rejected, it tells why to who has to rework it."""
    model = given_a_registered_rules_model(told, "leaflets-rejected")
    instance = when_its_life_cycle_starts(told, model)
    approval = then_a_task_waits(told, instance, "Approve_as_operator")
    assert told.get("ilse", "/routes", model=model) == []

    assert (
        when_it_is_decided(told, approval["id"], "mika", decision="reject").status_code == 422
    )  # a reason is asked for
    said = "Nobody knows where twenty comes from."
    assert when_it_is_decided(told, approval["id"], "mika", decision="reject", comment=said).ok
    rework = then_a_task_waits(told, instance, "Rework_version")
    assert rework["role"] == "data_scientist"
    then_the_log_tells(told, "approval.refused", actor="mika", comment=said)
    assert when_it_is_decided(told, rework["id"], "bea", next="withdraw", comment="It is not worth it.").ok
    detail = told.get("bea", f"/instances/{instance}")
    assert detail["instance"]["state"] == "finished"
    assert told.get("ilse", "/routes", model=model) == []


def test_n1_a_life_cycle_with_a_way_round_its_gate_is_not_published(told: Told) -> None:
    """The refusal names the policy, the path and what to draw; the check says it before, and shows the path."""
    files = given_a_diagram(
        "ungated",
        drawing.lanes(risk_manager=("Approve",)),
        drawing.start(),
        drawing.user("Approve", kind="approval", purpose="deployment", shut_out="starter"),
        drawing.boundary("Too_late", "Approve", drawing.timer("duration", "P5D")),
        drawing.service("Deploy", "deploy_model", "live", version="'leaflets@1'", environment="'production'"),
        drawing.end(),
        drawing.chain("Start", "Approve", "End"),
        drawing.chain("Too_late", "Deploy", "End"),
    )
    checked = told.ask("arne", "POST", "/definitions/check", json={"files": files}).json()
    assert not checked["publishable"]
    (found,) = [each for each in checked["proof"]["verdicts"] if each["name"] == "deployment-approved"]
    assert found["outcome"] == "fails"
    assert [each["element"] for each in found["path"]] == ["Start", "Approve", "Too_late", "Deploy"]

    drafted = told.ask("arne", "POST", "/definitions", json={"files": files}).json()
    refused = told.ask("arne", "POST", f"/definitions/{drafted['id']}/submit")
    assert (refused.status_code, refused.json()["code"]) == (422, "definition-unproven")
    said = refused.json()["title"]
    assert "(deployment-approved)" in said
    assert "Path: Start > " in said
    assert "Lead every way to deploy_model through an approval" in refused.json()["detail"]
    assert "ungated" not in [each["name"] for each in told.get("arne", "/processes")]


def test_n1_the_proof_of_what_is_published_is_in_the_log(told: Told) -> None:
    """The policies and the verdicts of the shipped life cycle: what an auditor asks for first."""
    entries = told.get("otto", "/audit", act="definition.published", subject="model_life_cycle")["items"]
    proof = entries[0]["facts"]["proof"]
    assert set(proof["policies"].values()) == {"holds"}
    assert set(proof["soundness"].values()) == {"holds"}
    assert "deployment-approved@1" in proof["policies"]


def test_r68_an_attempt_to_skip_a_step_is_refused_and_logged(told: Told) -> None:
    """A decision twice; a decision on what is not open; another's task; another role's start."""
    model = given_a_registered_rules_model(told, "leaflets-skipped")
    instance = when_its_life_cycle_starts(told, model)
    approval = then_a_task_waits(told, instance, "Approve_as_operator")
    own = when_it_is_decided(told, approval["id"], "bea", decision="approve")
    assert own.status_code == 403
    assert when_it_is_decided(told, approval["id"], "mika", decision="approve").ok
    again = when_it_is_decided(told, approval["id"], "mika", decision="approve")
    assert (again.status_code, again.json()["code"]) == (409, "task-closed")
    then_the_log_tells(told, "act.refused", actor="mika", reason="task-closed")
    second = told.ask("bea", "POST", "/instances", json=_start(model))
    assert (second.status_code, second.json()["code"]) == (409, "already-running")
    auditor = told.ask("otto", "POST", "/instances", json=_start(model))
    assert (auditor.status_code, auditor.json()["code"]) == (403, "not-permitted")
    then_the_log_tells(told, "act.refused", actor="otto", tried="start_instance")
    then_it_answers(told, model)


def test_r61_a_row_edited_by_hand_is_named(store: Store, superuser: psycopg.Connection) -> None:
    """By a superuser who has switched the guards off, in the middle of a chain."""
    with transaction(store) as session:
        for number in range(3):
            audit.record(session, "system", "thing.done", actor=Person.system("clock").id, subject=f"thing {number}")
    assert audit.verify(store).intact
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("UPDATE audit.payloads SET subject = 'another thing' WHERE stream = 'system' AND seq = 2")
    found = audit.verify(store)
    assert not found.intact
    assert [(each.kind, each.stream, each.seq) for each in found.findings] == [("altered", "system", 2)]


@pytest.mark.parametrize("person", ["ada", "bea", "rosa", "boris", "mika", "ilse", "otto", "admin"])
def test_r12_only_an_architect_drafts_and_publishes(told: Told, person: str) -> None:
    """Everybody else is refused, and the log says so."""
    files = given_a_diagram("of_nobody", drawing.start(), drawing.end(), drawing.chain("Start", "End"))
    answer = told.ask(person, "POST", "/definitions", json={"files": files})
    assert (answer.status_code, answer.json()["code"]) == (403, "not-permitted")
    then_the_log_tells(told, "act.refused", actor=person, tried="draft_definition")


def _start(model: str) -> dict[str, object]:
    return {"process": "model_life_cycle", "subject": model, "answer": {"model": model}}
