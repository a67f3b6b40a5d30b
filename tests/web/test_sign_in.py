"""Signing in, staying signed in, and signing out."""

from __future__ import annotations

import pytest

from engine import audit
from engine.identity import people
from engine.store import transaction
from tests.web import world
from tests.web.conftest import words
from web import access
from web.app import create_app

FIRST = "a-one-time-password"


def enter(visitor, name, password=world.PASSWORD, **more):
    return visitor.post("/sign-in", {"name": name, "password": password, **more})


def test_who_is_not_signed_in_is_led_to_the_form_and_back(stranger, visit):
    answer = stranger.get("/instances?state=running")
    assert answer.status_code == 302
    assert answer.location == "/sign-in?next=%2Finstances%3Fstate%3Drunning"
    assert enter(stranger, "ada", next="/instances?state=running").location == "/instances?state=running"
    assert stranger.get("/instances").status_code == 200


@pytest.mark.parametrize("onward", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", ""])
def test_nobody_is_led_to_another_site(stranger, onward):
    assert enter(stranger, "ada", next=onward).location == "/"


def test_a_wrong_password_is_told_in_the_words_of_an_unknown_name(stranger):
    wrong, unknown = enter(stranger, "ada", "not her password"), enter(stranger, "nobody", "not her password")
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert "Login name and password do not fit together." in words(wrong)
    assert words(wrong) == words(unknown)


def test_too_many_tries_are_slowed_down(stranger):
    for _ in range(10):
        enter(stranger, "dan", "guess")
    answer = enter(stranger, "dan")
    assert answer.status_code == 429
    assert "Try again in" in words(answer)


def test_the_cookie_is_for_our_server_alone(app, house, stranger):
    cookie = enter(stranger, "ada").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    from dataclasses import replace

    safe = create_app(replace(house, settings=house.settings.model_copy(update={"secure_cookies": True})), testing=True)
    answer = safe.test_client().get("/sign-in")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_a_session_of_before_is_not_taken_over_by_who_signs_in(stranger):
    stranger.get("/sign-in")
    before = stranger.client.get_cookie(access.COOKIE).value
    enter(stranger, "ada")
    assert stranger.client.get_cookie(access.COOKIE).value != before


def test_signing_out_ends_the_session_on_the_server(stranger, app):
    enter(stranger, "ada")
    kept = stranger.client.get_cookie(access.COOKIE).value
    assert stranger.post("/sign-out").location == "/sign-in"
    thief = app.test_client()
    thief.set_cookie(access.COOKIE, kept)
    assert thief.get("/").status_code == 302


def test_a_one_time_password_has_to_be_changed_first(house, stranger):
    with transaction(house) as session:
        people.add(session, world.ROOT, "newcomer", name="Newcomer", roles=["auditor"], password=FIRST)
    enter(stranger, "newcomer", FIRST)
    assert stranger.get("/audit").location == "/account/password"
    assert "You signed in with a one-time password." in words(stranger.get("/account/password"))
    short = stranger.post("/account/password", {"current": FIRST, "new": "short", "again": "short"})
    assert short.status_code == 422
    assert "This password is not accepted" in words(short)
    differ = stranger.post("/account/password", {"current": FIRST, "new": "one of four words", "again": "another"})
    assert "The two new passwords differ." in words(differ)
    chosen = {"current": FIRST, "new": "three unrelated words", "again": "three unrelated words"}
    assert stranger.post("/account/password", chosen).location == "/"
    assert stranger.get("/audit").status_code == 200


def test_a_new_password_signs_the_other_browsers_out(house, app, stranger):
    with transaction(house) as session:
        people.add(session, world.ROOT, "twice", name="Twice", roles=["auditor"], password=FIRST, must_change=False)
    other = type(stranger)(app.test_client())
    enter(other, "twice", FIRST)
    enter(stranger, "twice", FIRST)
    stranger.post("/account/password", {"current": FIRST, "new": "quite other words", "again": "quite other words"})
    assert stranger.get("/account").status_code == 200
    assert other.get("/account").status_code == 302


def test_a_form_from_elsewhere_changes_nothing(visit, house):
    ada, ria = visit("data_scientist"), visit("risk_manager")
    for token in (None, "", "0" * 64, ria.token()):
        answer = ada.client.post("/account/tokens", data={"name": "stolen", "csrf_token": token} if token else {})
        assert answer.status_code == 400
        assert "This form is no longer valid" in words(answer)
    assert "stolen" not in ada.get("/account").text


def test_the_header_of_scripts_is_taken_for_the_token(visit):
    ada = visit("data_scientist")
    answer = ada.client.post("/account/tokens", data={"name": "by script"}, headers={"X-CSRFToken": ada.token()})
    assert "by script" in answer.text


def test_a_token_is_shown_once_and_opens_what_its_person_may(app, visit):
    ada = visit("data_scientist")
    page = ada.post("/account/tokens", {"name": "nightly", "kind": "api", "days": "30"})
    secret = page.text.split('gw-secret">')[1].split("<")[0]
    assert secret not in ada.get("/account").text
    program = app.test_client()
    header = {"Authorization": f"Bearer {secret}", "Accept": "application/json"}
    assert program.get("/models", headers=header).status_code == 200
    assert program.get("/users", headers=header).status_code == 403
    assert program.get("/models", headers={**header, "Authorization": "Bearer gwt_other"}).status_code == 401


def test_a_refused_sign_in_is_a_row_of_the_log(house, stranger):
    enter(stranger, "uma", "wrong")
    with transaction(house) as session:
        (last,) = audit.entries(session, stream="person:uma", act="sign_in.refused", limit=1)
    assert last.facts["reason"] == "password"
