"""Models on pages: registered, given versions, risks and an end."""

from __future__ import annotations

import io
import json

import pytest

from engine import events
from engine.inventory import queries
from engine.inventory.references import VersionRef
from engine.store import transaction
from tests.handlers import house as lives
from tests.web.conftest import words

DECLARED = {
    "id": "greeting",
    "name": "Greeting",
    "kind": "rules",
    "owner": "ada",
    "team": "Service",
    "tool": "decision table",
    "purpose": "Picks a greeting.",
    "affects_people": "no",
    "decisions_per_year": "1,200",
    "environment": "production",
    "target": "paid",
    "features": "debt",
    "thresholds": "cut_off = 0.5\nmin_auc = 0.6",
    "input_schema": json.dumps({"type": "object", "properties": {"debt": {"type": "number"}}, "required": ["debt"]}),
    "rate_per_s": "5",
}
TABLE = b"""
rules:
  - {id: deep, when: {debt: {above: 1.5}}, score: 0.1, decision: refuse, reason: debt}
otherwise: {score: 0.9, decision: grant, reason: sound}
"""


@pytest.fixture(scope="module")
def registered(house, app, known):
    """A model that was registered on the page."""
    from engine.identity import browser_sessions
    from tests.web.conftest import Visitor
    from web import access

    with transaction(house) as session:
        secret = browser_sessions.begin(session, "ada", address="", agent="")
    client = app.test_client()
    client.set_cookie(access.COOKIE, secret)
    answer = Visitor(client).post("/models", DECLARED)
    assert answer.status_code == 302, words(answer)
    return "greeting"


def test_what_was_declared_is_what_is_kept(house, registered):
    with transaction(house) as session:
        model = queries.model(session, registered)
    assert model.decisions_per_year == 1200
    assert model.metadata.thresholds == {"cut_off": 0.5, "min_auc": 0.6}
    assert model.metadata.features == ("debt",)
    assert model.metadata.service_levels.rate_per_s == 5


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("id", "Not An Id", "2 to 64 small letters"),
        ("decisions_per_year", "many", "valid integer"),
        ("thresholds", "min_beauty = 1", "there is no such metric"),
        ("thresholds", "min_auc 0.8", "is not name = value"),
        ("input_schema", "{", "it is no JSON"),
        ("kind", "crystal-ball", "crystal-ball"),
    ],
)
def test_a_field_that_does_not_fit_is_named_and_the_rest_stays(visit, field, value, said):
    answer = visit("data_scientist").post("/models", {**DECLARED, "id": "other", field: value})
    assert answer.status_code == 422
    assert said in words(answer)
    assert "Picks a greeting." in answer.text


def test_a_model_yaml_registers_all_of_it(visit, house):
    text = b"{id: from-file, name: From file, kind: rules, owner: ada, team: Service, purpose: Says hello.,"
    text += b" affects_people: false, decisions_per_year: 3, training: {seed: 1}}"
    sent = {"model_yaml": (io.BytesIO(text), "model.yaml")}
    assert visit("data_scientist").post("/models", sent, content_type="multipart/form-data").status_code == 302
    with transaction(house) as session:
        assert queries.model(session, "from-file").purpose == "Says hello."


def test_an_edit_on_old_values_is_refused(visit, registered):
    max_ = visit("model_operator")
    assert max_.post(f"/models/{registered}/edit", {**DECLARED, "purpose": "New.", "revision": "1"}).status_code == 302
    late = max_.post(f"/models/{registered}/edit", {**DECLARED, "purpose": "Other.", "revision": "1"})
    assert late.status_code == 409
    assert "was edited meanwhile" in words(late)


def test_a_model_file_is_uploaded_kept_by_digest_and_can_be_had_again(visit, house, registered):
    ada = visit("data_scientist")
    none = ada.post(f"/models/{registered}/versions", {}, content_type="multipart/form-data")
    assert none.status_code == 422
    assert "no model file was chosen" in words(none)
    broken = {"artefact": (io.BytesIO(b"rules: 3"), "rules.yaml")}
    refused = ada.post(f"/models/{registered}/versions", broken, content_type="multipart/form-data")
    assert refused.status_code == 422
    sent = {
        "artefact": (io.BytesIO(TABLE), "rules.yaml"),
        "test_data": (io.BytesIO(lives.rows(7)), "rows.parquet"),
        "documents": [(io.BytesIO(b"# Greeting\n\nSays **hello**."), "card.md")],
    }
    answer = ada.post(f"/models/{registered}/versions", sent, content_type="multipart/form-data")
    assert answer.status_code == 302, words(answer)
    page = ada.get(answer.location)
    assert "<strong>hello</strong>" in page.text
    assert "missing tests" in words(page)
    with transaction(house) as session:
        asset = queries.asset(session, VersionRef(registered, 1), "artefact")
    file = visit("auditor").get(f"{answer.location}/assets/artefact/artefact")
    assert file.headers["Digest"] == f"sha-256={asset.digest}"
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert json.loads(file.data)["rules"][0]["id"] == "deep"
    again = {"artefact": (io.BytesIO(TABLE), "rules.yaml")}
    twice = ada.post(f"/models/{registered}/versions", again, content_type="multipart/form-data")
    assert twice.status_code == 409
    assert "greeting@1 again" in words(twice)


def test_a_risk_is_opened_shown_and_closed_with_a_word(visit, registered, house):
    ria = visit("risk_manager")
    given = {"level": "high", "title": "Rude greetings", "owner": "bob", "due": "2030-01-01"}
    assert ria.post(f"/models/{registered}/risks", {**given, "due": "soon"}).status_code == 422
    assert ria.post(f"/models/{registered}/risks", given).status_code == 302
    assert "Rude greetings" in words(visit("auditor").get(f"/models/{registered}"))
    assert "1 high" in words(visit("auditor").get("/models?search=greeting"))
    with transaction(house) as session:
        (risk,) = queries.risks(session, registered)
    assert ria.post(f"/models/{registered}/risks/{risk.id}/close", {"resolution": " "}).status_code == 422
    assert ria.post(f"/models/{registered}/risks/{risk.id}/close", {"resolution": "Reworded."}).status_code == 302
    assert "Reworded." in words(ria.get(f"/models/{registered}"))


def test_a_retirement_is_asked_for_with_a_reason(visit, registered, house):
    bob = visit("business_owner")
    assert bob.post(f"/models/{registered}/retire", {"reason": ""}).status_code == 422
    assert bob.post(f"/models/{registered}/retire", {"reason": "Nobody greets."}).status_code == 302
    with transaction(house) as session:
        told = [each for each in events.pending(session, 1000) if each.name == "retirement.requested"]
    assert told[-1].subject == registered
    assert told[-1].facts["reason"] == "Nobody greets."


def test_the_list_is_narrowed_by_tool_and_state(visit, registered):
    ada = visit("data_scientist")
    assert "Greeting" in words(ada.get("/models?tool=decision"))
    assert "No model fits" in words(ada.get("/models?tool=abacus"))
    assert "No model fits" in words(ada.get("/models?state=deployed"))
    assert "Greeting" in words(ada.get("/models?state=not+deployed"))
    assert "No model fits" in words(ada.get("/models?state=retired"))


def test_the_portfolio_tells_where_each_model_stands(visit, known):
    page = words(visit("business_owner").get("/portfolio"))
    assert "in its life cycle Approve deployment as operator" in page
    assert "not yet" in page
