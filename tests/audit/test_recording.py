"""Rows are written with the commit of what they tell of, in two statements at most."""

from __future__ import annotations

import threading
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from engine import audit
from engine.audit import chain
from engine.errors import GatewrightError
from engine.store import Store, TestClock, execute, replayed, transaction
from engine.store.postgres import EmbeddedPostgres
from tests.statements import heard


def test_rows_are_there_after_the_commit(store: Store) -> None:
    with transaction(store) as session:
        audit.record(session, "model:credit", "model.registered", actor="ada", subject="credit", team="risk")
        audit.record(session, "model:credit", "model.edited", actor="ada", subject="credit")
    with transaction(store) as session:
        newest, first = audit.entries(session, stream="model:credit")
    assert (first.seq, first.act, first.facts["team"]) == (1, "model.registered", "risk")
    assert newest.seq == 2


def test_rows_go_as_parts_of_their_callers_statement(store: Store) -> None:
    with transaction(store) as session:
        audit.open_stream(session, "model:credit")
        audit.record(session, "model:credit", "model.registered", actor="ada")
        audit.record(session, "system", "thing.done", actor="ada")
        parts = audit.parts(session)
        assert parts is not None
        assert audit.parts(session) is None
        execute(session, f"WITH {parts.statement} SELECT 1", parts.parameters)
        audit.record(session, "model:credit", "model.edited", actor="ada")
    with transaction(store) as session:
        assert [each.seq for each in audit.entries(session, stream="model:credit")] == [2, 1]
        assert audit.count(session) == 3
    assert audit.verify(store).findings == ()


def test_what_waited_before_a_savepoint_outlives_it_though_it_was_written_inside(store: Store) -> None:
    with transaction(store) as session:
        audit.open_stream(session, "model:credit")
        audit.record(session, "model:credit", "model.registered", actor="ada")
        savepoint = session.begin_nested()
        audit.record(session, "model:credit", "model.edited", actor="ada")
        parts = audit.parts(session)
        assert parts is not None
        execute(session, f"WITH {parts.statement} SELECT 1", parts.parameters)
        savepoint.rollback()
    with transaction(store) as session:
        assert [each.act for each in audit.entries(session, stream="model:credit")] == ["model.registered"]


def test_a_rollback_takes_the_rows_with_it(store: Store) -> None:
    def act() -> None:
        with transaction(store) as session:
            audit.record(session, "system", "thing.done", actor="ada")
            raise KeyError("something else went wrong")

    with pytest.raises(KeyError):
        act()
    with transaction(store) as session:
        assert audit.count(session) == 0


def test_a_savepoint_that_fails_takes_its_own_rows_only(store: Store) -> None:
    with transaction(store) as session:
        audit.record(session, "system", "before.it", actor="ada")
        inside = session.begin_nested()
        audit.record(session, "system", "inside.it", actor="ada")
        inside.rollback()
        with session.begin_nested():
            audit.record(session, "system", "inside.another", actor="ada")
        audit.record(session, "system", "after.it", actor="ada")
    with transaction(store) as session:
        assert [entry.act for entry in audit.entries(session)] == ["after.it", "inside.another", "before.it"]
    assert audit.verify(store).intact


def test_two_statements_write_any_number_of_rows(
    store: Store, cluster: EmbeddedPostgres, superuser: psycopg.Connection
) -> None:
    with heard(cluster, store, superuser) as seen, transaction(store) as session:
        for number in range(8):
            audit.record(session, f"instance:{number % 3}", "step.taken", actor="worker", number=number)
    assert len(seen.statements) == 2


def test_an_adopted_head_saves_the_first_statement(
    store: Store, cluster: EmbeddedPostgres, superuser: psycopg.Connection
) -> None:
    with transaction(store) as session:
        audit.record(session, "instance:1", "instance.started", actor="ada")
    with heard(cluster, store, superuser) as seen, transaction(store) as session:
        name, seq, hash_ = session.execute(text("SELECT name, seq, hash FROM audit.streams FOR UPDATE")).one()
        audit.adopt(session, name, seq, hash_)
        audit.record(session, "instance:1", "step.taken", actor="worker")
    assert len(seen.statements) == 2  # the caller's own, and the one that writes
    assert audit.verify(store).intact


def test_a_new_stream_saves_it_too_and_one_that_exists_is_refused(
    store: Store, cluster: EmbeddedPostgres, superuser: psycopg.Connection
) -> None:
    with heard(cluster, store, superuser) as seen, transaction(store) as session:
        audit.open_stream(session, "instance:1")
        audit.record(session, "instance:1", "instance.started", actor="ada")
    assert len(seen.statements) == 1

    def act() -> None:
        with transaction(store) as session:
            audit.open_stream(session, "instance:1")
            audit.record(session, "instance:1", "instance.started", actor="ada")

    with pytest.raises(DBAPIError):
        act()


def test_writers_of_one_stream_take_turns(store: Store) -> None:
    def work(number: int) -> None:
        for _ in range(10):
            replayed(
                store,
                lambda session: [
                    audit.record(session, stream, "thing.done", actor=f"p{number}") for stream in ("b", "a", "c")
                ],
            )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = audit.verify(store)
    assert report.intact, report.lines()
    assert report.rows == 120


def test_the_time_is_the_transactions_and_a_test_clock_is_marked(store: Store, clock: TestClock) -> None:
    with transaction(store) as session:
        audit.record(session, "system", "thing.done", actor="ada")
        clock.advance(timedelta(hours=1))
        audit.record(session, "system", "thing.done", actor="ada")
    with transaction(store) as session:
        one, two = audit.entries(session)
    assert one.at == two.at == clock.now() - timedelta(hours=1)
    assert one.facts == {"made_up_time": True}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "NaN"),
        (2**60, "bounds"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        ("\ud800", "UTF-8"),
        ({1: "a"}, "str"),
        ("x" * 70_000, "limit"),
    ],
)
def test_what_is_no_json_value_is_refused_at_once_and_named(store: Store, value: object, reason: str) -> None:
    with pytest.raises(chain.FactNotRecordable, match="'weight'"), transaction(store) as session:
        audit.record(session, "system", "thing.done", actor="ada", good=1, weight=value)


@pytest.mark.parametrize("field", ["actor", "subject", "stream"])
def test_a_nul_character_is_refused(store: Store, field: str) -> None:
    words = {"stream": "system", "actor": "ada", "subject": "x"} | {field: "a\x00b"}
    with pytest.raises(chain.FactNotRecordable), transaction(store) as session:
        audit.record(session, words["stream"], "thing.done", actor=words["actor"], subject=words["subject"])


def test_a_refused_act_is_a_row_of_its_own(store: Store) -> None:
    class OwnWork(GatewrightError):
        """{person} asked for it."""

    def act() -> None:
        with audit.attempted(store, "model:credit", "approval.give", actor="ada", subject="credit@1") as session:
            audit.record(session, "model:credit", "approval.given", actor="ada")
            raise OwnWork(person="ada")

    with pytest.raises(OwnWork):
        act()
    with transaction(store) as session:
        (entry,) = audit.entries(session, stream="model:credit")
    assert (entry.act, entry.actor, entry.subject) == ("approval.give.refused", "ada", "credit@1")
    assert "ada asked for it" in entry.facts["reason"]


def test_rows_are_found_by_who_what_and_when(store: Store, clock: TestClock) -> None:
    second = clock.now() + timedelta(minutes=1)
    told = [("ada", "model.registered", "a"), ("bob", "model.edited", "b"), ("ada", "task.done", "a")]
    for actor, act, subject in told:
        with transaction(store) as session:
            audit.record(session, "system", act, actor=actor, subject=subject)
        clock.advance(timedelta(minutes=1))
    with transaction(store) as session:
        assert [e.act for e in audit.entries(session, actor="ada")] == ["task.done", "model.registered"]
        assert [e.act for e in audit.entries(session, act="model.")] == ["model.edited", "model.registered"]
        assert [e.act for e in audit.entries(session, act="model.edited")] == ["model.edited"]
        assert [e.act for e in audit.entries(session, subject="a", limit=1, offset=1)] == ["model.registered"]
        assert [e.act for e in audit.entries(session, after=second)] == [
            "task.done",
            "model.edited",
        ]
        assert [e.act for e in audit.entries(session, before=second)] == ["model.registered"]
        assert audit.count(session, actor="ada") == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit.entries SET hash = ''",
        "DELETE FROM audit.entries",
        "TRUNCATE audit.entries",
        "UPDATE audit.payloads SET act = ''",
        "DELETE FROM audit.payloads",
        "DELETE FROM audit.streams",
        "UPDATE audit.streams SET name = ''",
        "UPDATE audit.streams SET seq = seq - 1",
        "DELETE FROM audit.checkpoints",
        "UPDATE audit.checkpoint_heads SET seq = 1",
        "INSERT INTO audit.erasures VALUES ('system', 1, now(), 'x')",
        "SELECT audit.erase('system', 1, 'ada', 'because')",
        "DROP TRIGGER append_only ON audit.entries",
        "SET session_replication_role = replica",
        "ALTER TABLE audit.entries DISABLE TRIGGER ALL",
    ],
)
def test_the_application_may_only_read_and_add(store: Store, statement: str) -> None:
    with transaction(store) as session:
        audit.record(session, "system", "thing.done", actor="ada")
    refused = r"permission denied|must be owner|forward only"
    with pytest.raises(ProgrammingError, match=refused), transaction(store) as session:
        session.execute(text(statement))
