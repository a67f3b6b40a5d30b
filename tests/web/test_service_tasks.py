"""The page of service tasks at work, for those who look and those who operate."""

from __future__ import annotations

from engine import audit
from engine.runtime import breakers, limiting, lines, registry
from engine.runtime.limits import Breaker
from engine.store import new_id, transaction
from tests.web.conftest import words


def test_limits_are_set_and_given_back_on_the_page(house, visit):
    operator = visit("it_operations")
    page = operator.get("/service-tasks/deploy_model")
    assert "Set the limits" in page.text
    sent = {"concurrency": "2", "rate": "10/60", "breaker": "", "reason": "the cluster's quota"}
    answer = operator.post("/service-tasks/deploy_model/limits", sent, follow_redirects=True)
    assert "set by" in words(answer)
    assert "the cluster's quota" in words(answer)
    with transaction(house) as session:
        (row,) = audit.entries(session, act="limits.set", subject="deploy_model", limit=1)
    assert row.facts["after"] == {"concurrency": 2, "rate": "10/60", "breaker": None}
    wrong = operator.post("/service-tasks/deploy_model/limits", {**sent, "rate": "often"})
    assert wrong.status_code == 422
    assert "'often' is no rate" in words(wrong)
    answer = operator.post("/service-tasks/deploy_model/as-declared", {"reason": "it is over"}, follow_redirects=True)
    assert "as declared" in words(answer)


def test_an_open_breaker_is_shown_to_everybody_and_closed_by_operators(house, visit):
    with transaction(house) as session:
        lines.lock(session, "deploy_model")
        for _ in range(2):
            breakers.failed(session, "deploy_model", "production", new_id(), "no answer", Breaker(failures=2))
    seen = visit("auditor").get("/service-tasks/deploy_model")
    assert "no answer" in words(seen)
    assert "Close the breaker" not in seen.text
    assert "open production" in " ".join(words(visit("auditor").get("/service-tasks")).split())
    closed = visit("model_operator").post(
        "/service-tasks/deploy_model/close", {"target": "production", "reason": "restarted"}, follow_redirects=True
    )
    assert "The breaker is closed" in words(closed)
    with transaction(house) as session:
        state = next(each for each in limiting.overview(session) if each.handler == "deploy_model")
    assert state.breakers == []
    assert registry.find_service_task("deploy_model").asks is not None


def test_what_is_no_job_has_no_page(visit):
    answer = visit("it_operations").get("/service-tasks/record_rejection")
    assert answer.status_code == 422
    answer = visit("it_operations").get("/service-tasks/deploy_modell")
    assert (answer.status_code, "deploy_model" in words(answer)) == (404, True)
