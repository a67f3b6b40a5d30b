"""Signing in, and what slows down who guesses."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine import audit
from engine.identity import passwords, sign_in
from engine.store import Store, TestClock, transaction
from tests.identity.test_people import WORD, given_a_person


def test_a_wrong_password_and_an_unknown_name_are_told_apart_by_nobody(store: Store) -> None:
    given_a_person(store, "ada")
    with pytest.raises(sign_in.SignInRefused) as wrong:
        sign_in.authenticate(store, "ada", "no")
    with pytest.raises(sign_in.SignInRefused) as unknown:
        sign_in.authenticate(store, "eve", WORD)
    assert str(wrong.value) == str(unknown.value)


def test_refused_sign_ins_are_in_the_log_and_what_was_typed_is_not(store: Store) -> None:
    given_a_person(store, "ada")
    for name in ("ada", "my-secret-typed-in-the-wrong-field"):
        with pytest.raises(sign_in.SignInRefused):
            sign_in.authenticate(store, name, "no", address="192.0.2.7")
    with transaction(store) as session:
        refused = audit.entries(session, act="sign_in.refused")
    assert {(e.stream, e.actor, e.facts["address"]) for e in refused} == {
        ("person:ada", "ada", "192.0.2.7"),
        ("system", "unknown", "192.0.2.7"),
    }
    assert "secret" not in str(refused)


def test_ten_failures_close_an_account_for_a_quarter_of_an_hour(store: Store, clock: TestClock) -> None:
    given_a_person(store, "ada")
    for _ in range(sign_in.PER_ACCOUNT):
        with pytest.raises(sign_in.SignInRefused):
            sign_in.authenticate(store, "ada", "no")
    with pytest.raises(sign_in.TooManySignIns, match="15 minutes"):
        sign_in.authenticate(store, "ada", WORD)
    clock.advance(timedelta(minutes=15, seconds=1))
    assert sign_in.authenticate(store, "ada", WORD).id == "ada"


def test_an_address_that_tries_many_accounts_is_slowed_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "PER_ADDRESS", 3)
    given_a_person(store, "ada")
    for n in range(3):
        with pytest.raises(sign_in.SignInRefused):
            sign_in.authenticate(store, f"guess{n}", "no", address="192.0.2.9")
    with pytest.raises(sign_in.TooManySignIns):
        sign_in.authenticate(store, "ada", WORD, address="192.0.2.9")
    assert sign_in.authenticate(store, "ada", WORD, address="192.0.2.10").id == "ada"


def test_a_success_forgets_the_failures_of_the_account(store: Store) -> None:
    given_a_person(store, "ada")
    for _ in range(3):
        for _ in range(sign_in.PER_ACCOUNT - 1):
            with pytest.raises(sign_in.SignInRefused):
                sign_in.authenticate(store, "ada", "no")
        sign_in.authenticate(store, "ada", WORD)


def test_old_failures_are_forgotten(store: Store, clock: TestClock) -> None:
    with pytest.raises(sign_in.SignInRefused):
        sign_in.authenticate(store, "ada", "no")
    with transaction(store) as session:
        assert sign_in.forget_old_failures(session) == 0
    clock.advance(timedelta(minutes=16))
    with transaction(store) as session:
        assert sign_in.forget_old_failures(session) == 1


@pytest.mark.parametrize("name", ["ada\x00", "\ud800", "", "a" * 10_000])
def test_hostile_names_are_refused_as_any_other(store: Store, name: str) -> None:
    with pytest.raises(sign_in.SignInRefused):
        sign_in.authenticate(store, name, "no")


def test_a_password_is_kept_as_argon2id_with_the_recommended_parameters() -> None:
    kept = passwords.hashed(WORD, person="ada")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(WORD, kept)
    assert not passwords.matches(WORD + "x", kept)
    assert not passwords.matches(WORD, None)
    assert not passwords.outdated(kept)
    assert passwords.outdated("$argon2id$v=19$m=1024,t=1,p=1$" + kept.rsplit("$", 2)[1] + "$" + kept.rsplit("$", 1)[1])


def test_an_accent_composed_in_two_ways_is_the_same_password() -> None:
    kept = passwords.hashed("caf\u00e9 au lait, trois", person="ada")
    assert passwords.matches("cafe\u0301 au lait, trois", kept)


@pytest.mark.parametrize("word", ["short", "a" * 300, "ababababababab", "ada-lovelace-1815"])
def test_weak_passwords_are_refused_with_their_reason(word: str) -> None:
    with pytest.raises(passwords.PasswordTooWeak):
        passwords.hashed(word, person="ada")
