"""The group writer: what was taken gets into the table, once, whatever happens meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from engine.inferences import log as log_module
from engine.inferences import queries, refusals, rows, spool
from engine.inferences.inference import Answered
from engine.inferences.log import InferenceLog
from engine.inferences.queries import Window
from engine.inferences.tables import InferenceRow
from engine.store import Store, new_id, transaction
from engine.store.postgres import EmbeddedPostgres
from tests.statements import heard

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
UNKNOWN = uuid4()
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def answered(n_rows: int = 1, **changed: Any) -> Answered:
    """A request to credit@1 with its answers."""
    facts: dict[str, Any] = {
        "request": uuid4(),
        "logged_at": AT,
        "model": "credit",
        "version": 1,
        "environment": "production",
        "deployment": uuid4(),
        "caller": "ada",
        "latency_us": 1500,
        "ids": [new_id() for _ in range(n_rows)],
        "event_times": [AT - timedelta(days=n) for n in range(n_rows)],
        "references": [f"row {n}\twith a tab, a \\ and a 'quote'\r\n" for n in range(n_rows)],
        "inputs": [{"age": 41 + n, "job": "ä\n\\N\u2028"} for n in range(n_rows)],
        "scores": [0.25] * n_rows,
        "decisions": ["refuse"] * n_rows,
        "outputs": [{"reasons": ["too young"]}] * n_rows,
    }
    return Answered(**(facts | changed))


def stored(store: Store) -> int:
    with transaction(store) as session:
        return session.scalar(select(func.count()).select_from(InferenceRow)) or 0


@pytest.fixture
def log(store: Store) -> Iterator[InferenceLog]:
    opened = InferenceLog(store)
    opened.start()
    yield opened
    opened.drain(5)


def test_an_inference_comes_back_as_it_was_offered(store: Store, log: InferenceLog) -> None:
    made = answered(3)
    assert log.offer(made)
    assert log.drain().written == 3
    with transaction(store) as session:
        assert [queries.get(session, id) for id in made.ids] == list(made.inferences())


@hypothesis.settings(
    max_examples=25, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(texts, st.none() | texts, st.none() | st.floats(allow_nan=False)), min_size=1, max_size=20))
def test_whatever_a_caller_writes_comes_back(store: Store, drawn: list[tuple[str, str | None, float | None]]) -> None:
    """The text form of COPY is ours: separators, escapes and nulls must not be told by what callers write."""
    made = answered(
        len(drawn),
        caller=drawn[0][0],
        event_times=[None] * len(drawn),
        references=[reference for _, reference, _ in drawn],
        inputs=[{text: [text, reference]} for text, reference, _ in drawn],
        scores=[score for _, _, score in drawn],
        decisions=[text for text, _, _ in drawn],
        outputs=None,
    )
    with transaction(store) as session:
        connection = session.connection().connection.driver_connection
        assert isinstance(connection, psycopg.Connection)
        rows.copy(connection, [made])
        assert [queries.get(session, id) for id in made.ids] == list(made.inferences())


def test_an_unknown_id_is_named(store: Store) -> None:
    with transaction(store) as session, pytest.raises(queries.InferenceUnknown, match=str(UNKNOWN)):
        queries.get(session, UNKNOWN)


def test_groups_are_written_without_being_asked(store: Store, log: InferenceLog) -> None:
    log.offer(answered())
    ends = time.monotonic() + 30
    while log.figures().written < 1 and time.monotonic() < ends:
        time.sleep(0.01)
    assert stored(store) == 1


def test_many_small_requests_share_few_commits(store: Store, log: InferenceLog) -> None:
    for position in range(400):
        log.offer(answered(event_times=[AT - timedelta(days=position)]))
    figures = log.drain()
    assert figures.written == 400
    assert figures.groups <= 20


def test_a_full_queue_takes_nothing_and_says_so(store: Store) -> None:
    log = InferenceLog(store, capacity_rows=10)  # not started: nothing leaves the queue
    assert log.offer(answered(8))
    assert not log.offer(answered(3))
    assert log.offer(answered(2))
    assert log.figures().waiting == 10


def test_a_request_larger_than_the_queue_is_taken_when_the_queue_is_empty(store: Store) -> None:
    log = InferenceLog(store, capacity_rows=2)
    assert log.offer(answered(5))


def test_after_the_end_nothing_is_taken(store: Store, log: InferenceLog) -> None:
    log.drain()
    assert not log.offer(answered())


def test_a_durable_answer_comes_after_the_commit(store: Store, log: InferenceLog) -> None:
    committed = threading.Event()
    seen: list[int] = []
    log.offer(answered(), lambda: (seen.append(stored(store)), committed.set()))  # type: ignore[func-returns-value]
    assert committed.wait(30)
    assert seen == [1]


def test_rows_wait_while_the_database_is_away_and_none_is_lost(
    store: Store, log: InferenceLog, cluster: EmbeddedPostgres
) -> None:
    name = store.engine.url.database
    with psycopg.connect(cluster.url("admin", "postgres"), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name])
        log.offer(answered(5))
        ends = time.monotonic() + 30
        while not log.figures().failures and time.monotonic() < ends:
            time.sleep(0.01)
        assert log.figures().failures
        assert log.figures().waiting == 5
        admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
    assert log.drain().written == 5
    assert stored(store) == 5


def test_a_commit_whose_answer_was_lost_is_not_written_twice(
    store: Store, log: InferenceLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection dies after the commit: the group is tried again and finds its rows there."""
    commit, lost = InferenceLog._commit, []

    def commit_then_lose(self: InferenceLog, *given: Any) -> None:
        commit(self, *given)
        if not lost:
            lost.append(True)
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(InferenceLog, "_commit", commit_then_lose)
    log.offer(answered(5))
    log.drain()
    assert lost
    assert stored(store) == 5


def test_what_cannot_be_written_at_the_end_is_kept_and_read_at_the_next_start(
    store: Store, log: InferenceLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise psycopg.OperationalError("the database is away")

    made = answered(4)
    with monkeypatch.context() as during:
        during.setattr(log_module.rows, "copy", away)
        during.setattr(log_module.rows, "insert_again", away)
        log.offer(made)
        figures = log.drain(0.5)
    assert (figures.written, figures.kept) == (0, 4)
    after = InferenceLog(store)
    after.start()
    after.drain()
    with transaction(store) as session:
        assert [queries.get(session, id) for id in made.ids] == list(made.inferences())
    assert spool.waiting(store.settings.home / "unwritten-inferences") == []


def test_a_row_that_the_database_refuses_does_not_take_its_group_along(store: Store, log: InferenceLog) -> None:
    """It is kept in a file, with its id, since its caller has its answer."""
    made = answered(7, references=[None, None, None, "NUL \0 is no text of PostgreSQL", None, None, None])
    log.offer(made)
    figures = log.drain()
    assert (figures.written, figures.kept) == (6, 1)
    (file,) = spool.waiting(store.settings.home / "unwritten-inferences")
    assert [each.id for each in spool.read(file)] == [made.ids[3]]


def test_a_damaged_file_of_kept_rows_stops_the_start_and_is_named(store: Store) -> None:
    folder = store.settings.home / "unwritten-inferences"
    spool.keep(folder, "one", list(answered().inferences()))
    with (folder / "one.jsonl").open("ab") as stream:
        stream.write(b'{"id": "cut off')
    with pytest.raises(spool.SpoolUnreadable, match=r"one\.jsonl, line 2"):
        InferenceLog(store).start()
    assert (folder / "one.jsonl").exists()


def test_refused_requests_are_counted_by_hour_and_reason(store: Store, log: InferenceLog) -> None:
    for minute, code, status in ((1, "input-invalid", 422), (59, "input-invalid", 422), (30, "scorer-busy", 503)):
        moment = AT.replace(minute=minute)
        log.refused(refusals.at(moment, model="credit", environment="production", code=code, status=status))
    log.offer(answered(2))
    log.drain()
    with transaction(store) as session:
        found = queries.requests(session, "credit")
        later = queries.requests(session, "credit", since=AT + timedelta(hours=1))
    assert (found.answered, found.refused, found.failed) == (1, 2, 1)
    assert found.by_code == {"input-invalid": 2, "scorer-busy": 1}
    assert found.error_rate == 0.5
    assert (later.answered, later.failed, later.error_rate) == (0, 0, None)


def test_a_group_costs_two_statements_beside_its_transaction(
    store: Store, log: InferenceLog, cluster: EmbeddedPostgres, superuser: psycopg.Connection
) -> None:
    written = threading.Event()
    log.offer(answered(), written.set)  # the version's reference is looked up, and is not there
    assert written.wait(20)
    with heard(cluster, store, superuser) as said:
        log.offer(answered(500))
        log.drain()
    # Beside the rows the answer times are counted.
    assert [each.split(" (")[0] for each in said.statements] == [
        "COPY inferences.inferences",
        "INSERT INTO inferences.outcome_pieces",
    ]
    assert said.commits == 1


def test_partitions_are_made_ahead_and_the_default_one_gives_its_rows_back(store: Store) -> None:
    from engine.inferences.partitions import ensure_partitions

    far = datetime(2031, 12, 31, 23, 59, 59, tzinfo=UTC)
    log = InferenceLog(store)
    log.start()
    log.offer(answered(logged_at=far))
    log.drain()
    with transaction(store) as session:
        where = text("SELECT tableoid::regclass::text FROM inferences.inferences")
        assert session.scalar(where) == "inferences.inferences_default"
        assert ensure_partitions(session, far) == ["inferences_2031_12", "inferences_2032_01", "inferences_2032_02"]
        assert ensure_partitions(session, far) == []
        assert session.scalar(where) == "inferences.inferences_2031_12"


def test_a_window_tells_rows_decisions_and_latency_by_event_time(store: Store, log: InferenceLog) -> None:
    for version, days in ((1, range(0, 10, 2)), (2, range(1, 10, 2))):
        log.offer(
            answered(
                5,
                version=version,
                event_times=[AT - timedelta(days=n) for n in days],
                decisions=["grant" if n < 4 else "refuse" for n in days],
                scores=[n / 10 for n in days],
                latency_us=1000 * version,
            )
        )
    log.offer(answered(event_times=[AT - timedelta(days=400)], decisions=[None]))
    log.drain()
    with transaction(store) as session:
        found = queries.summary(session, Window(model="credit", since=AT - timedelta(days=100)))
        empty = queries.summary(session, Window(model="nobody"))
        number = queries.count(session, Window(model="credit"))
        only = queries.count(session, Window(model="credit", version=2, environment="production"))
    assert (number, only) == (11, 5)
    assert found.rows == 10
    assert found.rows_by_version == {1: 5, 2: 5}
    assert found.decisions == {"grant": 4, "refuse": 6}
    assert (found.first_event, found.last_event) == (AT - timedelta(days=9), AT)
    assert found.mean_score == pytest.approx(0.45)
    assert (found.latency.requests, found.latency.p50_ms) == (2, 1.5)
    assert found.label_state == "no labels yet"
    assert (empty.rows, empty.mean_score, empty.latency.p50_ms, empty.label_state) == (0, None, None, "no inferences")


def test_the_writer_outlives_a_full_disk_and_says_what_is_lost(
    store: Store, log: InferenceLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as during:
        during.setattr(log_module.spool, "keep", full)
        log.offer(answered(references=["\0"]))  # the database refuses it, and no file can be written
        ends = time.monotonic() + 30
        while not log.figures().lost and time.monotonic() < ends:
            time.sleep(0.01)
    log.offer(answered(2))
    figures = log.drain()
    assert (figures.written, figures.kept, figures.lost, figures.waiting) == (2, 0, 1, 0)
