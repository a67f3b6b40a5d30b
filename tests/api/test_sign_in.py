"""Signing in over HTTP, and what a token stands for."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from engine import audit
from engine.store import Store, transaction
from tests.api.callers import Caller, person, token
from web.access import COOKIE

WORD, OWN = "a-one-time-password", "correct-horse-battery"


def test_a_one_time_password_is_changed_at_the_first_sign_in(app: Flask, store: Store, nobody: Caller) -> None:
    """Without a new one no token is given; with it the old one is gone."""
    person(store, "ada", "data_scientist", password=WORD, must_change=True)
    due = nobody("POST", "/sign-in", 403, json={"id": "ada", "password": WORD})
    assert due["code"] == "password-due"
    signed_in = nobody("POST", "/sign-in", 200, json={"id": "ada", "password": WORD, "new_password": OWN})
    assert Caller(app, signed_in["token"])("GET", "/me", 200)["roles"] == ["data_scientist"]
    nobody("POST", "/sign-in", 401, json={"id": "ada", "password": WORD})
    nobody("POST", "/sign-in", 200, json={"id": "ada", "password": OWN})


def test_whoever_guesses_is_slowed_down(store: Store, nobody: Caller) -> None:
    """429 after ten wrong passwords, even for the right one; and the log holds no password."""
    person(store, "ada", "data_scientist", password=OWN)
    for _ in range(10):
        refused = nobody("POST", "/sign-in", 401, json={"id": "ada", "password": "guess-number-one"})
        assert refused["code"] == "sign-in"
    assert nobody("POST", "/sign-in", 429, json={"id": "ada", "password": OWN})["code"] == "sign-in-limit"
    with transaction(store) as session:
        found = audit.entries(session, act="sign_in.refused")
    assert len(found) == 11
    assert "guess" not in str(found)


def test_an_unknown_name_is_told_from_a_wrong_password_by_nothing(store: Store, nobody: Caller) -> None:
    """The same answer, word for word."""
    person(store, "ada", "data_scientist", password=OWN)
    wrong = nobody("POST", "/sign-in", 401, json={"id": "ada", "password": "something-else"})
    unknown = nobody("POST", "/sign-in", 401, json={"id": "eve", "password": "something-else"})
    assert wrong == unknown


def test_a_token_of_scoring_opens_nothing_else(app: Flask, store: Store) -> None:
    """Nor does one that has ended, or one that never was."""
    mika = person(store, "mika", "model_operator")
    scoring = Caller(app, token(store, mika, "score:credit:production"))
    assert scoring("GET", "/models", 401)["code"] == "token-refused"
    assert Caller(app, "gwt_made-up")("GET", "/models", 401)["code"] == "token-refused"
    signed_in = Caller(app, token(store, mika))
    signed_in("POST", "/sign-out", 204)
    signed_in("GET", "/me", 401)


def test_ones_own_password_takes_the_present_one(app: Flask, store: Store, nobody: Caller) -> None:
    """A stolen token alone does not change it."""
    ada = Caller(app, token(store, person(store, "ada", "data_scientist", password=OWN)))
    ada("PUT", "/me/password", 401, json={"password": "not-the-present-one", "new_password": "another-long-word"})
    ada("PUT", "/me/password", 422, json={"password": OWN, "new_password": "short"})
    ada("PUT", "/me/password", 204, json={"password": OWN, "new_password": "another-long-word"})
    nobody("POST", "/sign-in", 200, json={"id": "ada", "password": "another-long-word"})


def test_a_browsers_cookie_alone_changes_nothing(app: Flask, store: Store) -> None:
    """What a foreign page could make a browser send is refused: the cookie comes with it, our word does not."""
    client = app.test_client()
    client.set_cookie(COOKIE, "gws_whatever")
    refused = client.post("/api/v1/models", json={"declared": {"id": "mine"}})
    assert (refused.status_code, refused.get_json()["code"]) == (400, "form-expired")


def test_addresses_that_are_not_there_are_problems_too(as_: Callable[..., Caller], nobody: Caller) -> None:
    """404 and 405 as problem objects, with the methods that there are."""
    ada = as_("ada", "data_scientist")
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/models", 405)):
        answer = ada.ask(method, path)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert "POST" in ada.ask("DELETE", "/models").headers["Allow"]
    assert nobody("GET", "/health", 200) == {"status": "alive"}
    assert nobody("GET", "/ready", 200)["status"] == "ready"


def test_a_body_that_is_none_is_refused_by_name(as_: Callable[..., Caller]) -> None:
    """Not JSON, no object, a field too long, a number for a text."""
    ada = as_("ada", "data_scientist", "risk_manager")
    ada("POST", "/models", 422, data=b"{", content_type="application/json")
    ada("POST", "/models", 422, json=["declared"])
    risk = {"level": "high", "title": "x" * 300, "owner": 7, "due": "tomorrow"}
    refused = ada("POST", "/models/credit/risks", 422, json=risk)
    assert {each["field"] for each in refused["errors"]} == {"title", "owner", "due"}
