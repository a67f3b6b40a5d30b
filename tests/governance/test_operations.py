"""Models in production, the worst first; what is not known is not healthy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.governance import operations
from engine.monitoring import alerts, monitors
from engine.monitoring.alerts import Concern
from engine.statistics.tallies import Reference, refer
from engine.store import Store, TestClock, new_id, transaction
from tests.monitoring.census import people
from tests.monitoring.world import counted, given_it_is_live, when_it_is_measured
from tests.serving import house

DAY = timedelta(days=1)
MONDAY = datetime(2026, 1, 5, 6, tzinfo=UTC)


def watched(store: Store, reference: Reference, model: str, population: dict | None) -> None:
    """A model in production, whose monitor has looked once."""
    ref = given_it_is_live(store, reference, model, monitoring={"window": "P7D", "measures": ["drift"]})
    if population is not None:
        counted(store, reference, ref, population, MONDAY - timedelta(hours=2))
    with transaction(store) as session:
        monitor = monitors.start(session, "worker", model, "production", timezone="UTC")
    when_it_is_measured(store, monitor, MONDAY)


def test_r50_the_worst_model_stands_first_and_what_nobody_looks_at_before_what_is_healthy(
    store: Store, clock: TestClock
) -> None:
    clock.set(MONDAY)
    reference = refer(people(2015, 16, 49))
    watched(store, reference, "calm", people(2016, 16, 49))
    watched(store, reference, "moved", people(2017, 16))
    watched(store, reference, "silent", None)
    given_it_is_live(store, reference, "alone")
    house.given_a_model(store, "never-live")
    with transaction(store) as session:
        alerts.take(
            session,
            Concern(finding=new_id(), model="moved", cause="drift psi AGEP", severity="breach", title="psi of AGEP"),
        )
    with transaction(store) as session:
        found = operations.lines(session)
        assert [(each.model, each.state) for each in found] == [
            ("moved", "breach"),
            ("alone", "not monitored"),
            ("silent", "no data"),
            ("calm", "healthy"),
        ]
        assert operations.lines(session, state="healthy") == found[-1:]
    moved, alone, silent, calm = found
    assert (moved.lead, moved.findings, moved.alerts, moved.statistical) == ("drift psi AGEP", 3, 1, "breach")
    assert (moved.technical, moved.business) == ("not monitored", "not monitored")
    assert (calm.rows_last_day, silent.rows_last_day) == (len(people(2016, 16, 49)["AGEP"]), None)
    assert (alone.monitor, alone.seen_at, alone.deployed) == (None, None, "@1 in production")
    assert {each.statistical for each in (alone, silent)} == {"not monitored", "no data"}
