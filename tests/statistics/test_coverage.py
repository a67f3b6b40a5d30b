"""Intervals hold the truth as often as they say: simulated windows, fixed seeds."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from engine.statistics import Estimate
from engine.statistics.auc import auc_of_counts
from engine.statistics.impact_ratio import impact_ratio
from engine.statistics.wilson import wilson

WINDOWS = 2_000
CELLS = 2_000
#: of a normal score whose mean is 1 higher among the positives
TRUE_AUC = NormalDist().cdf(1 / sqrt(2))


def area(rng: np.random.Generator) -> Estimate:
    edges = np.linspace(-5, 6, CELLS + 1)
    positives, negatives = rng.normal(1, 1, 150), rng.normal(0, 1, 250)
    return auc_of_counts(np.histogram(positives, edges)[0], np.histogram(negatives, edges)[0])


def rate(rng: np.random.Generator) -> Estimate:
    return wilson(int(rng.binomial(400, 0.3)), 400)


def ratio(rng: np.random.Generator) -> Estimate:
    return impact_ratio((int(rng.binomial(300, 0.4)), int(rng.binomial(500, 0.5))), (300, 500))


@pytest.mark.parametrize(("draw", "truth"), [(area, TRUE_AUC), (rate, 0.3), (ratio, 0.8)])
def test_intervals_cover_the_truth_in_93_to_97_of_100_windows(draw: Callable[[Any], Estimate], truth: float) -> None:
    rng = np.random.default_rng(2026)
    held = [(found := draw(rng)).low <= truth <= found.high for _ in range(WINDOWS)]
    assert 0.93 <= sum(held) / WINDOWS <= 0.97
