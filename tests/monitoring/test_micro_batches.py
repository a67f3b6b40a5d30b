"""Batches of a busy channel: judged as they are logged, and a finding within the batch in which something moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.inferences import counts
from engine.monitoring import micro_batches, monitors, queries
from engine.monitoring.findings import Finding
from engine.monitoring.monitors import Monitor
from engine.statistics.tallies import Reference
from engine.store import Store, TestClock, transaction
from tests.monitoring.census import people
from tests.monitoring.world import REF, counted, given_it_is_live, when_it_is_measured

HOUR = datetime(2026, 1, 5, 6, tzinfo=UTC)
BATCH = 500


@pytest.fixture
def monitor(store: Store, reference: Reference, clock: TestClock) -> Monitor:
    """Of the census model in production, every 500 rows."""
    clock.set(HOUR + timedelta(minutes=5))
    given_it_is_live(store, reference, monitoring={"measures": ["drift"], "batch_rows": BATCH})
    with transaction(store) as session:
        return monitors.start(session, "worker", "employment", "production", timezone="UTC")


def batch(population: Mapping[str, Any], at: int, size: int = BATCH) -> dict[str, Any]:
    """The rows of one batch, spread over the population so that each is a fair sample of it."""
    return {name: values[at :: len(values) // size][:size] for name, values in population.items()}


def findings(store: Store) -> list[Finding]:
    with transaction(store) as session:
        return [each for each in queries.findings(session, model="employment").items if not each.closed]


def test_r56_every_batch_is_judged_as_it_is_logged_and_a_shift_is_found_within_its_batch(
    store: Store, reference: Reference, monitor: Monitor, clock: TestClock
) -> None:
    quiet, other = people(2016, 16, 49), people(2017, 16)

    counted(store, reference, REF, batch(quiet, 0, 499), HOUR)
    assert micro_batches.look_at_all(store) == 0  # no batch is over
    for at in range(1, 6):
        counted(store, reference, REF, batch(quiet, at), HOUR)
        assert micro_batches.look_at_all(store) == 1
        assert micro_batches.look_at_all(store) == 0
        with transaction(store) as session:
            counts.fold(session)  # whether pieces are added up yet is the same
    assert findings(store) == []

    clock.advance(timedelta(hours=1))
    counted(store, reference, REF, batch(other, 0), HOUR + timedelta(hours=1))
    assert micro_batches.look_at_all(store) == 1
    found = findings(store)
    assert {each.measure for each in found} == {"micro_batch"}
    assert {"AGEP", "MAR"} <= {each.subject for each in found if each.state == "breach"}

    # The monitor's runs look at weeks: they neither see nor end what a batch told.
    when_it_is_measured(store, monitor, HOUR)
    assert {each.id for each in found} <= {each.id for each in findings(store)}

    clock.advance(timedelta(hours=1))
    counted(store, reference, REF, batch(quiet, 7), HOUR + timedelta(hours=2))
    micro_batches.look_at_all(store)
    assert {each.measure for each in findings(store)} == {"silence"}  # the run saw no rows in its week
    with transaction(store) as session:
        seen = micro_batches.hours(session, monitor.id)
    assert [(each.looks, each.rows, each.state) for each in seen] == [
        (1, 500, "healthy"), (1, 500, "breach"), (5, 2_999, "healthy"),
    ]  # fmt: skip


def test_the_rest_of_an_hour_is_looked_at_once_it_is_over_and_few_rows_say_nothing(
    store: Store, reference: Reference, monitor: Monitor, clock: TestClock
) -> None:
    counted(store, reference, REF, batch(people(2017, 16), 0, 150), HOUR)
    clock.set(HOUR + timedelta(minutes=59))
    assert micro_batches.look_at_all(store) == 0
    clock.set(HOUR + timedelta(minutes=60, seconds=2))
    assert micro_batches.look_at_all(store) == 1
    with transaction(store) as session:
        assert [each.state for each in micro_batches.hours(session, monitor.id)] == ["no data"]
    assert findings(store) == []
