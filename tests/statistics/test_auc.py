"""The area under the ROC curve and DeLong's interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from engine.statistics.auc import auc
from engine.statistics.wilson import wilson

cases = st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=2, max_size=60).filter(
    lambda pairs: len({label for label, _ in pairs}) == 2
)


def by_definition(labels, scores) -> tuple[float, float]:
    """The area and its variance straight from the 1988 paper's pairs, in quadratic time."""
    x = [s for label, s in zip(labels, scores, strict=True) if label]
    y = [s for label, s in zip(labels, scores, strict=True) if not label]
    psi = np.array([[1.0 if a > b else 0.5 if a == b else 0.0 for b in y] for a in x])
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    s10 = v10.var(ddof=1) if len(x) > 1 else 0.0
    s01 = v01.var(ddof=1) if len(y) > 1 else 0.0
    return psi.mean(), s10 / len(x) + s01 / len(y)


@given(cases)
def test_one_sort_gives_the_definition_ties_included(pairs):
    labels, scores = zip(*pairs, strict=True)
    theta, variance = by_definition(labels, scores)
    estimate = auc(labels, scores)
    assert estimate.value == pytest.approx(theta)
    assert estimate.value == pytest.approx(roc_auc_score(labels, scores))
    if variance:
        z = 1.959963984540054
        assert estimate.low == pytest.approx(max(0.0, theta - z * math.sqrt(variance)))
        assert estimate.high == pytest.approx(min(1.0, theta + z * math.sqrt(variance)))


def test_five_cases_by_hand():
    """X = 0.9, 0.8, 0.4; Y = 0.5, 0.3: 5 of 6 pairs in order. V10 = 1, 1, 1/2; V01 = 2/3, 1."""
    estimate = auc([1, 1, 1, 0, 0], [0.9, 0.8, 0.4, 0.5, 0.3])
    variance = (1 / 12) / 3 + (1 / 18) / 2
    assert estimate.value == pytest.approx(5 / 6)
    assert estimate.low == pytest.approx(5 / 6 - 1.959963984540054 * math.sqrt(variance))
    assert estimate.high == 1.0


@given(cases)
def test_only_the_order_of_scores_matters_and_the_classes_mirror(pairs):
    labels, scores = zip(*pairs, strict=True)
    estimate = auc(labels, scores)
    moved = auc(labels, [math.exp(s / 3) for s in scores])
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((moved.value, moved.low, moved.high))
    mirrored = auc([not label for label in labels], scores)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
        (1 - mirrored.value, 1 - mirrored.high, 1 - mirrored.low)
    )
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_a_perfect_order_is_not_certainty():
    estimate = auc([0] * 4 + [1] * 9, range(13))
    assert (estimate.value, estimate.low, estimate.high) == (1.0, wilson(4, 4).low, 1.0)


def test_one_class_alone_is_unknown():
    assert not auc([1, 1], [0.1, 0.2]).known
    assert not auc([], []).known


def test_what_is_no_label_or_score_is_refused():
    with pytest.raises(ValueError, match=r"labels\[0\] is 3"):
        auc([3, 0], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"scores\[1\] is nan"):
        auc([1, 0], [0.1, math.nan])
    with pytest.raises(ValueError, match="lengths differ"):
        auc([1, 0, 1], [0.1, 0.2])


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Two normals one standard deviation apart: the area is the normal distribution at 1 / sqrt(2)."""
    truth = 0.5 * (1 + math.erf(1 / 2))
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], [150, 250])
    held = 0
    for _ in range(1000):
        scores = np.concatenate((rng.normal(1, 1, 150), rng.normal(0, 1, 250)))
        estimate = auc(labels, scores)
        held += estimate.low <= truth <= estimate.high
    assert held / 1000 == pytest.approx(0.95, abs=0.02)
