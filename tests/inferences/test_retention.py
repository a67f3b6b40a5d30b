"""Months that are too old are dropped whole: told, counted on, and not unknown afterwards."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from engine import audit
from engine.identity import Person
from engine.inferences import labels, queries, retention
from engine.inferences.inference import Answered
from engine.inferences.labels import Label
from engine.inferences.log import InferenceLog
from engine.inferences.retention import InferenceDropped
from engine.inferences.tables import InferenceRow, LabelRow, OutcomePieceRow
from engine.store import Store, TestClock, transaction

NOW = datetime(2026, 6, 20, 8, tzinfo=UTC)
OLD, KEPT = datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)
EVE = Person(id="eve", name="Eve", email="", roles=frozenset({"data_engineer"}), disabled=False)


@pytest.fixture
def aged(store: Store) -> Store:
    """A store in June that keeps 90 days."""
    assert isinstance(store.clock, TestClock)
    store.clock.set(NOW)
    return dataclasses.replace(store, settings=store.settings.model_copy(update={"inferences_kept_days": 90}))


def id_of(at: datetime, place: int) -> UUID:
    return UUID(int=int(at.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62 | place)


def given_answers(store: Store, at: datetime, n: int) -> list[UUID]:
    ids = [id_of(at, place) for place in range(1, n + 1)]
    answered = Answered(
        request=id_of(at, 0),
        logged_at=at,
        model="credit",
        version=1,
        environment="production",
        deployment=id_of(at, 99),
        caller="ada",
        latency_us=5,
        ids=ids,
        event_times=[None] * n,
        references=["a\tb\\"] + [None] * (n - 1),
        inputs=[{"age": 40, "job": 'a "cook"\n'}] * n,
        scores=[0.5] * n,
        decisions=["grant"] * n,
    )
    log = InferenceLog(store)
    log.start()
    assert log.offer(answered)
    assert log.drain().written == n
    return ids


def in_log(store: Store) -> set[UUID]:
    with transaction(store) as session:
        return set(session.scalars(select(InferenceRow.id)))


def test_a_month_that_is_too_old_goes_whole_and_is_told(aged: Store) -> None:
    old, kept = given_answers(aged, OLD, 3), given_answers(aged, KEPT, 2)
    with transaction(aged) as session:
        labels.add(session, EVE, model="credit", labels=[Label(inference=old[0], value="1", known_at=OLD)])
    with transaction(aged) as session:
        before = session.scalar(select(func.count()).select_from(OutcomePieceRow))
        retention._out_of_default(session, date(2026, 3, 1))  # nobody had made the month ahead
        (due,) = retention.due(session, 90)
        assert (due.month, due.rows, due.labels) == (date(2026, 1, 1), 3, 1)
        columns = "model, version, environment, deployment, caller, logged_at, request, request_rows, latency_us, id"
        columns += ", position, event_time, caller_reference, input, score, decision, output"
        driver = session.connection().connection.driver_connection
        asked = f"COPY (SELECT {columns} FROM inferences.inferences WHERE id = ANY(%s) ORDER BY id) TO STDOUT"  # noqa: S608
        with driver.cursor() as cursor, cursor.copy(asked, [old]) as stream:
            copy = b"".join(stream)
    assert in_log(aged) == {*old, *kept}  # to look is not to drop

    (dropped,) = retention.apply(aged)
    assert (dropped.rows, dropped.labels, dropped.digest) == (3, 1, hashlib.sha256(copy).hexdigest())
    assert in_log(aged) == set(kept)
    with transaction(aged) as session:
        assert session.scalar(select(func.count()).select_from(LabelRow)) == 0
        assert session.scalar(select(func.count()).select_from(OutcomePieceRow)) == before
        told = audit.entries(session, act="inferences.dropped")
        assert [(row.subject, row.facts["rows"], row.facts["sha256"]) for row in told] == [
            ("2026-01", 3, dropped.digest)
        ]
    assert retention.apply(aged) == []


def test_a_dropped_inference_is_not_unknown(aged: Store) -> None:
    (old,) = given_answers(aged, OLD, 1)
    retention.apply(aged)
    with transaction(aged) as session:
        with pytest.raises(InferenceDropped, match=r"dropped .* on 2026-06-20.*January 2026"):
            queries.get(session, old)
        with pytest.raises(InferenceDropped):
            labels.add(session, EVE, model="credit", labels=[Label(inference=old, value="1", known_at=OLD)])
        with pytest.raises(queries.InferenceUnknown):
            queries.get(session, id_of(KEPT, 7))


@pytest.mark.parametrize(
    ("days", "gone"), [(None, []), (140, []), (139, [1]), (112, [1]), (111, [1, 2]), (81, [1, 2]), (80, [1, 2, 3])]
)
def test_only_months_that_ended_before_the_kept_days_are_due(
    aged: Store, days: int | None, gone: Sequence[int]
) -> None:
    with transaction(aged) as session:
        session.execute(text("SELECT inferences.ensure_partitions(CAST('2026-01-01' AS date), 6)")).all()
        assert [each.month.month for each in retention.due(session, days)] == gone


def test_the_database_itself_drops_nothing_young_and_nothing_untold(aged: Store) -> None:
    given_answers(aged, OLD, 1)
    with transaction(aged) as session:
        session.execute(text("SELECT inferences.ensure_partitions(CAST('2026-01-01' AS date), 1)")).all()
    this_month = datetime.now(UTC).date().replace(day=1)
    for month, why in ((date(2026, 1, 1), "not recorded"), (this_month, "ended 30 days ago"), (OLD.date(), "no month")):
        with pytest.raises(DBAPIError, match=why), transaction(aged) as session:
            session.execute(text("SELECT inferences.drop_month(:month)"), {"month": month})
    assert len(in_log(aged)) == 1


def test_rows_that_come_again_to_a_dropped_month_are_dropped_again(aged: Store) -> None:
    """A service that was away may bring rows of long ago."""
    given_answers(aged, OLD, 2)
    retention.apply(aged)
    assert isinstance(aged.clock, TestClock)
    aged.clock.advance(timedelta(days=1))
    given_answers(aged, OLD + timedelta(hours=1), 1)
    assert [each.rows for each in retention.apply(aged)] == [1]
    with transaction(aged) as session:
        assert [each.rows for each in retention.dropped(session)] == [1, 2]
