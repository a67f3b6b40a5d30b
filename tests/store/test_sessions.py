"""Sessions and transactions."""

from __future__ import annotations

import threading
from datetime import timedelta

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from engine import events
from engine.config import Settings
from engine.events.tables import OutboxRow
from engine.store import Store, TestClock, after_commit, execute, files, now, open_store, replayed, transaction
from engine.store.sessions import DatabaseUnreachable, put_off, sqlstate, take_back


def told(store: Store) -> int:
    with transaction(store) as session:
        return len(events.pending(session))


def test_work_is_committed_at_the_end_and_rolled_back_after_an_error(store: Store) -> None:
    with transaction(store) as session:
        events.emit(session, "thing.happened", "x")
    assert told(store) == 1

    def act() -> None:
        with transaction(store) as session:
            events.emit(session, "thing.happened", "y")
            raise KeyError

    with pytest.raises(KeyError):
        act()
    assert told(store) == 1


def test_a_transaction_has_one_instant(store: Store, clock: TestClock) -> None:
    with transaction(store) as session:
        first = now(session)
        clock.advance(timedelta(hours=1))
        assert now(session) == first
        assert first.utcoffset() == timedelta(0)
    with transaction(store) as session:
        assert now(session) == first + timedelta(hours=1)
        assert files(session) is store.files


def test_callbacks_run_after_the_commit_and_only_then(store: Store) -> None:
    seen: list[int] = []
    with transaction(store) as session:
        events.emit(session, "thing.happened", "x")
        after_commit(session, lambda: seen.append(told(store)))
        inside = session.begin_nested()
        after_commit(session, lambda: seen.append(-1))
        inside.rollback()
        assert seen == []
    assert seen == [1]

    def act() -> None:
        with transaction(store) as session:
            after_commit(session, lambda: seen.append(-2))
            raise KeyError

    with pytest.raises(KeyError):
        act()
    assert seen == [1]


def test_a_callback_that_fails_is_logged_and_stops_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    with transaction(store) as session:
        after_commit(session, lambda: 1 / 0)
        after_commit(session, lambda: seen.append("next"))
    assert seen == ["next"]
    assert "callback failed" in caplog.text


def test_two_acts_that_deadlock_both_come_through(store: Store) -> None:
    """Each locks one row, waits for the other's, and PostgreSQL ends one of them: it is replayed."""
    with transaction(store) as session:
        one, two = events.emit(session, "a", "one"), events.emit(session, "b", "two")
    meet = threading.Barrier(2)
    tries: list[str] = []

    def act(name: str, first: object, second: object) -> None:
        waited = False

        def work(session: Session) -> None:
            nonlocal waited
            tries.append(name)
            session.execute(select(OutboxRow).where(OutboxRow.id == first).with_for_update())
            if not waited:
                waited = True
                meet.wait(10)
            session.execute(select(OutboxRow).where(OutboxRow.id == second).with_for_update())
            events.emit(session, "done", name)

        replayed(store, work)

    threads = [
        threading.Thread(target=act, args=("left", one, two)),
        threading.Thread(target=act, args=("right", two, one)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tries) >= 3  # under load the one that was ended may be back before the other has its lock
    assert told(store) == 4


def test_an_act_is_replayed_five_times_and_then_fails(store: Store) -> None:
    tries: list[int] = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"))

    with pytest.raises(DBAPIError, match="again"):
        replayed(store, work)
    assert len(tries) == 6


def test_another_failure_is_not_replayed(store: Store) -> None:
    tries: list[int] = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(text("SELECT 1/0"))

    with pytest.raises(DBAPIError) as failure:
        replayed(store, work)
    assert (len(tries), sqlstate(failure.value)) == (1, "22012")


def test_a_connection_waits_five_seconds_for_a_lock_and_may_idle_thirty_inside_a_transaction(store: Store) -> None:
    with transaction(store) as session:
        shown = {
            name: session.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("lock_timeout", "idle_in_transaction_session_timeout", "application_name", "timezone")
        }
    assert shown == {
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
        "application_name": "gatewright web",
        "timezone": "UTC",
    }


def test_an_error_tells_no_values(store: Store) -> None:
    with pytest.raises(DBAPIError) as failure, transaction(store) as session:
        session.execute(text("SELECT :word / 0"), {"word": 90210})
    assert "90210" not in str(failure.value)


def test_a_database_that_does_not_answer_is_one_line(settings: Settings) -> None:
    wrong = settings.model_copy(update={"database_url": SecretStr("postgresql://ada:secret@127.0.0.1:1/none")})
    with pytest.raises(DatabaseUnreachable) as failure:
        open_store(wrong)
    assert "\n" not in str(failure.value)
    assert "secret" not in str(failure.value)


def test_a_session_that_was_cut_gives_its_connection_up(store: Store, superuser: psycopg.Connection) -> None:
    with transaction(store) as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1
    ended(superuser)
    with transaction(store) as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1

    def act() -> None:
        with transaction(store) as session:
            session.execute(text("SELECT 1"))
            ended(superuser)
            session.execute(text("SELECT 1"))

    with pytest.raises(OperationalError):
        act()


def ended(superuser: psycopg.Connection) -> None:
    """The test's own sessions are ended by the server, and gone when this returns."""
    superuser.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'gatewright web'"
    )


def test_an_act_whose_connection_is_lost_before_the_commit_is_replayed(
    store: Store, superuser: psycopg.Connection
) -> None:
    tries: list[int] = []

    def work(session: Session) -> None:
        tries.append(1)
        events.emit(session, "thing.happened", "x")
        session.flush()
        if len(tries) == 1:
            ended(superuser)
        execute(session, "SELECT %(n)s", {"n": 1})

    replayed(store, work)
    assert len(tries) == 2
    assert told(store) == 1


def test_an_act_whose_connection_is_lost_at_the_commit_is_not_replayed(
    store: Store, superuser: psycopg.Connection
) -> None:
    """Nobody knows whether it took place: done again, it might be done twice."""
    tries: list[int] = []

    def work(session: Session) -> None:
        tries.append(1)
        events.emit(session, "thing.happened", "x")
        event.listen(session, "before_commit", lambda each: ended(superuser))

    with pytest.raises(OperationalError):
        replayed(store, work)
    assert len(tries) == 1


def test_sql_that_is_written_out_fails_as_sqlalchemy_does_and_follows_savepoints(store: Store) -> None:
    with transaction(store) as session:
        with pytest.raises(DBAPIError) as failure, session.begin_nested():
            execute(session, "SELECT 1 / %(n)s", {"n": 0})
        assert (sqlstate(failure.value), failure.value.connection_invalidated) == ("22012", False)
        inside = session.begin_nested()
        execute(session, "SELECT set_config('gatewright.test', %(text)s, true)", {"text": "inside"})
        inside.rollback()
        (row,) = execute(session, "SELECT current_setting('gatewright.test', true) AS text", {})
        assert row["text"] in (None, "")


def test_what_was_put_off_goes_before_whatever_is_sent_next_and_before_its_savepoint(store: Store) -> None:
    made = "CREATE TEMPORARY TABLE %s (n integer) ON COMMIT DROP"
    count = "SELECT count(*) AS n FROM later"

    def undone(session: Session, act: str) -> None:
        inside = session.begin_nested()
        if act == "asks":
            assert execute(session, count, {}).fetchone() == {"n": 1}
        elif act == "asks by SQLAlchemy":
            assert session.scalar(text(count)) == 1
        elif act == "puts off":
            put_off(session, "INSERT INTO later VALUES (2)", {})
        inside.rollback()

    for act, unsent, rows in (("nothing", True, 0), ("asks", False, 1), ("asks by SQLAlchemy", False, 1)):
        with transaction(store) as session:
            execute(session, made % "later", {})
            put_off(session, "INSERT INTO later VALUES (%(n)s)", {"n": 1})
            undone(session, act)
            assert take_back(session) is unsent
            assert execute(session, count, {}).fetchone() == {"n": rows}
            undone(session, "puts off")
            assert not take_back(session)
    with transaction(store) as session:
        put_off(session, "INSERT INTO audit.streams (name, seq, hash) VALUES ('kept', 0, '')", {})
    with transaction(store) as session:
        assert execute(session, "SELECT seq FROM audit.streams WHERE name = 'kept'", {}).fetchone() == {"seq": 0}
