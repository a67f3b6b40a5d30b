"""The registry, and the metrics that are counts or means."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.statistics import Estimate, all_metrics, get, metric
from engine.statistics.accuracy import accuracy
from engine.statistics.brier import brier
from engine.statistics.fpr import fpr
from engine.statistics.impact_ratio import impact_ratio
from engine.statistics.mae import mae
from engine.statistics.mean import mean
from engine.statistics.rate_difference import rate_difference
from engine.statistics.rmse import rmse
from engine.statistics.selection_rate import selection_rate
from engine.statistics.tpr import tpr
from engine.statistics.wilson import wilson

groups = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])


def ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


# --- the registry


def test_every_metric_tells_its_name_unit_and_which_way_is_better():
    for name, one in all_metrics().items():
        assert one.name == name
        assert one.unit
        assert one.better in ("high", "low", "zero", "one")
        assert one.title.endswith(".")


def test_every_metric_stands_in_the_docs_and_no_other():
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(all_metrics())


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean impact_ratio"):
        get("impact_rato")


def test_a_name_cannot_be_taken_twice():
    with pytest.raises(ValueError, match="two metrics are named 'auc'"):
        metric("auc", unit="x", better="high")(lambda: Estimate.unknown(0.95))


@given(
    st.floats(-1, 1) | st.just(math.inf), st.floats(-1, 1) | st.just(-math.inf), st.floats(-1, 1) | st.just(math.inf)
)
def test_an_estimate_survives_json(value, low, high):
    assume(not (math.isinf(value) and math.isinf(low)))  # of a value without bound one end at least is known
    estimate = Estimate(value, low, high, 0.95)
    json.dumps(estimate.as_json(), allow_nan=False)
    assert Estimate.from_json(estimate.as_json()) == estimate
    estimate = Estimate.unknown(0.95)
    assert repr(Estimate.from_json(estimate.as_json())) == repr(estimate)


# --- wilson


def test_wilson_gives_newcombes_published_intervals():
    """Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."""
    assert ends(wilson(81, 263)) == pytest.approx((0.3080, 0.2553, 0.3662), abs=5e-5)
    assert ends(wilson(15, 148)) == pytest.approx((0.1014, 0.0624, 0.1605), abs=5e-5)
    assert ends(wilson(0, 20)) == pytest.approx((0.0, 0.0, 0.1611), abs=5e-5)
    assert ends(wilson(1, 29)) == pytest.approx((0.0345, 0.0061, 0.1718), abs=5e-5)


@given(groups, levels)
def test_wilson_is_scipys(group, level):
    hits, total = group
    expected = scipy.stats.binomtest(hits, total).proportion_ci(level, method="wilson")
    assert ends(wilson(hits, total, level)) == pytest.approx((hits / total, expected.low, expected.high), abs=1e-9)


@given(groups, levels)
def test_wilson_of_the_misses_is_the_mirror(group, level):
    hits, total = group
    there, back = wilson(hits, total, level), wilson(total - hits, total, level)
    assert ends(there) == pytest.approx((1 - back.value, 1 - back.high, 1 - back.low))
    assert 0 <= there.low <= there.value <= there.high <= 1


def test_no_case_is_unknown_and_impossible_counts_are_refused():
    assert not wilson(0, 0).known
    for hits, total in ((-1, 3), (4, 3), (1.5, 3)):
        with pytest.raises(ValueError, match=r"counts|cases"):
            wilson(hits, total)
    with pytest.raises(ValueError, match="level"):
        wilson(1, 2, level=1.0)


# --- rates of decisions


def test_rates_of_eight_cases_by_hand():
    labels, decisions = [1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 0, 1, 0, 0, 0, 0]
    assert tpr(labels, decisions) == wilson(2, 3)
    assert fpr(labels, decisions) == wilson(1, 5)
    assert accuracy(labels, decisions) == wilson(6, 8)
    assert selection_rate(decisions) == wilson(3, 8)


def test_a_rate_of_nobody_is_unknown():
    assert not tpr([0, 0], [1, 0]).known
    assert not fpr([1, 1], [1, 0]).known
    assert not accuracy([], []).known


@pytest.mark.parametrize("function", [tpr, fpr, accuracy])
def test_labels_that_are_none_are_refused_by_place(function):
    with pytest.raises(ValueError, match=r"labels\[1\] is 2"):
        function([0, 2], [1, 0])
    with pytest.raises(ValueError, match="lengths differ"):
        function([0, 1], [1])


# --- two groups


def test_rate_difference_gives_newcombes_first_example():
    """Newcombe (1998), Statistics in Medicine 17, 873-890, table II (a), method 10: 56/70 - 48/80."""
    assert ends(rate_difference((56, 48), (70, 80))) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_rate_difference_gives_newcombes_example_with_an_empty_cell():
    """The same table, (e): 5/56 - 0/29."""
    assert ends(rate_difference((5, 0), (56, 29))) == pytest.approx((0.0893, -0.0381, 0.1926), abs=5e-5)


@given(groups, groups)
def test_swapping_the_groups_mirrors_the_difference(one, other):
    there = rate_difference(*zip(one, other, strict=True))
    back = rate_difference(*zip(other, one, strict=True))
    assert ends(there) == pytest.approx((-back.value, -back.high, -back.low))
    assert -1 <= there.low <= there.value <= there.high <= 1


def test_a_difference_from_an_empty_group_is_unknown():
    assert not rate_difference((1, 0), (2, 0)).known


def test_impact_ratio_gives_koopmans_example():
    """Koopman (1984), Biometrics 40, section 4: 36/40 over 16/80, 95% (2.94, 7.15)."""
    assert ends(impact_ratio((36, 16), (40, 80))) == pytest.approx((4.5, 2.94, 7.15), abs=5e-3)


@given(groups, groups, levels)
def test_swapping_the_groups_inverts_the_ratio(one, other, level):
    there = impact_ratio(*zip(one, other, strict=True), level=level, floor=1)
    back = impact_ratio(*zip(other, one, strict=True), level=level, floor=1)
    if not there.known:
        assert one[0] == other[0] == 0
        return
    assert 0 <= there.low <= there.value <= there.high
    if one[0] and other[0]:
        assert ends(there) == pytest.approx((1 / back.value, 1 / back.high, 1 / back.low), rel=1e-6)


@given(st.integers(200, 5_000), st.integers(200, 5_000), st.floats(0.2, 0.8), st.floats(0.2, 0.8))
def test_for_many_cases_the_ratio_is_close_to_the_log_interval(m, n, p, q):
    """Katz's log interval, as scipy computes it, is the large-sample limit of the score interval."""
    x, y = round(m * p), round(n * q)
    katz = scipy.stats.contingency.relative_risk(x, m, y, n).confidence_interval(0.95)
    ours = impact_ratio((x, y), (m, n))
    assert ours.low == pytest.approx(katz.low, rel=0.05)
    assert ours.high == pytest.approx(katz.high, rel=0.05)


def test_the_ratio_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    x, y = rng.binomial(120, 0.3, 2000), rng.binomial(400, 0.4, 2000)
    held = 0
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        estimate = impact_ratio((a, b), (120, 400))
        held += estimate.low <= 0.75 <= estimate.high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_a_handful_of_people_gives_no_ratio():
    assert not impact_ratio((3, 500), (29, 1000)).known
    assert impact_ratio((3, 500), (30, 1000)).known
    assert not impact_ratio((0, 0), (50, 50)).known


def test_no_hit_in_one_group_keeps_the_other_end():
    assert impact_ratio((0, 16), (40, 80)).low == 0
    assert 0 < impact_ratio((0, 16), (40, 80)).high < 1
    assert impact_ratio((16, 0), (40, 80)).high == math.inf


# --- means


def test_mean_is_the_normal_interval():
    values = [1.0, 2.0, 3.0, 4.0]
    spread = scipy.stats.norm.ppf(0.975) * scipy.stats.sem(values)
    assert ends(mean(values)) == pytest.approx((2.5, 2.5 - spread, 2.5 + spread))


def test_brier_by_hand():
    assert brier([1, 0], [0.8, 0.4]).value == pytest.approx((0.04 + 0.16) / 2)
    assert ends(brier([1], [0.5])) == (0.25, 0.0, 1.0)


def test_errors_of_a_regression_by_hand():
    assert mae([1, 2, 3], [1, 4, 0]).value == pytest.approx(5 / 3)
    assert rmse([1, 2, 3], [1, 4, 0]).value == pytest.approx(math.sqrt(13 / 3))
    assert not mae([], []).known
    assert not rmse([], []).known


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=50))
def test_the_mean_error_is_at_most_the_root_mean_square(pairs):
    targets, values = zip(*pairs, strict=True)
    absolute, root = mae(targets, values), rmse(targets, values)
    assert absolute.value <= root.value * (1 + 1e-9) + 1e-12
    for estimate in (absolute, root):
        assert 0 <= estimate.low <= estimate.value <= estimate.high


def test_a_number_that_is_none_is_refused_by_place():
    with pytest.raises(ValueError, match=r"values\[1\] is nan"):
        mae([1, 2], [1, math.nan])
    with pytest.raises(ValueError, match=r"scores\[0\] is 1.5"):
        brier([1], [1.5])
