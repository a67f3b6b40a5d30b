"""What an operator does by hand, on pages that work without script."""

from __future__ import annotations

import json

from engine import audit
from engine.runtime import instances, queries
from engine.store import transaction
from tests.runtime import worlds as w
from tests.web.conftest import words


def failing(house, known):
    """An instance whose first step failed."""
    w.RECORDER.failures["note"] = [w.Broken(how="once")]
    w.given_a_published(house, w.process_p())
    instance = instances.start(house, known.person("data_scientist"), "process_p", "mended")
    (incident,) = w.detail(house, instance).incidents
    return instance, incident.task


def test_a_failed_step_is_tried_again_with_other_parameters(house, known, visit):
    instance, task = failing(house, known)
    olga = visit("it_operations")
    assert "Other parameters" in words(olga.get(f"/instances/{instance}"))
    page = olga.get(f"/instances/{instance}/steps/{task}")
    assert 'value="one"' in page.text
    assert "The handler broke: once" in words(page)
    refused = olga.post(f"/instances/{instance}/steps/{task}", {"answer-word": "two"})
    assert (refused.status_code, "asks for a reason" in words(refused), 'value="two"' in refused.text) == (
        422,
        True,
        True,
    )
    sent = {"answer-word": "two", "reason": "The word was wrong."}
    done = olga.post(f"/instances/{instance}/steps/{task}", sent, follow_redirects=True)
    assert "tried again with other parameters" in words(done)
    assert w.open_tasks(house, instance)[0].variables["first"] == {"said": "two"}


def test_a_variable_is_set_and_who_looked_before_is_shown_it_first(house, known, visit):
    instance, _ = failing(house, known)
    olga, ria = visit("it_operations"), visit("risk_manager")
    instances.retry(house, olga.person, instance)
    (task,) = w.open_tasks(house, instance)
    before = ria.get(f"/tasks/{task.id}").text
    page = olga.get(f"/instances/{instance}/variables?name=first")
    assert "&#34;said&#34;: &#34;one&#34;" in page.text
    refused = olga.post(f"/instances/{instance}/variables", {"name": "first", "value": "two", "reason": "Read anew."})
    assert (refused.status_code, "texts stand in quotes" in words(refused)) == (422, True)
    sent = {"name": "first", "value": json.dumps({"said": "two"}), "reason": "Read anew."}
    assert "first is set" in words(olga.post(f"/instances/{instance}/variables", sent, follow_redirects=True))
    digest = before.partition('name="shown-variables" value="')[2][:64]
    answer = {"answer-decision": "approve", "shown-variables": digest}
    refused = ria.post(f"/tasks/{task.id}/decide", answer)
    assert (refused.status_code, "has changed since: the variables" in words(refused)) == (409, True)
    assert "changed by an operator" in words(refused)
    digest = refused.text.partition('name="shown-variables" value="')[2][:64]
    ria.post(f"/tasks/{task.id}/decide", {**answer, "shown-variables": digest})
    assert w.detail(house, instance).instance.state == "finished"
    with transaction(house) as session:
        (row,) = audit.entries(session, stream=f"instance:{instance}", act="variable.set")
        assert queries.variables(session, instance)["second"] == {"said": "two"}
    assert (row.actor, row.facts["reason"]) == ("olga", "Read anew.")


def test_without_a_reason_nothing_is_held(house, known, visit):
    instance, _ = failing(house, known)
    olga = visit("it_operations")
    refused = olga.post(f"/instances/{instance}/suspend")
    assert (refused.status_code, "asks for a reason" in words(refused)) == (422, True)
    olga.post(f"/instances/{instance}/cancel", {"reason": "The test is over."})


def test_who_waited_for_whom_is_a_table_a_file_and_a_drawing(house, known, visit):
    uma, instance = visit("auditor"), known.ids["instance"]
    assert "Where the time went" in words(uma.get(f"/instances/{instance}"))
    page = words(uma.get(f"/instances/{instance}/waits"))
    assert "until it was in hand model operator" in page
    state = uma.get(f"/instances/{instance}/waits/state?process=deployment").json
    assert list(state["times"]) == ["Approve_as_operator"]
    rows = uma.get("/processes/model_life_cycle/waits?format=csv").text.splitlines()
    assert rows[0].startswith("process,element,name,kind,waited,for,times,still waiting,life cycles,total seconds")
    assert any(",until it was in hand,model_operator," in row for row in rows)
    assert "until it was in hand" in words(uma.get("/processes/model_life_cycle/waits?version=1&days=30"))
    assert "Nothing waited then" in words(uma.get("/processes/model_life_cycle/waits?version=9"))


def test_a_token_is_moved_on_its_page(house, known, visit):
    instance, task = failing(house, known)
    olga = visit("it_operations")
    assert "Move a token" in words(olga.get(f"/instances/{instance}"))
    page = olga.get(f"/instances/{instance}/tokens")
    assert "Decide it (Decide)" in words(page)
    refused = olga.post(f"/instances/{instance}/tokens", {"task": task, "element": "Start", "reason": "Again."})
    assert (refused.status_code, "cannot be moved" in words(refused)) == (409, True)
    refused = olga.post(f"/instances/{instance}/tokens", {"task": "x", "element": "Decide", "reason": "Again."})
    assert refused.status_code == 409
    sent = {"task": task, "element": "Decide", "reason": "It is not needed."}
    assert "The token is moved." in words(olga.post(f"/instances/{instance}/tokens", sent, follow_redirects=True))
    assert [each.element for each in w.open_tasks(house, instance)] == ["Decide"]
