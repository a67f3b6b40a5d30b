"""What scores promise before the labels come, and the other new metrics."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from engine.statistics.auc import auc, auc_of_counts
from engine.statistics.estimated_accuracy import estimated_accuracy
from engine.statistics.estimated_auc import estimated_auc
from engine.statistics.f1 import f1
from engine.statistics.log_loss import log_loss
from engine.statistics.percentile import percentile

probabilities = st.lists(st.floats(0, 1), min_size=2, max_size=30)
cases = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=60)


@given(probabilities)
def test_the_promised_area_is_the_ratio_of_expected_pairs(scores):
    """Over all pairs of two different cases, straight from the definition."""
    above = below = 0.0
    for i, s in enumerate(scores):
        for j, t in enumerate(scores):
            if i != j:
                above += s * (1 - t) * (1.0 if s > t else 0.5 if s == t else 0.0)
                below += s * (1 - t)
    found = estimated_auc(scores)
    if found.known:
        assert found.value == pytest.approx(above / below, abs=1e-6)
        assert 0 <= found.low <= found.value <= found.high <= 1
    else:
        assert below == pytest.approx(0, abs=1e-9)


def test_where_the_scores_are_calibrated_the_truth_lies_in_the_intervals():
    """Labels drawn by the scores, 300 windows of 400 rows."""
    rng = np.random.default_rng(5)
    held_auc = held_accuracy = 0
    for _ in range(300):
        scores = rng.beta(2, 2, 400)
        labels, decisions = rng.random(400) < scores, scores >= 0.5
        area, accuracy = estimated_auc(scores), estimated_accuracy(scores, decisions)
        held_auc += area.low <= sklearn.metrics.roc_auc_score(labels, scores) <= area.high
        held_accuracy += accuracy.low <= float((labels == decisions).mean()) <= accuracy.high
    assert held_auc / 300 >= 0.92
    assert held_accuracy / 300 >= 0.92


def test_promises_of_nobody_are_unknown():
    assert not estimated_auc([0.4]).known
    assert not estimated_auc([1.0, 1.0]).known
    assert not estimated_accuracy([], []).known
    with pytest.raises(ValueError, match=r"calibrated\[1\] is 1.5"):
        estimated_auc([0.5, 1.5])


@given(cases)
def test_counts_by_distinct_score_give_the_area_itself(rows):
    labels, scores, _ = zip(*rows, strict=True)
    cells = sorted(set(scores))
    positives = [sum(1 for y, s in zip(labels, scores, strict=True) if s == cell and y) for cell in cells]
    negatives = [sum(1 for y, s in zip(labels, scores, strict=True) if s == cell and not y) for cell in cells]
    assert repr(auc_of_counts(positives, negatives)) == repr(auc(labels, scores))


def test_counts_by_cell_are_refused_where_they_are_none():
    with pytest.raises(ValueError, match=r"negatives\[1\] is under 0"):
        auc_of_counts([1, 2], [1, -1])
    assert not auc_of_counts([0, 0], [1, 1]).known


@given(cases)
def test_f1_and_log_loss_are_scikit_learns(rows):
    labels, scores, decisions = (np.array(each) for each in zip(*rows, strict=True))
    expected = sklearn.metrics.f1_score(labels, decisions, zero_division=math.nan)
    assert f1(labels, decisions).value == pytest.approx(expected, nan_ok=True)
    loss = sklearn.metrics.log_loss(labels, scores, labels=[0, 1])
    assert log_loss(labels, scores).value == pytest.approx(loss, rel=1e-9, abs=1e-12)


def test_f1_holds_the_truth_as_often_as_it_says():
    """True positives, false ones, misses and the rest, drawn 400 at a time: F = 2 * 0.3 / (0.6 + 0.25)."""
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(400):
        tp, fp, fn, tn = rng.multinomial(400, [0.3, 0.1, 0.15, 0.45]).tolist()
        found = f1([1] * tp + [0] * fp + [1] * fn + [0] * tn, [1] * tp + [1] * fp + [0] * fn + [0] * tn)
        held += found.low <= 0.6 / 0.85 <= found.high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_a_percentile_by_hand():
    """Of 1 to 100: the 95th value; the ends by the binomial law of 100 cases at 0.95."""
    found = percentile(np.arange(1, 101), 0.95)
    assert (found.value, found.low, found.high) == (95, 90, 100)
    median = percentile([3.0, 1.0, 2.0], 0.5)
    assert (median.value, median.low, median.high) == (2.0, -math.inf, math.inf)
    assert not percentile([]).known
    with pytest.raises(ValueError, match="share is 1"):
        percentile([1.0], 1.0)


def test_a_percentile_holds_the_truth_at_least_as_often_as_it_says():
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(1000):
        found = percentile(rng.exponential(size=200), 0.9)
        held += found.low <= -math.log(0.1) <= found.high
    assert held / 1000 >= 0.94
