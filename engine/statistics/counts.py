"""Checked counts of the same groups in a reference and in a window, and what a distance between them is worth.

Counts add up: those of two hours, two files or two machines are added before a metric is asked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import Numbers, numbers
from engine.statistics.registry import Estimate, quantile


def two_counts(reference: ArrayLike, window: ArrayLike) -> tuple[Numbers, Numbers]:
    """Both as float arrays of one shape (k,); ValueError names the first that is no count, or unequal lengths."""
    found = [whole(given, name) for name, given in (("reference", reference), ("window", window))]
    if len(found[0]) != len(found[1]):
        raise ValueError(f"lengths differ: reference {len(found[0])}, window {len(found[1])}")
    return found[0], found[1]


def by_value(reference: ArrayLike, window: ArrayLike) -> tuple[Numbers, Numbers, Numbers]:
    """(distinct values, how often each occurs in the reference, and in the window), ascending; by one sort.

    reference, window: finite numbers, shape (n,) and (m,). What is computed from such counts is exact.
    """
    n = len(numbers(reference, "reference"))
    both = np.concatenate([numbers(reference, "reference"), numbers(window, "window")])
    order = np.argsort(both, kind="stable")
    values = both[order]
    first = np.append(True, values[1:] != values[:-1]) if len(values) else np.zeros(0, bool)
    starts = np.flatnonzero(first)
    of_reference = np.add.reduceat((order < n).astype(np.float64), starts) if len(starts) else np.zeros(0)
    sizes = np.diff(np.append(starts, len(values))).astype(np.float64)
    return values[starts], of_reference, sizes - of_reference


def whole(counts: ArrayLike, name: str) -> Numbers:
    """Counts as a float array of shape (k,); ValueError names the first that is none."""
    array = numbers(counts, name)
    wrong = (array < 0) | (array != np.floor(array))
    if wrong.any():
        group = int(wrong.argmax())
        raise ValueError(f"{name}[{group}] is {array[group]}, no count")
    return array


def distance(
    value: float,
    slopes: tuple[Numbers, Numbers],
    shares: tuple[Numbers, Numbers],
    totals: tuple[float, float],
    curvature: float,
    level: float,
) -> Estimate:
    """A smooth distance between two shares with its interval, by the delta method of second order.

        bias = a (k - 1) (1/n + 1/m),   V2 = 2 a² (k - 1) (1/n + 1/m)²
        V1   = var_p(dD/dp) / n + var_q(dD/dq) / m
        D - bias ± z sqrt(max(V1, V2)), cut at 0

    where D is a Σ (p_i - q_i)² / p_i for shares p, q close to each other, `curvature` is that a, and k the groups
    that occur. Where the shares are alike D is a sum of squares and never 0 by itself: its mean is the bias, its
    variance V2, and V1, taken at the shares as counted, is 2 V2 in the mean: the interval is too wide there rather
    than too narrow. `value` is D as defined; the interval is that of the true one, and need not hold a D near its bias.
    slopes: the gradients by p and q, shape (k,) each. totals: n and m.
    """
    low, high = interval(np.array(value), slopes, shares, (np.array(totals[0]), np.array(totals[1])), curvature, level)
    return Estimate(value, float(low), float(high), level)


def interval(
    value: Numbers,
    slopes: tuple[Numbers, Numbers],
    shares: tuple[Numbers, Numbers],
    totals: tuple[Numbers, Numbers],
    curvature: float,
    level: float,
) -> tuple[Numbers, Numbers]:
    """Both ends of the interval of `distance`, of many at once: groups along the last axis, values and totals without.

    A group whose shares are both 0 does not occur; its slopes are finite.
    """
    z = quantile(level)
    (n, m), (p, q) = totals, shares
    k = ((p > 0) | (q > 0)).sum(axis=-1)
    noise = 1 / n + 1 / m
    second = 2 * (curvature * noise) ** 2 * (k - 1)
    first = variance(slopes[0], p) / n + variance(slopes[1], q) / m
    spread = z * np.sqrt(np.maximum(first, second))
    centre = value - curvature * (k - 1) * noise
    return np.maximum(0.0, centre - spread), np.maximum(0.0, centre + spread)


def variance(values: Numbers, shares: Numbers) -> Numbers:
    """The variance of values that occur with these shares, along the last axis."""
    mean = (values * shares).sum(axis=-1, keepdims=True)
    found: Numbers = ((values - mean) ** 2 * shares).sum(axis=-1)
    return found
