"""People: added, edited, disabled, each by someone who may."""

from __future__ import annotations

import pytest

from engine import audit
from engine.identity import NotPermitted, Person, browser_sessions, passwords, people, queries, sign_in, tokens
from engine.store import Store, transaction

ROOT = Person(id="root", name="Root", roles=frozenset({"admin"}))
ADA = Person(id="ada", name="Ada", roles=frozenset({"data_scientist"}))
WORD = "correct horse battery"


def given_a_person(store: Store, id: str, *roles: str, password: str = WORD) -> Person:
    with transaction(store) as session:
        return people.add(session, ROOT, id, name=id.title(), roles=roles, password=password, must_change=False)


def acts_of(store: Store, id: str) -> list[str]:
    with transaction(store) as session:
        return [entry.act for entry in audit.entries(session, stream=f"person:{id}")]


def test_a_person_who_was_added_signs_in(store: Store) -> None:
    given_a_person(store, "ada", "data_scientist")
    person = sign_in.authenticate(store, "ada", WORD, address="192.0.2.1")
    assert (person.id, person.roles) == ("ada", {"data_scientist"})
    assert set(acts_of(store, "ada")) == {"sign_in.succeeded", "person.added"}


def test_only_an_admin_adds_people(store: Store) -> None:
    with pytest.raises(NotPermitted), transaction(store) as session:
        people.add(session, ADA, "eve", name="Eve")


@pytest.mark.parametrize(
    "id", ["", "A", "a", "clock", "system", "ada lovelace", "ada\n", "1ada", "ada-", "a" * 65, "release"]
)
def test_a_login_name_is_a_slug(store: Store, id: str) -> None:
    with pytest.raises(people.LoginNameRefused), transaction(store) as session:
        people.add(session, ROOT, id, name="x")


def test_a_role_that_does_not_exist_is_answered_with_the_known_ones(store: Store) -> None:
    with pytest.raises(people.RoleUnknown, match="risk_manager"), transaction(store) as session:
        people.add(session, ROOT, "ada", name="Ada", roles=["boss"])


def test_a_login_name_is_given_once(store: Store) -> None:
    given_a_person(store, "ada")
    with pytest.raises(people.PersonExists):
        given_a_person(store, "ada")


def test_the_first_admin_is_made_once_and_has_to_change_the_password(store: Store) -> None:
    word = people.first_admin(store)
    assert word is not None
    assert people.first_admin(store) is None
    admin = sign_in.authenticate(store, "admin", word)
    assert admin.roles == {"admin"}
    assert admin.must_change_password
    with transaction(store) as session:
        people.set_password(session, admin, "admin", WORD)
    assert not sign_in.authenticate(store, "admin", WORD).must_change_password


def test_the_last_admin_stays(store: Store) -> None:
    given_a_person(store, "adm", "admin")
    with pytest.raises(people.LastAdmin), transaction(store) as session:
        people.disable(session, ROOT, "adm")
    with pytest.raises(people.LastAdmin), transaction(store) as session:
        people.edit(session, ROOT, "adm", roles=["auditor"])
    given_a_person(store, "second", "admin")
    with transaction(store) as session:
        assert people.edit(session, ROOT, "adm", roles=["auditor"]).roles == {"auditor"}


def test_an_edit_tells_what_was_before(store: Store) -> None:
    given_a_person(store, "ada", "data_scientist")
    with transaction(store) as session:
        people.edit(session, ROOT, "ada", name="Ada L.", roles=["risk_manager"])
    with transaction(store) as session:
        entry = audit.entries(session, stream="person:ada", act="person.edited")[0]
        assert queries.get(session, "ada").name == "Ada L."
    assert entry.facts["roles_before"] == ["data_scientist"]
    assert entry.facts["roles"] == ["risk_manager"]


def test_a_disabled_person_is_out_at_once(store: Store) -> None:
    ada = given_a_person(store, "ada", "data_scientist")
    with transaction(store) as session:
        cookie = browser_sessions.begin(session, "ada", address="192.0.2.1", agent="x")
        _, secret = tokens.issue(session, ada, name="mine", scopes=["api"])
    with transaction(store) as session:
        people.disable(session, ROOT, "ada")
    with transaction(store) as session:
        assert browser_sessions.resolve(session, cookie) is None
        assert tokens.resolve(session, secret) is None
    with pytest.raises(sign_in.SignInRefused):
        sign_in.authenticate(store, "ada", WORD)
    with transaction(store) as session:
        people.enable(session, ROOT, "ada")
        assert tokens.resolve(session, secret) is None
    assert sign_in.authenticate(store, "ada", WORD).id == "ada"


def test_a_new_password_ends_the_sessions_of_its_person(store: Store) -> None:
    ada = given_a_person(store, "ada")
    with transaction(store) as session:
        cookie = browser_sessions.begin(session, "ada", address="", agent="")
    with transaction(store) as session:
        people.set_password(session, ada, "ada", "another good password")
    with transaction(store) as session:
        assert browser_sessions.resolve(session, cookie) is None


def test_nobody_sets_the_password_of_another_but_an_admin(store: Store) -> None:
    ada = given_a_person(store, "ada")
    given_a_person(store, "bob")
    with pytest.raises(NotPermitted), transaction(store) as session:
        people.set_password(session, ada, "bob", "another good password")
    with transaction(store) as session:
        assert people.set_password(session, ROOT, "bob", "another good password").must_change_password


def test_people_are_found_by_name_and_role(store: Store) -> None:
    given_a_person(store, "ada", "data_scientist", "risk_manager")
    given_a_person(store, "bob", "auditor")
    with transaction(store) as session:
        assert [p.id for p in queries.listing(session)] == ["ada", "bob"]
        assert [p.id for p in queries.listing(session, search="AD")] == ["ada"]
        assert [p.id for p in queries.listing(session, search="%")] == []
        assert [p.id for p in queries.listing(session, role="auditor")] == ["bob"]
        with pytest.raises(queries.PersonUnknown):
            queries.get(session, "eve")


def test_a_password_with_the_login_name_in_it_needs_more_beside_it():
    """But three letters of it turn up in a random password by chance, and that one is good."""
    for refused in ("ada-ada-ada-ada", "adaspassword", "ADAadaADAada12"):
        with pytest.raises(passwords.PasswordTooWeak):
            passwords.hashed(refused, person="ada")
    assert passwords.hashed("kx9-vadaWq4Lm0Rt2zEg", person="ada")
