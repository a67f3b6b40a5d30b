"""The root of the mean squared error."""

from __future__ import annotations

from math import inf, sqrt

from numpy.typing import ArrayLike

from engine.statistics.arrays import numbers, same_length
from engine.statistics.mean import mean
from engine.statistics.registry import Estimate, metric


@metric("rmse", unit="as the target", better="low")
def rmse(targets: ArrayLike, values: ArrayLike, level: float = 0.95) -> Estimate:
    """The root of the mean squared distance of the prediction from the target.

    targets, values: finite numbers, shape (N,). The ends are the roots of the mean squared error's interval:
    the root keeps order, so the interval's level stays. No case: unknown.
    """
    truth, predicted = numbers(targets, "targets"), numbers(values, "values")
    same_length(targets=truth, values=predicted)
    squared = mean((predicted - truth) ** 2, level, least=0.0, most=inf)
    return Estimate(sqrt(squared.value), sqrt(squared.low), sqrt(squared.high), level)
