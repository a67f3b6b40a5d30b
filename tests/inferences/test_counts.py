"""Counts of what was answered: each row once, at any moment, in any window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import hypothesis
import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from engine.identity import Person
from engine.inferences import counts, rows, spans
from engine.inferences.counts import OUTPUT
from engine.inferences.inference import Answered
from engine.inferences.log import InferenceLog
from engine.inferences.tables import InferenceRow, PieceRow, SpanRow
from engine.inventory import metadata, models, versions
from engine.inventory.references import VersionRef
from engine.statistics.columns import CELLS, Column
from engine.statistics.tallies import Reference, Tally, refer, total
from engine.store import Store, new_id, transaction
from engine.store.postgres import EmbeddedPostgres
from tests.statements import heard

ADA = Person(id="ada", name="Ada", email="", roles=frozenset({"data_scientist"}), disabled=False)
REF = VersionRef("credit", 1)
SCORE = Column(name=OUTPUT, low=0.0, high=1.0, cells=CELLS, bits=40)
REFERENCE = refer({"age": [20, 30, 30, 40], "job": ["a", "b", "a", None], OUTPUT: [0.1, 0.2, 0.7, 1.0]}, fixed=[SCORE])
START = datetime(2026, 1, 30, tzinfo=UTC)

Row = tuple[int, int, str | None, float]  #: hours after START, age, job, score
drawn = st.lists(
    st.tuples(st.integers(0, 24 * 70), st.integers(18, 60), st.none() | st.sampled_from("abc"), st.floats(0, 1)),
    max_size=25,
)


@pytest.fixture
def digest(store: Store) -> str:
    """The reference of credit@1."""
    found = store.files.put(REFERENCE.as_bytes())
    declared = {
        "id": "credit",
        "name": "Credit",
        "kind": "rules",
        "owner": "ada",
        "team": "Lending",
        "purpose": "Decides about loans.",
        "affects_people": True,
        "decisions_per_year": 10,
    }
    with transaction(store) as session:
        models.register(session, ADA, metadata.read(declared))
        versions.add(session, ADA, "credit", {"reference": found}, source="uploaded")
    return found


def answered(given: Sequence[Row], version: int = 1) -> Answered:
    """A request to credit with its answers."""
    return Answered(
        request=uuid4(),
        logged_at=datetime(2026, 11, 24, tzinfo=UTC),
        model="credit",
        version=version,
        environment="production",
        deployment=uuid4(),
        caller="ada",
        latency_us=1,
        ids=[new_id() for _ in given],
        event_times=[START + timedelta(hours=hour, minutes=age) for hour, age, *_ in given],
        references=[None] * len(given),
        inputs=[{"age": age, "job": job} for _, age, job, _ in given],
        scores=[score for *_, score in given],
        decisions=[None] * len(given),
    )


def counted(given: Sequence[Row]) -> Tally:
    """What must be counted of these rows."""
    values = {"age": [a for _, a, *_ in given], "job": [j for *_, j, _ in given], OUTPUT: [s for *_, s in given]}
    return REFERENCE.tallies(values, [0] * len(given)).get(0, total([], 3))


def in_window(store: Store, digest: str, **given: Any) -> Tally:
    with transaction(store) as session:
        return counts.window(session, REF, digest, 3, **given)


@hypothesis.settings(
    max_examples=30, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(drawn, st.booleans()), max_size=4), st.integers(-5, 24 * 75), st.integers(-5, 24 * 75))
def test_any_window_holds_its_rows_folded_or_not(
    store: Store, digest: str, groups: list[tuple[list[Row], bool]], one: int, other: int
) -> None:
    """Groups written one after the other, added up in between or not; the window in whole hours."""
    with transaction(store) as session:
        session.execute(SpanRow.__table__.delete())
        session.execute(PieceRow.__table__.delete())
    references = counts.References(store.files)
    for rows_of_group, fold in groups:
        with transaction(store) as session:
            counts.add(session, references, [answered(rows_of_group)])
        if fold:
            with transaction(store) as session:
                counts.fold(session)
    everything = [row for rows_of_group, _ in groups for row in rows_of_group]
    assert in_window(store, digest) == counted(everything)
    first, end = sorted((one, other))
    inside = [row for row in everything if first <= row[0] < end]
    found = in_window(
        store,
        digest,
        since=START + timedelta(hours=first),
        until=START + timedelta(hours=end),
        environment="production",
    )
    assert found == counted(inside)


@given(st.integers(0, 24 * 1000), st.integers(0, 24 * 1000))
def test_spans_cover_a_window_once(one: int, other: int) -> None:
    """Without gap and without overlap, by months, days and hours."""
    first, end = (START + timedelta(hours=each) for each in sorted((one, other)))
    parts = sorted((a, b) for _, a, b in spans.cover(first, end))
    assert sum(((b - a) for a, b in parts), timedelta()) == end - first
    assert all(before[1] == after[0] for before, after in pairwise(parts))
    assert sum(1 for unit, *_ in spans.cover(first, end) if unit == "hour") <= 2 or end - first < timedelta(days=70)


def test_what_the_log_writes_is_counted_with_it(store: Store, digest: str) -> None:
    """In the same transaction, by the hour of the event; folded it is one row a span."""
    log = InferenceLog(store)
    log.start()
    given: list[Row] = [(0, 30, "a", 0.5), (0, 31, "z", 1.0), (30, 20, None, 0.25)]
    assert log.offer(answered(given))
    assert log.drain().written == 3
    assert in_window(store, digest) == counted(given)
    with transaction(store) as session:
        assert session.scalar(select(func.count()).select_from(PieceRow)) == 2
        assert counts.fold(session) == 2
    with transaction(store) as session:
        assert counts.fold(session) == 0
        units = session.execute(select(SpanRow.unit, func.sum(SpanRow.rows)).group_by(SpanRow.unit)).all()
        assert sorted(units) == [("day", 3), ("hour", 3), ("month", 3)]
    found = in_window(store, digest)
    assert REFERENCE.counts("job", found).groups.tolist() == [1, 0, 1, 0, 1]  # a, b, unseen, foreign, missing
    assert REFERENCE.counts("age", found).outside(REFERENCE.column("age")) == 1


def test_what_is_written_again_is_counted_once(store: Store, digest: str) -> None:
    """After a lost connection the rows that were there already are not counted anew."""
    there, more = answered([(0, 30, "a", 0.5)]), answered([(1, 40, "b", 0.25)])
    references = counts.References(store.files)
    inferences = [*there.inferences(), *more.inferences()]
    for _ in range(2):
        with transaction(store) as session:
            connection = session.connection().connection.driver_connection
            new = rows.insert_again(connection, inferences)  # type: ignore[arg-type]
            counts.add_again(session, references, new)
    assert in_window(store, digest).rows == 2
    with transaction(store) as session:
        assert session.scalar(select(func.count()).select_from(InferenceRow)) == 2


def test_a_group_of_a_counted_version_costs_one_statement_more(
    store: Store, digest: str, cluster: EmbeddedPostgres, superuser: psycopg.Connection
) -> None:
    """Once its reference is known: an INSERT of its pieces, however many hours and columns."""
    references = counts.References(store.files)
    with transaction(store) as session:
        counts.add(session, references, [answered([(0, 30, "a", 0.5)])])
    with heard(cluster, store, superuser) as said, transaction(store) as session:
        counts.add(session, references, [answered([(hour, 30, "a", 0.5) for hour in range(100)])])
    assert [each.split(" (")[0] for each in said.statements] == ["INSERT INTO inferences.pieces"]


def test_a_version_without_reference_is_logged_and_not_counted(store: Store, digest: str) -> None:
    log = InferenceLog(store)
    log.start()
    assert log.offer(answered([(0, 30, "a", 0.5)], version=2))
    assert log.drain().written == 1
    assert in_window(store, digest).rows == 0


def test_a_reference_that_cannot_be_read_costs_no_row(
    store: Store, digest: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said in the log of the process, and the inferences are kept."""
    with transaction(store) as session:
        versions.add(session, ADA, "credit", {"reference": store.files.put(b"no reference")}, source="uploaded")
    log = InferenceLog(store)
    log.start()
    assert log.offer(answered([(0, 30, "a", 0.5)], version=2))
    assert log.drain().written == 1
    assert "The reference of credit@2 cannot be read" in caplog.text


def test_two_folders_at_once_fold_each_piece_once(store: Store, digest: str) -> None:
    """The second finds the lock taken, and comes again later."""
    with transaction(store) as session:
        counts.add(session, counts.References(store.files), [answered([(0, 30, "a", 0.5)])])
    with transaction(store) as one:
        assert counts.fold(one) == 1
        with transaction(store) as other:
            assert counts.fold(other) == 0
    assert in_window(store, digest).rows == 1


def test_a_reference_is_found_or_missed_by_name(store: Store, digest: str) -> None:
    with transaction(store) as session:
        found = counts.reference_of(session, REF)
        assert (found[0], found[1]) == (digest, REFERENCE)
        versions.add(session, ADA, "credit", {"source": store.files.put(b"x")}, source="uploaded")
        with pytest.raises(counts.NoReference, match="credit@2 has no reference"):
            counts.reference_of(session, VersionRef("credit", 2))


def test_the_reference_survives_its_file() -> None:
    assert Reference.from_bytes(REFERENCE.as_bytes()) == REFERENCE
    assert np.array_equal(Reference.from_bytes(REFERENCE.as_bytes()).tally.places, REFERENCE.tally.places)
