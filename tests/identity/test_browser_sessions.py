"""Browsers that are signed in."""

from __future__ import annotations

from datetime import timedelta

from engine.identity import browser_sessions
from engine.store import Store, TestClock, transaction
from tests.identity.test_people import given_a_person


def begun(store: Store, person: str) -> str:
    with transaction(store) as session:
        return browser_sessions.begin(session, person, address="192.0.2.1", agent="browser")


def alive(store: Store, secret: str) -> bool:
    with transaction(store) as session:
        return browser_sessions.resolve(session, secret) is not None


def test_a_session_ends_after_an_idle_hour(store: Store, clock: TestClock) -> None:
    given_a_person(store, "ada")
    secret = begun(store, "ada")
    clock.advance(timedelta(minutes=59))
    assert alive(store, secret)
    clock.advance(timedelta(minutes=59))
    assert alive(store, secret)
    clock.advance(timedelta(minutes=61))
    assert not alive(store, secret)


def test_a_session_ends_after_twelve_hours_however_busy(store: Store, clock: TestClock) -> None:
    given_a_person(store, "ada")
    secret = begun(store, "ada")
    for _ in range(23):
        clock.advance(timedelta(minutes=30))
        assert alive(store, secret)
    clock.advance(timedelta(minutes=31))
    assert not alive(store, secret)


def test_a_session_is_revoked_by_its_person_only(store: Store) -> None:
    ada, bob = given_a_person(store, "ada"), given_a_person(store, "bob")
    one, two = begun(store, "ada"), begun(store, "ada")
    with transaction(store) as session:
        listed = browser_sessions.listing(session, ada)
        assert len(listed) == 2
        found = browser_sessions.resolve(session, one)
        assert found is not None
        assert not browser_sessions.revoke(session, bob.id, found.digest)
        assert browser_sessions.revoke(session, ada.id, found.digest)
    assert not alive(store, one)
    assert alive(store, two)


def test_ended_sessions_are_forgotten_a_day_later(store: Store, clock: TestClock) -> None:
    given_a_person(store, "ada")
    begun(store, "ada")
    clock.advance(timedelta(hours=13))
    with transaction(store) as session:
        assert browser_sessions.forget_ended(session) == 0
    clock.advance(timedelta(hours=24))
    with transaction(store) as session:
        assert browser_sessions.forget_ended(session) == 1
