"""Outcomes as counts: they add up, corrections leave nothing behind, and metrics from them are those of the rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from engine.monitoring import performance
from engine.statistics import get
from engine.statistics.calibration_error import reliability
from engine.statistics.durations import CELLS as DURATION_CELLS
from engine.statistics.durations import ERROR, percentile_of_counts
from engine.statistics.durations import cells as duration_cells
from engine.statistics.named import Named, added, taken_off
from engine.statistics.outcomes import (
    ANSWERED,
    DECLINED,
    NEGATIVE,
    POSITIVE,
    SELECTED,
    UNDECIDED,
    Cases,
    count,
    layout,
    right,
    score_sums,
    table,
    value_sums,
)
from engine.statistics.percentile import percentile
from engine.statistics.tallies import OUTPUT, SCORE, refer

Row = tuple[int, bool, int, float, str, str]  #: hour, truth, decided, score, group of "a", group of "b"
rows = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.booleans(),
        st.sampled_from([UNDECIDED, DECLINED, SELECTED]),
        st.floats(0, 1) | st.just(math.nan),
        st.sampled_from("xyz"),
        st.sampled_from("pq"),
    ),
    max_size=30,
)


def counted(given: list[Row], *, labelled: bool = True) -> dict[int, Named]:
    """The rows as counts by hour, the same whoever counts them."""

    def codes(values: list[str], labels: str) -> tuple[Any, list[str]]:
        return np.array([labels.index(each) for each in values], dtype=np.int64), list(labels)

    return count(
        Cases(
            spans=np.array([row[0] for row in given], dtype=np.int64),
            known=np.array(
                [(POSITIVE if row[1] else NEGATIVE) if labelled else ANSWERED for row in given], dtype=np.int64
            ),
            decided=np.array([row[2] for row in given], dtype=np.int64),
            scores=np.array([row[3] for row in given], dtype=np.float64),
            groups={"a": codes([row[4] for row in given], "xyz"), "b": codes([row[5] for row in given], "pq")},
            sums=[score_sums(row[1], row[3]) for row in given] if labelled else (),
            added={}
            if labelled
            else right(
                np.array([row[2] for row in given], dtype=np.int64),
                np.array([row[3] for row in given], dtype=np.float64),
            ),
        )
    )


def same(one: Named, other: Named) -> bool:
    return one.packed() == other.packed()


@settings(deadline=None)
@given(rows, rows)
def test_counts_of_parts_add_up_to_those_of_the_whole(one: list[Row], other: list[Row]) -> None:
    """By hour and over all hours; what is taken off again leaves nothing."""
    parts = [*counted(one).values(), *counted(other).values()]
    assert same(added(parts), added(counted(one + other).values()))
    assert same(added([*parts, *map(taken_off, counted(other).values())]), added([*counted(one).values(), Named()]))
    for each in parts:
        assert same(Named.unpacked(each.packed()), each)


@settings(deadline=None)
@given(rows)
def test_each_row_stands_once_in_each_set_of_groups(given: list[Row]) -> None:
    """All rows, each group of a column, each of two columns crossed; answered rows and truths apart."""
    found = added([*counted(given, labelled=False).values(), *counted(given).values()])
    for known in (ANSWERED, None):
        of = slice(1, 3) if known is None else known
        assert table(found)[of].sum() == len(given)
        for values, name in ((range(4, 5), "a"), (range(5, 6), "b")):
            for value in {row[values[0]] for row in given}:
                here = [row for row in given if row[values[0]] == value]
                assert table(found, (name, value))[of].sum() == len(here)
        for row in given:
            here = [each for each in given if each[4:] == row[4:]]
            assert table(found, ("a", row[4], "b", row[5]))[of].sum() == len(here)
    assert found.rows == len(given)


@pytest.fixture(scope="module")
def sample() -> tuple[Any, Any, Named]:
    """Truths and scores of 4,000 cases, and their counts."""
    rng = np.random.default_rng(11)
    scores = rng.beta(2, 3, 4000)
    truths = rng.random(4000) < scores**1.3
    decided = np.where(scores >= 0.5, SELECTED, DECLINED)
    given = [(0, bool(t), int(d), float(s), "x", "p") for t, d, s in zip(truths, decided, scores, strict=True)]
    return truths, scores, added([*counted(given).values(), *counted(given, labelled=False).values()])


def test_exact_forms_agree_with_scikit_learn(sample: tuple[Any, Any, Named]) -> None:
    """Within 1e-9 relative: what is kept are whole numbers and exact sums."""
    truths, scores, counts = sample
    found = performance.of_scores(counts)
    expected = {
        "accuracy": metrics.accuracy_score(truths, scores >= 0.5),
        "f1": metrics.f1_score(truths, scores >= 0.5),
        "brier": metrics.brier_score_loss(truths, scores),
        "log_loss": metrics.log_loss(truths, scores),
    }
    assert {name: found[name][0].value for name in expected} == pytest.approx(expected, rel=1e-9)
    for name, (estimate, n, _) in found.items():
        given = {"labels": truths, "scores": scores, "decisions": scores >= 0.5}
        exact = get(name).function(**{p: given[p] for p in get(name).parameters if p in given})
        if name != "auc":
            assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
                (exact.value, exact.low, exact.high), rel=1e-9
            )
        assert n == 4000


def test_the_area_from_counts_lies_within_its_printed_bound(sample: tuple[Any, Any, Named]) -> None:
    truths, scores, counts = sample
    estimate, _, error = performance.of_scores(counts)["auc"]
    assert abs(estimate.value - metrics.roc_auc_score(truths, scores)) <= error < 1e-4
    exact = get("auc").function(truths, scores)
    assert (estimate.low, estimate.high) == pytest.approx((exact.low, exact.high), abs=1e-4)


def test_what_is_estimated_without_labels_is_that_of_the_rows(sample: tuple[Any, Any, Named]) -> None:
    _, scores, counts = sample
    found = performance.estimated(counts)
    exact = get("estimated_accuracy").function(scores, scores >= 0.5)
    assert found["estimated_accuracy"][0].value == pytest.approx(exact.value, rel=1e-9)
    by_rows = get("estimated_auc").function(scores)
    assert found["estimated_auc"][0].value == pytest.approx(by_rows.value, abs=found["estimated_auc"][2])


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_tenths_are_the_bins_of_the_reliability_diagram(scores: list[float]) -> None:
    """Also where a score lies on a border, as floats have it."""
    given = [(0, True, SELECTED, score, "x", "p") for score in [*scores, 0.1, 0.2, 0.3, 0.6, 0.7, 1.0]]
    (counts,) = counted(given).values()
    bins = reliability([1] * len(given), [row[3] for row in given])
    assert [each.n for each in performance.tenths(counts)] == [each.n for each in bins]


def test_errors_of_values_agree_with_scikit_learn_whatever_their_size() -> None:
    """Sums of two references, whose units differ, add up as well."""
    rng = np.random.default_rng(5)
    truths = rng.normal(0, 1e6, 500)
    values = truths + rng.normal(0, 1e3, 500)
    parts = []
    for part, bits in ((slice(0, 200), 10), (slice(200, 500), 19)):
        n = len(truths[part])
        parts += count(
            Cases(
                spans=np.zeros(n, np.int64),
                known=np.full(n, POSITIVE),
                decided=np.full(n, UNDECIDED),
                scores=np.full(n, math.nan),
                groups={},
                sums=[value_sums(t, v, bits) for t, v in zip(truths[part], values[part], strict=True)],
            )
        ).values()
    found = performance.of_values(added(parts))
    assert performance.valued(added(parts))
    assert found["mae"][0].value == pytest.approx(metrics.mean_absolute_error(truths, values), rel=1e-5)
    assert found["rmse"][0].value == pytest.approx(metrics.root_mean_squared_error(truths, values), rel=1e-5)
    exact = get("rmse").function(truths, values)
    assert (found["rmse"][0].low, found["rmse"][0].high) == pytest.approx((exact.low, exact.high), rel=1e-5)


def test_a_layout_names_the_groups_of_the_reference() -> None:
    """Few values one by one; many numbers by ten groups; what the reference does not have is unseen."""
    ages = list(range(1000)) * 2
    reference = refer({"sex": [1, 2] * 1000, "age": ages, OUTPUT: [0.5] * 2000}, fixed=[SCORE])
    found = layout(reference, ["sex", "age", "absent"])
    assert found.names == ("age", "sex")
    assert found.scored
    sex = found.attributes[1]
    of = [sex.labels[code] for code in sex.of([2, 1, 7, None, [1]])]
    assert of == ["2", "1", "unseen", "missing", "another type"]
    assert len(found.attributes[0].labels) == 14


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99]))
def test_percentiles_from_cells_lie_within_their_ratio(sample: list[int], share: float) -> None:
    counts = np.bincount(duration_cells(sample), minlength=DURATION_CELLS)
    found, exact = percentile_of_counts(counts, share), percentile([max(each, 1) / 1000 for each in sample], share)
    assert found.value == pytest.approx(exact.value, rel=ERROR * 1.001)
    assert found.low <= max(exact.low, 0) * (1 + 1e-12)
    assert found.high >= exact.high * (1 - 1e-12)
