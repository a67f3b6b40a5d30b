"""The library: start with the path shown first, modeler, drafts, a second architect's review."""

from __future__ import annotations

import io
from uuid import UUID

import pytest

from engine.identity import people
from engine.runtime import definitions, queries
from engine.store import transaction
from tests.web import world
from tests.web.conftest import words
from web import blank_diagram, shipped


@pytest.fixture(scope="module")
def second(house, known):
    """Another architect."""
    with transaction(house) as session:
        return people.add(session, world.ROOT, "ivan", name="Ivan", roles=["ai_architect"])


def draft_of(house, id):
    with transaction(house) as session:
        return definitions.get(session, id)


def latest_draft(house, name):
    with transaction(house) as session:
        return max(queries.definition_list(session, name=name).rows, key=lambda each: each.created_at)


def test_the_library_offers_what_can_be_started_to_who_may(visit):
    assert "Model life cycle" in words(visit("auditor").get("/processes"))
    assert "/processes/model_life_cycle/start" in visit("data_scientist").get("/processes").text
    assert "/processes/model_life_cycle/start" not in visit("auditor").get("/processes").text


def test_the_path_is_shown_and_nothing_is_started(visit, house, known):
    ada = visit("data_scientist")
    with transaction(house) as session:
        before = queries.instances(session).total
    answer = ada.post("/processes/review/start", {"act": "path", "answer-model": "letters"})
    assert answer.status_code == 200
    assert "The path it will take" in words(answer)
    assert "is assumed to answer" in words(answer)
    with transaction(house) as session:
        assert queries.instances(session).total == before


def test_a_start_that_does_not_fit_the_form_names_the_field(visit):
    answer = visit("data_scientist").post("/processes/review/start", {"act": "start", "answer-model": "Not An Id"})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'value="Not An Id"' in answer.text


def test_a_second_life_cycle_of_a_model_is_refused_with_the_way_on(visit):
    answer = visit("data_scientist").post(
        "/processes/model_life_cycle/start", {"act": "start", "answer-model": "letters"}
    )
    assert answer.status_code == 409
    assert "already runs for letters" in words(answer)


def test_a_link_fills_the_start_form_in(visit):
    assert 'value="letters"' in visit("data_scientist").get("/processes/model_life_cycle/start?model=letters").text


def test_the_vocabulary_is_the_registrys(visit):
    found = visit("ai_architect").get("/modeler/vocabulary").json
    deploy = next(each for each in found["handlers"] if each["name"] == "deploy_model")
    assert deploy["summary"]
    assert deploy["kind"] == "job"
    assert "properties" in deploy["parameters"]
    assert "approval" in found["task_kinds"]
    assert "test_report" in found["evidence"]
    assert "risk_manager" in found["roles"]
    assert "review" in found["processes"]


def test_a_drawn_diagram_is_checked_saved_and_saved_again(visit, house):
    iris = visit("ai_architect")
    header = {"X-CSRFToken": iris.token(), "Accept": "application/json"}
    send = {"headers": header, "content_type": "application/xml"}
    nothing = iris.client.post("/modeler/check", data=b"<nothing/>", **send).json
    assert nothing["issues"][0]["severity"] == "error"
    drawn = blank_diagram.XML.encode()
    assert iris.client.post("/modeler/check", data=drawn, **send).json["issues"] == []
    saved = iris.client.post("/modeler/save", data=drawn, **send).json
    assert saved["location"].endswith("/draw")
    draft = latest_draft(house, "new_life_cycle")
    changed = drawn.replace(b'name="Ended"', b'name="Over"')
    again = iris.client.post(f"/modeler/save?definition={draft.id}", data=changed, **send)
    assert again.json == {"message": "Draft saved."}
    assert b"Over" in iris.get(f"/definitions/{draft.id}/diagram").data
    refused = iris.client.post("/modeler/save", data=b"no diagram", **send)
    assert refused.status_code == 422
    assert refused.mimetype == "application/problem+json"


def test_what_is_drawn_on_a_published_version_is_a_new_draft(visit, house, known):
    iris = visit("ai_architect")
    published = known.ids["definition"]
    with transaction(house) as session:
        files = definitions.files_of(session, published)
    header = {"X-CSRFToken": iris.token(), "Accept": "application/json"}
    answer = iris.client.post(
        f"/modeler/save?definition={published}",
        data=files["process.bpmn"],
        headers=header,
        content_type="application/xml",
    )
    draft = UUID(answer.json["location"].split("/")[2])
    assert draft_of(house, published).state == "published"
    assert draft_of(house, draft).state == "draft"


def test_an_uploaded_diagram_waits_for_a_second_architect(visit, house, known, second):
    iris, ivan = visit("ai_architect"), visit(second)
    files = dict(shipped.library()["review"])
    files["process.bpmn"] = files["process.bpmn"].replace(b"Keep", b"Hold", 1)
    sent = [(io.BytesIO(content), name) for name, content in files.items()]
    answer = iris.post("/drafts", {"files": sent}, content_type="multipart/form-data")
    draft = answer.location
    assert iris.post(f"{draft}/submit").status_code == 302
    own = iris.post(f"{draft}/publish", {"comment": "fine"})
    assert own.status_code == 403
    assert "cannot also publish it" in words(own)
    page = words(ivan.get(f"{draft}/review"))
    assert "against the published version" in page
    assert "lines of difference" in page
    assert "Proof over all paths" in page
    assert "From everywhere an end is drawn" in page
    with transaction(house) as session:
        files = definitions.files_of(session, UUID(draft.rpartition("/")[2]))
        proof = definitions.examine(session, files).proof
    assert proof is not None
    assert proof.digest[:8] in page
    silent = ivan.post(f"{draft}/reject", {"comment": ""})
    assert silent.status_code == 422
    assert "Say what has to change." in words(silent)
    assert ivan.post(f"{draft}/reject", {"comment": "Name it better."}).status_code == 302
    assert "Sent back by ivan. Name it better. iris mends it" in words(iris.get(draft))
    again = iris.post(
        f"{draft}/files", {"files": [(io.BytesIO(b"{}"), "scenario.yaml")]}, content_type="multipart/form-data"
    )
    assert again.status_code == 302
    iris.post(f"{draft}/submit")
    done = words(ivan.post(f"{draft}/publish", {"comment": "Better."}, follow_redirects=True))
    assert "review v2 is published; instances that run keep their version." in done


def test_a_drawing_of_two_pools_becomes_two_drafts(visit, house):
    """Each executable process is a definition of its own, with the other drawn beside it."""
    iris = visit("ai_architect")
    beside = '<bpmn:process id="beside_it" isExecutable="true"><bpmn:task id="T"/></bpmn:process>'
    drawn = blank_diagram.XML.replace("<bpmn:process ", f"{beside}<bpmn:process ", 1)
    page = iris.post(
        "/drafts",
        {"files": [(io.BytesIO(drawn.encode()), "a.bpmn")]},
        content_type="multipart/form-data",
        follow_redirects=True,
    )
    assert "2 drafts are saved, one for each process" in words(page)
    assert latest_draft(house, "beside_it").state == "draft"


def test_a_file_that_is_no_diagram_is_refused_with_its_reason(visit):
    answer = visit("ai_architect").post(
        "/drafts", {"files": [(io.BytesIO(b"<a/>"), "a.bpmn")]}, content_type="multipart/form-data"
    )
    assert answer.status_code == 422
    assert "cannot be published" in words(answer)


def test_what_changed_is_named_down_to_a_due_date(visit, known):
    found = visit("ai_architect").get(f"/definitions/{known.ids['in_review']}/changes").json
    assert set(found["path"]) == {"Approve_retirement_as_owner", "Approve_retirement_as_risk_manager"}
    page = words(visit("ai_architect").get(f"/definitions/{known.ids['in_review']}/review"))
    assert "parameters, properties or flows changed" in page
