"""What is read of answers beside truths: their times, their failures, and how far they moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from engine.inferences import refusals
from engine.inferences.log import InferenceLog
from engine.inventory.references import VersionRef
from engine.monitoring import measures, thresholds, verdicts
from engine.monitoring.measures import Scope
from engine.monitoring.performance import FROM_COUNTS, estimated, of_scores, of_values
from engine.monitoring.verdicts import Taken
from engine.serving import usage
from engine.statistics import all_metrics
from engine.statistics.event_rate import event_rate
from engine.statistics.named import Named
from engine.statistics.percentile import percentile
from engine.store import Store, now, transaction
from tests.inferences.test_outcomes import REF, START, answered, given_a_version
from tests.serving import house

AT = datetime(2026, 11, 24, tzinfo=UTC)


def test_r41_answer_times_rate_and_failures_stand_beside_the_service_levels(store: Store) -> None:
    """By the hour of the answer, from counts: each percentile within 1.1% of that of the requests themselves."""
    given_a_version(store, service_levels={"p95_ms": 10, "rate_per_s": 5})
    times = np.random.default_rng(2).lognormal(8, 1, 300).astype(int)
    log = InferenceLog(store)
    log.start()
    for time in times.tolist():
        log.offer(replace(answered([(0, 1, "north", 0.7)] * 2), latency_us=time))
    for _ in range(6):
        log.refused(refusals.at(AT, model="credit", environment="production", code="scoring-failed", status=500))
    log.drain()
    scope = Scope(version=REF, environment="production", since=AT, until=AT + timedelta(hours=1))
    with transaction(store) as session:
        found = {each.metric: each for each in measures.get("technical").function(session, scope)}
    for share in (0.5, 0.95, 0.99):
        read, exact = found[f"p{share * 100:.0f}_ms"], percentile(times / 1000, share)
        assert read.value.value == pytest.approx(exact.value, rel=0.011)
        assert read.value.low <= exact.low
        assert read.value.high >= exact.high
        assert read.rows == 300  # requests, not rows
    assert (found["p95_ms"].reference, found["rate_per_s"].reference) == (10, 5)
    assert found["rate_per_s"].value.value == pytest.approx(300 / 3600)
    assert found["error_rate"].value.value == pytest.approx(6 / 306)


def test_r41_memory_and_cores_are_held_to_the_declared_service_levels(store: Store) -> None:
    """Hours add up: the peak of the peaks, processor time over time; beyond a level it is a breach, at any number."""
    ref = VersionRef("credit", 1)
    house.given_an_environment(store)
    house.given_a_model(store, service_levels={"memory_mb": 100, "cpu": 1})
    house.given_a_version(store, artefact=b"rules", input_schema=b"{}")
    deployment = house.when_it_is_requested(store, ref)
    asked = Scope(version=ref, environment="production", since=AT, until=AT + timedelta(hours=6))
    with transaction(store) as session:
        before = measures.get("technical").function(session, asked)
        hour = now(session)
        for memory, cpu, hours in ((80.0, 2.0, 0), (120.0, 4.0, 0), (90.0, 0.0, 2)):
            sample = usage.Sample(deployment=deployment.id, memory_mb=memory, cpu_seconds=cpu, watched_seconds=10.0)
            usage.add(session, [sample], hour - timedelta(hours=hours))
        read = tuple(measures.get("technical").function(session, asked))
        found = {each.metric: each for each in read}
        taken = Taken(measure="technical", dimension="technical", readings=read)
        judged = verdicts.judge([taken], thresholds.in_force(session, "credit").of)
    assert not {"memory_mb", "cpu"} & {each.metric for each in before}  # nothing was sampled, and that is no zero
    assert (found["memory_mb"].value.value, found["memory_mb"].reference, found["memory_mb"].rows) == (120, 100, 3)
    assert found["memory_mb"].detail["mean"] == pytest.approx(290 / 3)
    assert found["cpu"].value.value == pytest.approx(6 / 30)
    states = {each.reading.metric: (each.state, each.bounds and each.bounds.source) for each in judged.readings}
    assert states["memory_mb"] == ("breach", "service levels")
    assert states["cpu"] == ("healthy", "service levels")


def test_r39_drift_of_the_answers_stands_beside_that_of_the_inputs(store: Store) -> None:
    given_a_version(store, output=list(np.linspace(0, 1, 500)))
    log = InferenceLog(store)
    log.start()
    log.offer(answered([(0, 1 + n % 2, "north", 0.9) for n in range(400)]))
    log.drain()
    scope = Scope(version=REF, environment="production", since=START, until=START + timedelta(hours=1), floor=2)
    with transaction(store) as session:
        found = {each.subject: each for each in measures.get("drift").function(session, scope)}
    assert set(found) == {"sex", "region", "(output)"}
    assert found["(output)"].value.value > 1


def test_what_is_promised_without_labels_is_marked_as_estimated(store: Store) -> None:
    given_a_version(store)
    log = InferenceLog(store)
    log.start()
    log.offer(answered([(0, 1, "north", 0.9), (0, 1, "north", 0.2)] * 100))
    log.drain()
    scope = Scope(version=REF, environment="production", since=START, until=START + timedelta(hours=1))
    with transaction(store) as session:
        found = {each.metric: each for each in measures.get("estimated").function(session, scope)}
        known = {each.metric: each for each in measures.get("performance").function(session, scope)}
    assert all(each.estimated for each in found.values())
    assert found["estimated_accuracy"].value.value == pytest.approx(0.85)
    assert not any(each.value.known for each in known.values())  # no label yet: no data, and no zero


def test_the_interval_of_a_rate_is_garwoods() -> None:
    """Of 10 events: 4.795 to 18.39 (Garwood's table); of none: 0 to 3.689."""
    found = event_rate(10, 1)
    assert (found.low, found.high) == (pytest.approx(4.795, abs=5e-4), pytest.approx(18.39, abs=5e-3))
    assert event_rate(0, 2).high == pytest.approx(3.689 / 2, abs=5e-4)


def test_each_form_from_counts_tells_how_far_off_it_may_lie() -> None:
    """What a measure reads from counts stands in the docs with its error, and no other does."""
    nothing = Named()
    told = [
        *(name for of in (of_scores, of_values, estimated) for name in of(nothing)),
        *("selection_rate", "tpr", "fpr", "impact_ratio", "percentile", "event_rate"),
        *("psi", "chi_square", "kolmogorov_smirnov"),
    ]
    assert sorted(told) == sorted(FROM_COUNTS)
    assert set(FROM_COUNTS) <= set(all_metrics())
