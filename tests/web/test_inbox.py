"""The inbox and the page of a task: evidence, decision, and who may not."""

from __future__ import annotations

from uuid import uuid4

import pytest

from engine.inventory import assets
from engine.inventory.references import VersionRef
from engine.runtime import instances, queries
from engine.store import transaction
from tests.handlers import house as lives
from tests.web.conftest import words


@pytest.fixture(scope="module")
def waiting(house, known):
    """A life cycle of another rules model that waits for its operator."""
    return begun(house, known, "first")


def begun(house, known, model):
    """The instance and its open task."""
    from tests.web.world import given_a_plain_model

    given_a_plain_model(house, known.person("data_scientist"), model)
    instance = instances.start(house, known.person("data_scientist"), "model_life_cycle", variables={"model": model})
    lives.go_on(house)
    (task,) = lives.open_tasks(house, instance)
    return instance, task


def shown(task):
    return {f"shown-{each['name']}": each["digest"] for each in task.evidence}


def test_each_role_sees_its_own_work_and_the_others_do_not(visit, waiting):
    _, task = waiting
    assert task.name in visit("model_operator").get("/inbox").text
    assert task.name not in visit("risk_manager").get("/inbox").text


def test_the_inbox_is_narrowed_to_what_is_mine_or_nobodys(visit, waiting):
    _, task = waiting
    max_ = visit("model_operator")
    assert "first" in max_.get("/inbox?show=unclaimed&search=first").text
    assert "No task fits" in max_.get("/inbox?show=mine&search=first").text
    assert "No task fits" in max_.get("/inbox?show=overdue&search=first").text
    max_.post(f"/tasks/{task.id}/claim")
    assert "yours" in words(max_.get("/inbox?show=mine&search=first"))
    max_.post(f"/tasks/{task.id}/release")
    assert "No task fits" in max_.get("/inbox?show=mine&search=first").text


def test_the_page_shows_the_evidence_that_the_decision_will_count_for(visit, waiting):
    _, task = waiting
    page = visit("model_operator").get(f"/tasks/{task.id}")
    assert {each["title"] for each in task.evidence} == {"Model card", "Test report", "Risk record"}
    for each in task.evidence:
        assert f'name="shown-{each["name"]}" value="{each["digest"]}"' in page.text
    assert "Picks who is called first." in words(page)
    assert "It needs a yes from model operator" in words(page)


def test_who_lacks_the_role_is_told_so_and_who_has_it(visit, waiting):
    _, task = waiting
    page = words(visit("risk_manager").get(f"/tasks/{task.id}"))
    assert "You cannot decide this. It waits for a model operator; you do not have that role." in page
    assert "It can be decided by: Max." in page


def test_who_is_shut_out_is_named_with_the_reason(visit, waiting):
    _, task = waiting
    page = words(visit("model_operator").get(f"/tasks/{task.id}"))
    assert "ada is shut out: started this life cycle." in page


def test_a_decision_of_the_wrong_role_is_refused_and_changes_nothing(visit, waiting, house):
    _, task = waiting
    answer = visit("risk_manager").post(f"/tasks/{task.id}/decide", {"answer-decision": "approve", **shown(task)})
    assert answer.status_code == 403
    assert "waits for the role model_operator" in words(answer)
    with transaction(house) as session:
        assert queries.task(session, task.id).state == "open"


def test_what_is_wrong_stands_beside_its_field_and_what_was_written_stays(visit, waiting):
    _, task = waiting
    given = {"answer-decision": "reject", "answer-comment": "too bad", **shown(task)}
    answer = visit("model_operator").post(f"/tasks/{task.id}/decide", given)
    assert answer.status_code == 422
    assert "Correct the marked fields." in words(answer)
    assert 'aria-invalid="true"' in answer.text
    assert ">too bad</textarea>" in answer.text
    assert answer.text.count('value="reject" checked') == 1


def test_an_answer_that_the_form_does_not_offer_is_refused(visit, waiting):
    _, task = waiting
    answer = visit("model_operator").post(f"/tasks/{task.id}/decide", {"answer-decision": "maybe", **shown(task)})
    assert answer.status_code == 422


def test_a_task_is_put_into_the_hands_of_who_has_its_role(visit, waiting):
    _, task = waiting
    olga = visit("it_operations")
    assert olga.post(f"/tasks/{task.id}/assign", {"to": "max"}).status_code == 302
    assert "In the hands of max" in words(olga.get(f"/tasks/{task.id}"))
    refused = olga.post(f"/tasks/{task.id}/assign", {"to": "ria"})
    assert refused.status_code == 403
    assert olga.post(f"/tasks/{task.id}/assign", {"to": "nobody"}).status_code == 404
    olga.post(f"/tasks/{task.id}/release")


def test_evidence_that_changed_since_it_was_shown_is_shown_anew(house, known, visit):
    _, task = begun(house, known, "changing")
    with transaction(house) as session:
        card = house.files.put(b"# Another card\n")
        assets.attach(
            session, known.person("data_scientist"), VersionRef("changing", 1), "documentation", card, name="card.md"
        )
    operator = visit("model_operator")
    answer = operator.post(f"/tasks/{task.id}/decide", {"answer-decision": "approve", **shown(task)})
    assert answer.status_code == 409
    assert "has changed since: Model card" in words(answer)
    assert "Another card" in words(answer)
    with transaction(house) as session:
        now = queries.task(session, task.id)
    assert operator.post(f"/tasks/{task.id}/decide", {"answer-decision": "approve", **shown(now)}).status_code == 302


def test_a_decision_is_taken_and_stays_to_be_read(visit, house, waiting):
    instance, task = waiting
    operator = visit("model_operator")
    answer = operator.post(f"/tasks/{task.id}/decide", {"answer-decision": "approve", **shown(task)})
    assert answer.status_code == 302
    page = words(operator.get(answer.location))
    assert "Your decision is taken" in page
    assert "completed by max" in page
    with transaction(house) as session:
        assert queries.task(session, task.id).answer == {"decision": "approve"}
    again = operator.post(f"/tasks/{task.id}/decide", {"answer-decision": "reject", **shown(task)})
    assert again.status_code == 409
    assert f"/tasks/{task.id}" in operator.get(f"/instances/{instance}").text


def test_a_document_with_markup_of_its_own_is_shown_as_text(house, known, visit):
    from tests.web.world import given_a_plain_model

    given_a_plain_model(
        house,
        known.person("data_scientist"),
        "hostile",
        card=b"# Card\n\n<script>alert(1)</script> [x](javascript:alert(1))",
    )
    page = visit("risk_manager").get("/models/hostile/versions/1").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert 'href="javascript' not in page


def test_a_task_that_is_not_there_is_said_so(visit):
    assert visit("model_operator").post(f"/tasks/{uuid4()}/decide").status_code == 404
