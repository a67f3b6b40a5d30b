"""The root of the mean squared error."""

from __future__ import annotations

from fractions import Fraction
from math import inf, sqrt

from numpy.typing import ArrayLike

from engine.statistics.arrays import numbers, same_length
from engine.statistics.mean import mean, mean_of_sums
from engine.statistics.registry import Estimate, metric


@metric("rmse", unit="as the target", better="low")
def rmse(targets: ArrayLike, values: ArrayLike, level: float = 0.95) -> Estimate:
    """The root of the mean squared distance of the prediction from the target.

        RMSE = sqrt(1/N Σ (v_i - t_i)²)

    targets, values: finite numbers, shape (N,). The ends are the roots of the mean squared error's interval:
    the root keeps order, so the interval's level stays. No case: unknown.
    Source: Hyndman, Koehler (2006), International Journal of Forecasting 22, 679-688.
    """
    truth, predicted = numbers(targets, "targets"), numbers(values, "values")
    same_length(targets=truth, values=predicted)
    return _root(mean((predicted - truth) ** 2, level, least=0.0, most=inf))


def rmse_of_sums(n: int, squares: Fraction, fourths: Fraction, level: float = 0.95) -> Estimate:
    """The same from what the squared errors of n cases, and their squares, add up to."""
    return _root(mean_of_sums(n, squares, fourths, level, least=0.0))


def _root(squared: Estimate) -> Estimate:
    return Estimate(sqrt(squared.value), sqrt(squared.low), sqrt(squared.high), squared.level)
