"""Tokens for programs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from engine.identity import NotPermitted, queries, tokens
from engine.store import Store, TestClock, transaction
from tests.identity.test_people import ROOT, given_a_person


def test_a_token_stands_for_its_person_and_its_scopes(store: Store) -> None:
    ada = given_a_person(store, "ada", "data_scientist")
    with transaction(store) as session:
        token, secret = tokens.issue(session, ada, name="batch", scopes=["score:credit:production"])
    with transaction(store) as session:
        bearer = tokens.resolve(session, secret)
        assert bearer is not None
        assert bearer.person == ada
        assert bearer.token == token.id
        assert bearer.may("score:credit:production")
        assert not bearer.may("score:credit:staging")
        assert not bearer.may("api")
        assert tokens.resolve(session, secret + "x") is None


def test_the_secret_is_kept_nowhere(store: Store) -> None:
    ada = given_a_person(store, "ada", "data_scientist")
    with transaction(store) as session:
        _, secret = tokens.issue(session, ada, name="mine", scopes=["api"])
    with transaction(store) as session:
        kept = session.execute(text("SELECT t::text FROM identity.tokens t")).scalars().all()
        kept += session.execute(text("SELECT convert_from(payload, 'UTF8') FROM audit.payloads")).scalars().all()
    assert not [row for row in kept if secret[4:] in row]


def test_a_token_ends(store: Store, clock: TestClock) -> None:
    ada = given_a_person(store, "ada", "data_scientist")
    with transaction(store) as session:
        _, secret = tokens.issue(session, ada, name="mine", scopes=["api"], ends_at=clock.now() + timedelta(days=1))
        assert tokens.resolve(session, secret) is not None
    clock.advance(timedelta(days=1))
    with transaction(store) as session:
        assert tokens.resolve(session, secret) is None


def test_a_token_is_revoked_by_its_person_or_an_admin(store: Store) -> None:
    ada, bob = given_a_person(store, "ada", "data_scientist"), given_a_person(store, "bob", "developer")
    with transaction(store) as session:
        first, secret = tokens.issue(session, ada, name="one", scopes=["api"])
        second, _ = tokens.issue(session, ada, name="two", scopes=["api"])
    with pytest.raises(NotPermitted), transaction(store) as session:
        tokens.revoke(session, bob, first.id)
    with transaction(store) as session:
        tokens.revoke(session, ada, first.id)
        tokens.revoke(session, ROOT, second.id)
    with transaction(store) as session:
        assert tokens.resolve(session, secret) is None
        assert tokens.listing(session, "ada") == []
        with pytest.raises(tokens.TokenUnknown):
            tokens.revoke(session, ada, first.id)


@pytest.mark.parametrize("scope", ["", "root", "score", "score:credit", "score:*:production", "score:a:b:c", "api\n"])
def test_a_scope_that_does_not_exist_is_refused(store: Store, scope: str) -> None:
    ada = given_a_person(store, "ada", "data_scientist")
    with pytest.raises(tokens.ScopeUnknown), transaction(store) as session:
        tokens.issue(session, ada, name="x", scopes=[scope] if scope else [])


def test_a_scoring_token_is_for_who_may_score(store: Store) -> None:
    auditor = given_a_person(store, "aud", "auditor")
    with pytest.raises(NotPermitted), transaction(store) as session:
        tokens.issue(session, auditor, name="x", scopes=["score:credit:production"])


def test_a_use_is_noted_once_a_minute(store: Store, clock: TestClock) -> None:
    ada = given_a_person(store, "ada", "data_scientist")
    with transaction(store) as session:
        _, secret = tokens.issue(session, ada, name="mine", scopes=["api"])
    first = clock.now()
    for _ in range(3):
        with transaction(store) as session:
            tokens.resolve(session, secret)
        clock.advance(timedelta(seconds=25))
    with transaction(store) as session:
        assert tokens.listing(session, "ada")[0].used_at == first
        assert queries.get(session, "ada") == ada
