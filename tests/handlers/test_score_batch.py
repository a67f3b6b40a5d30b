"""A life cycle scores a file of rows: the step, its incident, and the rows in the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from engine.inferences.tables import InferenceRow
from engine.inventory.references import VersionRef
from engine.runtime import instances, queries, wakeups
from engine.serving import batches, deployments
from engine.serving.runner import Runner
from engine.store import Store, TestClock, transaction
from tests.bpmn import drawing as d
from tests.handlers import house as h
from tests.handlers.test_life_of_a_model import given_published_without_a_proof
from tests.runtime import worlds as w
from tests.serving.house import parquet


def scoring() -> dict[str, bytes]:
    """One step that scores what lies in the exchange folder."""
    given = {
        "model": "'letters'",
        "environment": "'production'",
        "file": "'in/debts.parquet'",
        "place": "'out.parquet'",
    }
    return d.files(
        "scoring",
        d.lanes(risk_manager=("Start", "Score", "End")),
        d.start(),
        d.service("Score", "score_batch", "scored", **given),
        d.end(),
        d.chain("Start", "Score", "End"),
    )


@pytest.fixture
def house(store: Store) -> Iterator[Store]:
    """A house in which a version of `letters` is live, on the target that takes files."""
    h.given_a_house(store)
    h.given_a_rules_model(store)
    given_published_without_a_proof(store, scoring())
    with transaction(store) as session:
        asked = deployments.request(
            session,
            h.ADA,
            version=VersionRef("letters", 1),
            environment="production",
            instance="",
            task="",
            key="a",
        )
        deployments.went_live(session, asked.id, address="", person=h.ADA)
    (store.settings.exchange / "in").mkdir(parents=True)
    yield store
    wakeups.close()


def given_a_run(house: Store) -> UUID:
    instance = instances.start(house, h.ADA, "scoring", "letters")
    w.work_off(house)
    return instance


def logged(house: Store) -> list[tuple[UUID, Any, str]]:
    with transaction(house) as session:
        return [(each.id, each.input, each.caller) for each in session.scalars(select(InferenceRow))]


def test_a_step_scores_a_file_and_its_rows_are_logged_once(house: Store) -> None:
    (house.settings.exchange / "in" / "debts.parquet").write_bytes(parquet([{"debt": 0.0}, {"debt": 9.0}]))
    instance = given_a_run(house)
    assert w.detail(house, instance).instance.state == "finished"
    with transaction(house) as session:
        scored = queries.variables(session, instance)["scored"]
    assert scored["rows"] == 2
    for _ in range(2):
        Runner(house).look()
    assert [(given, caller) for _, given, caller in logged(house)] == [({"debt": 0.0}, "ada"), ({"debt": 9.0}, "ada")]
    with transaction(house) as session:
        assert batches.get(session, UUID(scored["batch"])).state == "done"
    assert (house.settings.exchange / "out.parquet").read_bytes() == house.files.read(scored["result"])


def test_a_file_that_cannot_be_scored_is_an_incident_after_its_attempts(house: Store, clock: TestClock) -> None:
    (house.settings.exchange / "in" / "debts.parquet").write_bytes(parquet([{"debt": 0.0}, {"debt": -1e999}]))
    instance = given_a_run(house)
    for _ in range(2):
        assert w.detail(house, instance).incidents == []
        clock.advance(timedelta(minutes=1))
        w.work_off(house)
    (incident,) = w.detail(house, instance).incidents
    assert "Row 1, field debt" in incident.cause
    assert logged(house) == []
