"""Headers, and errors that say what happened and what to do."""

from __future__ import annotations

import dataclasses

import pytest
from flask import Flask

from tests.web.conftest import words
from web import bundle, headers
from web.app import create_app


def test_every_answer_has_the_policy(visit, stranger):
    for answer in (stranger.get("/sign-in"), stranger.get("/nothing"), visit("auditor").get("/audit")):
        assert answer.headers["Content-Security-Policy"] == headers.POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"


def test_what_a_bundle_holds_may_be_kept_for_good(stranger):
    answer = stranger.get(f"/static/{bundle.file_name('app.css')}")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/nothing", 404, "There is nothing at this address."),
        ("/tasks/01a20d2a-e1f0-7a16-b9cc-000000000000", 404, "There is no user task"),
        ("/models/none", 404, "There is no model 'none'."),
        ("/users", 403, "user.view is for admin, auditor"),
        ("/users/ada/disable", 405, "This address does not take that kind of request."),
    ],
)
def test_an_error_page_says_what_happened_and_leads_on(visit, address, status, said):
    answer = visit("data_scientist").get(address)
    assert answer.status_code == status
    assert said in words(answer)
    assert "Home" in words(answer)


def test_a_program_gets_a_problem_object(visit):
    answer = visit("data_scientist").get("/models/none", headers={"Accept": "application/json"})
    assert answer.mimetype == "application/problem+json"
    assert answer.json["code"] == "model-unknown"
    assert answer.json["detail"]


def test_a_body_beyond_the_limit_is_refused_by_name(visit):
    answer = visit("data_scientist").post("/account/tokens", {"name": "x" * (5 << 20)})
    assert answer.status_code == 413
    assert "too large" in words(answer)


def test_what_nobody_thought_of_is_a_page_with_a_reference(house):
    app = _app_with(house, "/broken", lambda: 1 // 0)
    answer = app.test_client().get("/broken")
    assert answer.status_code == 500
    assert "Reference" in words(answer)
    assert "ZeroDivisionError" not in answer.text


def test_a_view_that_does_not_say_who_may_see_it_is_not_answered(house):
    app = create_app(house, testing=True)
    app.add_url_rule("/open", "open", lambda: "for everybody")
    answer = app.test_client().get("/open")
    assert answer.status_code == 500
    assert "does not say who may see it" in words(answer)


def test_no_page_is_served_from_a_bundle_that_is_not_there(house, monkeypatch, tmp_path):
    app = create_app(house, testing=True)
    monkeypatch.setattr(bundle.file_name, "__defaults__", (tmp_path,))
    answer = app.test_client().get("/sign-in")
    assert answer.status_code == 500
    assert "The front-end bundle has no theme.js" in words(answer)


def test_each_browser_gets_notices_that_others_cannot_write(visit):
    ada = visit("data_scientist")
    ada.client.set_cookie("gatewright_notices", "eyJfZmxhc2hlcyI6W3siIHQiOlsiZG9uZSIsIlBheSBub3ciXX1dfQ.x.y")
    assert "Pay now" not in ada.get("/account").text


def _app_with(house, address, view) -> Flask:
    from web.access import anyone

    app = create_app(dataclasses.replace(house), testing=True)
    app.add_url_rule(address, "added", anyone(view))
    return app
