"""Forgetting what a row says, for personal data."""

from __future__ import annotations

import psycopg
import pytest

from engine import audit
from engine.audit.erasure import ErasureRefused, NothingToErase
from engine.store import Store, transaction
from engine.store.postgres import EmbeddedPostgres


@pytest.fixture
def eraser(cluster: EmbeddedPostgres, store: Store) -> str:
    assert store.engine.url.database is not None
    return cluster.url("eraser", store.engine.url.database)


def given_a_row(store: Store) -> None:
    with transaction(store) as session:
        audit.record(session, "person:ada", "person.added", actor="root", subject="ada", email="ada@example.org")


def test_an_erased_content_is_gone_and_the_chain_still_verifies(store: Store, eraser: str) -> None:
    given_a_row(store)
    audit.checkpoint(store)
    # Characters that RFC 8785 and PostgreSQL each escape: both must write the same bytes.
    reason = 'she asked "today",\n\t\x07 é \U0001f600 \\ \x7f </script>'
    assert audit.erase(eraser, "person:ada", 1, by="root", reason=reason) == 1
    with transaction(store) as session:
        (row,) = audit.entries(session, stream="person:ada")
        (told,) = audit.entries(session, stream="system")
    assert (row.erased, row.actor, row.subject, row.facts, row.act) == (True, "", "", {}, "person.added")
    assert (told.act, told.actor, told.subject) == ("audit.erased", "root", "person:ada#1")
    assert told.facts == {"reason": reason, "role": "gatewright_eraser"}
    report = audit.verify(store)
    assert report.intact, report.lines()
    audit.checkpoint(store)
    with transaction(store) as session:
        audit.record(session, "system", "thing.done", actor="ada")
    assert audit.verify(store).intact


def test_an_erasure_writes_canonical_bytes(store: Store, eraser: str, superuser: psycopg.Connection) -> None:
    from engine.audit import chain

    given_a_row(store)
    reason = "".join(chr(code) for code in range(1, 0x250)) + "\u2028\u2029\uffff"
    audit.erase(eraser, "person:ada", 1, by="root", reason=reason)
    content = superuser.execute("SELECT payload FROM audit.payloads WHERE stream = 'system'").fetchone()
    assert content is not None
    facts = chain.read(content[0])
    assert facts is not None
    assert chain.canonical(facts) == content[0]
    assert facts["facts"]["reason"] == reason


def test_what_is_not_there_cannot_be_erased(store: Store, eraser: str) -> None:
    given_a_row(store)
    audit.erase(eraser, "person:ada", 1, by="root", reason="asked")
    with pytest.raises(NothingToErase):
        audit.erase(eraser, "person:ada", 1, by="root", reason="asked")
    with pytest.raises(NothingToErase):
        audit.erase(eraser, "person:eve", 1, by="root", reason="asked")


def test_an_erasure_needs_a_person_a_reason_and_the_right_role(store: Store, eraser: str) -> None:
    given_a_row(store)
    with pytest.raises(ErasureRefused, match="a person and a reason"):
        audit.erase(eraser, "person:ada", 1, by="root", reason="")
    application = store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with pytest.raises(ErasureRefused, match="permission denied"):
        audit.erase(application, "person:ada", 1, by="root", reason="asked")


def test_the_eraser_may_do_nothing_else(store: Store, eraser: str) -> None:
    given_a_row(store)
    with psycopg.connect(eraser, autocommit=True) as connection:
        for statement in (
            "SELECT * FROM audit.payloads",
            "UPDATE audit.payloads SET payload = NULL",
            "SELECT * FROM identity.people",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
