"""A model of the census in production, and windows of it that are counted as the scoring service would count them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from engine.identity import Person
from engine.inferences import labels
from engine.inferences.labels import Label
from engine.inferences.tables import PieceRow
from engine.inventory.references import VersionRef
from engine.monitoring import monitors, runs, thresholds
from engine.monitoring.findings import Seen
from engine.monitoring.monitors import Monitor
from engine.statistics.tallies import OUTPUT, SCORE, Reference, refer
from engine.store import Store, new_id, now, transaction
from tests.inferences.test_outcomes import EVE, START, answered, logged
from tests.monitoring.census import people
from tests.serving import house

ADA = Person(id="ada", name="Ada", roles=frozenset({"data_scientist"}))
RIA = Person(id="ria", name="Ria", roles=frozenset({"risk_manager", "model_operator"}))
ROSA = Person(id="rosa", name="Rosa", roles=frozenset({"risk_manager"}))
REF = VersionRef("employment", 1)


def given_it_is_live(store: Store, reference: Reference, model: str = "employment", **declared: Any) -> VersionRef:
    """A version with a reference, that answers in production."""
    facts: dict[str, Any] = {"monitoring": {"window": "P7D", "timing": "0 6 * * *"}}
    house.given_an_environment(store)
    house.given_a_model(store, model, **(facts | declared))
    ref = house.given_a_version(
        store,
        model,
        artefact=f"rules of {model}".encode(),
        input_schema=b"{}",
        reference=reference.as_bytes(),
    )
    house.when_it_goes_live(store, house.when_it_is_requested(store, ref))
    return ref


def given_a_model_that_moved(store: Store, model: str = "moved") -> Monitor:
    """In production, quiet in the week up to now and of another population in the week after it; drift is looked at."""
    reference = refer(people(2015, 16, 49))
    ref = given_it_is_live(store, reference, model, monitoring={"window": "P7D", "measures": ["drift"]})
    with transaction(store) as session:
        at = now(session)
        monitor = monitors.start(session, "worker", model, "production", timezone="UTC")
    for due, population in ((at, people(2016, 16, 49)), (at + timedelta(days=8), people(2017, 16))):
        hour = due.replace(minute=0, second=0, microsecond=0)
        counted(store, reference, ref, population, hour - timedelta(hours=2))
        when_it_is_measured(store, monitor, due)
    return monitor


def when_it_is_measured(store: Store, monitor: Monitor, due: datetime) -> Seen:
    """The run that is due then, as the service task does it."""
    with transaction(store) as session:
        planned = runs.plan(session, monitor.id, due)
        taken = runs.measure(session, planned)
        verdict = runs.judge(planned, taken, thresholds.in_force(session, monitor.model))
        return runs.record(session, planned, taken, verdict, actor="worker", instance="i-1")


def counted(store: Store, reference: Reference, ref: VersionRef, window: Mapping[str, Any], hour: datetime) -> None:
    """The window, as if all of it had been asked in one hour."""
    tally = reference.tallies(dict(window), [0] * len(next(iter(window.values()))))[0]
    with transaction(store) as session:
        session.execute(
            insert(PieceRow),
            [
                {
                    "id": new_id(),
                    "model": ref.model,
                    "version": ref.number,
                    "environment": "production",
                    "reference": store.files.put(reference.as_bytes()),
                    "hour": hour,
                    "rows": tally.rows,
                    "tally": tally.packed(),
                }
            ],
        )


def given_a_model_that_brings(store: Store, model: str = "lending") -> VersionRef:
    """In production, with sixty days of loans whose truth is known; what they bring falls, and some break a rule."""
    house.given_an_environment(store)
    house.given_a_model(
        store,
        model,
        protected={"sex": "1", "region": "north"},
        kpis=[
            {
                "name": "margin",
                "unit": "EUR",
                "expression": "(500 if label == 1 else -2000) if score >= 0.5 else 0",
                "warn": 500,
                "breach": 0,
            },
            {"name": "granted", "unit": "share", "aggregate": "mean", "expression": "score >= 0.5"},
        ],
        rules=[
            {"name": "sure of men", "expression": "sex != 1 or score < 0.95", "severity": "warn", "max_share": 0.1},
            {"name": "scores are chances", "expression": "0 <= score <= 1"},
        ],
    )
    reference = refer({"sex": [1, 2], "region": ["north", "south"], OUTPUT: [0.1, 0.9]}, fixed=[SCORE])
    ref = house.given_a_version(
        store, model, artefact=b"rules of lending", input_schema=b"{}", reference=reference.as_bytes()
    )
    house.when_it_goes_live(store, house.when_it_is_requested(store, ref))
    rows = [(n, 1 + n % 2, "north", 0.4 + n * 7 % 60 / 100) for n in range(0, 1440, 2)]
    sent = replace(answered(rows), model=model)
    logged(store, sent)
    truths = {id: "0" if n % 5 == 0 and n > 360 - n % 300 else "1" for n, id in enumerate(sent.ids)}
    with transaction(store) as session:
        told = [Label(inference=id, value=value, known_at=START) for id, value in truths.items()]
        labels.add(session, EVE, model=model, labels=told)
    return ref
