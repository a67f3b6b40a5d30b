"""A mean."""

from __future__ import annotations

from fractions import Fraction
from math import inf, sqrt

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import numbers
from engine.statistics.registry import Estimate, quantile


def mean(values: ArrayLike, level: float = 0.95, least: float = -inf, most: float = inf) -> Estimate:
    """A mean with the normal interval, mean ± z s / sqrt(N), cut at the bounds that the values themselves have.

    values: finite numbers, shape (N,). s is the sample's standard deviation, so a single value has the widest
    interval that its bounds allow. By the central limit theorem: under some 30 values it is too narrow.
    No value: unknown.
    """
    z = quantile(level)
    array = numbers(values, "values")
    if len(array) == 0:
        return Estimate.unknown(level)
    value = float(array.mean())
    spread = z * float(array.std(ddof=1)) / sqrt(len(array)) if len(array) > 1 else inf
    # A sum of floats may pass a bound that the values keep, by the last bit.
    value = min(max(value, float(np.min(array))), float(np.max(array)))
    return Estimate(value, max(least, value - spread), min(most, value + spread), level)


def mean_of_sums(
    n: int, total: Fraction, squares: Fraction, level: float = 0.95, least: float = -inf, most: float = inf
) -> Estimate:
    """The same from what n values, and their squares, add up to; exact sums, so that nothing cancels."""
    z = quantile(level)
    if n == 0:
        return Estimate.unknown(level)
    value = float(total / n)
    variance = float(max(squares - total * total / n, Fraction(0)) / (n - 1)) if n > 1 else inf
    spread = z * sqrt(variance / n)
    return Estimate(value, max(least, value - spread), min(most, value + spread), level)
