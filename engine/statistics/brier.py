"""The Brier score."""

from __future__ import annotations

from numpy.typing import ArrayLike

from engine.statistics.arrays import probabilities, same_length, zero_or_one
from engine.statistics.mean import mean
from engine.statistics.registry import Estimate, metric


@metric("brier", unit="squared probability", better="low")
def brier(labels: ArrayLike, scores: ArrayLike, level: float = 0.95) -> Estimate:
    """The mean squared distance of the score from what came true, with the interval of a mean.

        BS = 1/N Σ (f_t - o_t)²

    labels: 0 or 1, shape (N,). scores: in [0, 1], shape (N,). Returns an Estimate in [0, 1], see `mean`.
    Source: Brier (1950), Monthly Weather Review 78, 1-3, for two classes and one of them counted.
    """
    positive, score = zero_or_one(labels, "labels"), probabilities(scores, "scores")
    same_length(labels=positive, scores=score)
    return mean((score - positive) ** 2, level, least=0.0, most=1.0)
