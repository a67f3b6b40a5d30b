"""Verdicts: an effect beyond its bound, that chance does not explain, in rows enough."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from engine.monitoring import verdicts
from engine.monitoring.drift import Bounds as DriftBounds
from engine.monitoring.drift import compare
from engine.monitoring.measures import Reading
from engine.monitoring.thresholds import InForce
from engine.monitoring.verdicts import Bounds, Taken, Verdict, beyond, corrected, judge
from engine.statistics import Estimate
from engine.statistics.tallies import Reference
from tests.monitoring.census import people


def reading(value: float, low: float, high: float, **given: Any) -> Reading:
    """A reading with this interval."""
    facts: dict[str, Any] = {"metric": "auc", "rows": 1000, "unit": "probability", "better": "high"}
    return Reading(value=Estimate(value, low, high, 0.95), **(facts | given))


def state(one: Reading, warn: float, breach: float, **given: Any) -> str:
    """The state of a reading that stands alone in its run."""
    taken = [Taken(measure="m", dimension="statistical", readings=(one,))]
    found = judge(taken, lambda *_: Bounds(warn=warn, breach=breach, source="measure"), **given)
    return found.readings[0].state


def drifted(reference: Reference, window: dict[str, Any]) -> Verdict:
    """The verdict of a run whose one measure is the drift of a window, by default thresholds."""
    tally = reference.tallies(window, [0] * len(next(iter(window.values()))))[0]
    readings = tuple(
        Reading(metric="psi", subject=each.name, value=each.psi, rows=tally.rows, unit="nats", better="low", p=each.p)
        for each in compare(reference, tally, DriftBounds())
    )
    return judge([Taken(measure="drift", dimension="statistical", readings=readings)], InForce().of)


def test_r31_another_year_of_the_same_people_is_healthy(reference: Reference) -> None:
    found = drifted(reference, people(2016, 16, 49))
    assert found.state == "healthy"
    assert found.causes == ()
    assert sum(each.p < 0.05 for each in found.readings) == 5  # significant is not large


def test_r31_another_population_is_a_breach_that_names_age_first_and_what_moved_with_it(reference: Reference) -> None:
    found = drifted(reference, people(2017, 16))
    assert found.state == "breach"
    (cause,) = found.causes
    assert cause.name == "drift psi AGEP"
    assert [each.reading.subject for each in cause.with_it] == ["MAR", "RELP"]
    assert [each.state for each in cause.with_it] == ["breach", "warn"]
    assert found.dimensions == {"statistical": "breach", "technical": "no data", "business": "no data"}


@pytest.mark.parametrize("feature", ["SEX", "SCHL", "MAR"])
def test_r31_one_column_shifted_alone_is_flagged_alone(reference: Reference, feature: str) -> None:
    window = people(2016, 16, 49)
    values, times = np.unique(window[feature], return_counts=True)
    half = np.random.default_rng(0).random(len(window[feature])) < 0.5
    found = drifted(reference, {**window, feature: np.where(half, values[times.argmax()], window[feature])})
    (cause,) = found.causes
    assert (cause.head.reading.subject, cause.with_it) == (feature, ())


@given(st.lists(st.floats(0, 1), max_size=30))
def test_the_correction_is_that_of_benjamini_and_hochberg(p: list[float]) -> None:
    expected = scipy.stats.false_discovery_control(p) if p else []
    assert corrected(p) == pytest.approx(list(expected), abs=1e-12)


def test_what_is_unknown_takes_no_part_in_the_correction() -> None:
    assert corrected([0.01, math.nan, 0.04])[::2] == pytest.approx([0.02, 0.04])
    assert math.isnan(corrected([0.01, math.nan])[1])


@pytest.mark.parametrize(
    ("better", "value", "bound", "outside"),
    [
        ("low", 0.25, 0.25, True),
        ("low", 0.249, 0.25, False),
        ("high", 0.7, 0.7, False),
        ("high", 0.699, 0.7, True),
        ("zero", -0.1, 0.1, True),
        ("zero", 0.05, 0.1, False),
        ("one", 0.79, 0.8, True),
        ("one", 1.2, 0.8, False),
        ("one", 1.26, 0.8, True),
        ("one", 0.0, 0.8, True),
    ],
)
def test_a_value_is_beyond_a_bound_where_the_bad_values_lie(
    better: str, value: float, bound: float, outside: bool
) -> None:
    assert beyond(value, bound, better) is outside


def test_an_interval_that_reaches_over_the_bound_says_nothing() -> None:
    """One-sided: the AUC lies under 0.7 by 0.01; 1.645 standard errors of it are needed."""
    assert state(reading(0.69, 0.685, 0.695), 0.7, 0.6) == "warn"
    assert state(reading(0.69, 0.67, 0.71), 0.7, 0.6) == "healthy"
    assert state(reading(0.59, 0.58, 0.60), 0.7, 0.6) == "breach"
    assert state(reading(0.71, 0.705, 0.715), 0.7, 0.6) == "healthy"


def test_the_p_of_an_interval_is_that_of_the_normal_law() -> None:
    one = judge(
        [Taken(measure="m", dimension="statistical", readings=(reading(0.69, 0.66, 0.71),))],
        lambda *_: Bounds(warn=0.7, breach=0.6, source="measure"),
    ).readings[0]
    # The bound lies above: the upper half of the interval, 0.02 = 1.96 standard errors, faces it.
    assert one.p == pytest.approx(scipy.stats.norm.sf(0.01 / (0.02 / scipy.stats.norm.ppf(0.975))))


@given(
    better=st.sampled_from(["high", "low", "zero", "one"]),
    value=st.floats(0.01, 5),
    width=st.floats(0.001, 2),
    bound=st.floats(0.05, 5),
)
def test_the_further_beyond_a_bound_the_smaller_p(better: str, value: float, width: float, bound: float) -> None:
    one = judge(
        [
            Taken(
                measure="m",
                dimension="technical",
                readings=(reading(value, value - width, value + width, better=better),),
            )
        ],
        lambda *_: Bounds(warn=bound, breach=bound, source="measure"),
    ).readings[0]
    assert 0 <= one.p <= 1
    if abs(value - bound) > 1e-6 and abs(value - 1 / bound) > 1e-6 and not (better == "one" and abs(value - 1) < 1e-6):
        assert (one.p < 0.5) == beyond(value, bound, better)


def test_under_the_floor_there_is_no_data_and_never_green() -> None:
    assert state(reading(0.5, 0.49, 0.51, rows=199), 0.7, 0.6) == "no data"
    assert state(reading(0.9, 0.89, 0.91, rows=199), 0.7, 0.6) == "no data"
    assert state(reading(math.nan, math.nan, math.nan), 0.7, 0.6) == "no data"
    assert state(reading(0.5, math.nan, math.nan), 0.7, 0.6) == "no data"
    assert state(reading(0.5, 0.49, 0.51, rows=199), 0.7, 0.6, floor=100) == "breach"


def test_an_exact_value_needs_neither_rows_nor_a_test() -> None:
    dropped = reading(1, 1, 1, metric="dropped", better="low", rows=0)
    assert state(dropped, 1, 1) == "breach"
    assert state(reading(0, 0, 0, metric="dropped", better="low", rows=0), 1, 1) == "healthy"


def test_without_a_bound_nothing_is_judged_and_without_a_reading_nothing_is_said() -> None:
    taken = [
        Taken(measure="a", dimension="business", readings=(reading(3, 2, 4),)),
        Taken(measure="b", dimension="technical", failure="It has no reference."),
        Taken(measure="c", dimension="technical", readings=(reading(3, 2, 4, rows=7),)),
    ]
    found = judge(taken, lambda *_: None)
    assert found.readings[-1].state in ("unjudged", "no data")
    assert {each.measure: each.state for each in found.readings} == {"a": "unjudged", "c": "no data"}
    assert found.state == "no data"
    assert found.silent == {"b": "It has no reference.", "c": "7 rows say nothing"}
    assert judge([], lambda *_: None).state == "no data"


def test_many_readings_at_once_are_corrected_for_being_many() -> None:
    """Twenty shifts of which one has p = 0.04: alone it is beyond its bound, among twenty it may be chance."""

    def shift(p: float) -> Reading:
        return reading(0.2, 0.05, 0.3, metric="psi", better="low", p=p)

    assert state(shift(0.04), 0.1, 0.25) == "warn"
    readings = (shift(0.04), *(shift(0.5) for _ in range(19)))
    found = judge(
        [Taken(measure="m", dimension="statistical", readings=readings)],
        lambda *_: Bounds(warn=0.1, breach=0.25, source="measure"),
    )
    assert found.state == "healthy"


def test_the_worst_comes_first_and_then_what_is_furthest_beyond_its_bound() -> None:
    readings = (
        reading(0.5, 0.49, 0.51, subject="healthy"),
        reading(0.1, 0.09, 0.11, subject="bad"),
        reading(0.01, 0.009, 0.011, subject="worst"),
        reading(0.25, 0.24, 0.26, subject="warned"),
    )
    found = judge(
        [Taken(measure="m", dimension="statistical", readings=readings)],
        lambda *_: Bounds(warn=0.3, breach=0.2, source="measure"),
    )
    assert [each.reading.subject for each in found.readings] == ["worst", "bad", "warned", "healthy"]
    assert found.causes[0].name == "m auc worst"


def test_a_judged_reading_is_json_whatever_it_holds() -> None:
    detail = {"share": math.nan, "rows": [(1, math.inf)], "at": datetime(2026, 1, 5, tzinfo=UTC), "of": {2: True}}
    infinite = reading(math.inf, 1, math.inf, metric="impact_ratio", better="one", detail=detail)
    found = judge(
        [Taken(measure="m", dimension="business", readings=(infinite,))],
        lambda *_: Bounds(warn=0.9, breach=0.8, source="approved", version=3),
    ).readings[0]
    kept = found.as_json()
    assert (kept["value"], kept["bounds"], kept["excess"]) == (None, "approved 3", None)
    told = {"share": None, "rows": [[1, None]], "at": "2026-01-05 00:00:00+00:00", "of": {"2": True}}
    assert json.loads(json.dumps(kept, allow_nan=False))["detail"] == told
    assert verdicts.worst([found.state]) == "healthy"  # from 1 on: it may be no more than that
