"""Whether scores come true."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.statistics.calibration_error import calibration_error, reliability
from engine.statistics.wilson import wilson

cases = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=80)


def test_two_bins_by_hand():
    """Scores 0.2, 0.4 | 0.6, 0.8, 1.0 with labels 0, 1 | 1, 1, 0: |0.5 - 0.3| 2/5 + |2/3 - 0.8| 3/5 = 0.16."""
    labels, scores = [0, 1, 1, 1, 0], [0.2, 0.4, 0.6, 0.8, 1.0]
    assert calibration_error(labels, scores, bins=2).value == pytest.approx(0.16)
    first, second = reliability(labels, scores, bins=2)
    assert (first.n, first.mean_score, first.observed) == (2, pytest.approx(0.3), wilson(1, 2))
    assert (second.n, second.mean_score, second.observed) == (3, pytest.approx(0.8), wilson(2, 3))


def test_empty_bins_are_kept_and_unknown():
    bins = reliability([1], [0.05])
    assert [b.n for b in bins] == [1] + [0] * 9
    assert not any(b.observed.known for b in bins[1:])


@given(cases, st.integers(1, 20))
def test_bins_hold_every_case_once_and_the_interval_holds_the_value(pairs, n_bins):
    labels, scores = zip(*pairs, strict=True)
    assert sum(b.n for b in reliability(labels, scores, n_bins)) == len(pairs)
    estimate = calibration_error(labels, scores, n_bins)
    assert 0 <= estimate.low <= estimate.value + 1e-12
    assert estimate.value <= estimate.high + 1e-12 <= 1 + 1e-9


def test_a_calibrated_model_is_not_called_uncalibrated():
    """200 samples of a model whose scores are the truth: the interval's lower end stays at 0 in at least 95%."""
    rng = np.random.default_rng(0)
    clean = 0
    for _ in range(200):
        scores = rng.random(2000)
        clean += calibration_error(rng.random(2000) < scores, scores).low == 0
    assert clean >= 190


def test_a_miscalibrated_model_is_seen():
    rng = np.random.default_rng(0)
    scores = rng.random(5000)
    assert calibration_error(rng.random(5000) < scores / 2, scores).low > 0.15


def test_no_case_is_unknown_and_no_bin_is_refused():
    assert not calibration_error([], []).known
    with pytest.raises(ValueError, match="bins is 0"):
        calibration_error([1], [0.5], bins=0)
