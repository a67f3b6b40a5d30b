"""Accuracy before anybody knows the truth."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import probabilities, same_length, zero_or_one
from engine.statistics.registry import Estimate, metric, quantile
from engine.statistics.wilson import score_interval


@metric("estimated_accuracy", unit="proportion", better="high")
def estimated_accuracy(calibrated: ArrayLike, decided: ArrayLike, level: float = 0.95) -> Estimate:
    """The share of right decisions that the scores themselves promise: an estimate, made without any label.

        E = 1/N Σ e_i,  e_i = s_i where the decision is positive, else 1 - s_i

    calibrated: probabilities that come true as often as they say, shape (N,). decided: 0 or 1, shape (N,). It is
    right as far as the scores stay calibrated: a change of what a feature means is not seen by it. The interval is
    where the accuracy of this window will lie once its labels come, Wilson's with N E hits. No case: unknown.
    Source: Guillory et al. (2021), ICCV, 1134-1144 (average confidence).
    """
    score, positive = probabilities(calibrated, "calibrated"), zero_or_one(decided, "decided")
    same_length(calibrated=score, decided=positive)
    return estimated_accuracy_of_sum(float(np.where(positive, score, 1 - score).sum()), len(score), level)


def estimated_accuracy_of_sum(right: float, n: int, level: float = 0.95) -> Estimate:
    """The same from the sum of the chances e_i that the n decisions are right."""
    quantile(level)  # checks it
    if n == 0:
        return Estimate.unknown(level)
    expected = min(max(right / n, 0.0), 1.0)
    return Estimate(expected, *score_interval(expected, n, level), level)
