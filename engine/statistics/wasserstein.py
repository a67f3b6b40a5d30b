"""The Wasserstein distance of order 1."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import Numbers, inner, numbers
from engine.statistics.counts import two_counts, variance
from engine.statistics.registry import Estimate, metric, quantile


@metric("wasserstein", unit="as the feature", better="low")
def wasserstein(
    reference: ArrayLike, window: ArrayLike, positions: ArrayLike, level: float = 0.95, scale: float = 1.0
) -> Estimate:
    """How far, on average, a case has to move to turn one distribution into the other, in the feature's own unit.

        W = Σ_j |F(j) - G(j)| (x_{j+1} - x_j)
        interval W - b - z s to W + z s, cut at 0
        s² = var_p(h) / n + var_q(h) / m,   h_i = Σ_{j >= i} sign(F(j) - G(j)) (x_{j+1} - x_j)
        b  = sqrt(2 / pi) Σ_j sqrt(F'(j) (1 - F'(j)) (1/n + 1/m)) (x_{j+1} - x_j)

    where F' is the distribution function of both samples together and b the mean of W where they are alike.
    reference, window: counts, shape (k,), of cases at `positions`, ascending numbers, shape (k,). With one position a
    distinct value W is exact; with cells' centres it is off by at most the mean width of a cell. scale: what the
    distance is divided by, such as the reference's standard deviation. Either side empty: unknown.
    Source: del Barrio, Giné, Matrán (1999), Annals of Probability 27, 1009-1071.
    """
    z = quantile(level)
    if not scale > 0:
        raise ValueError(f"scale is {scale}, not above 0")
    r, w = two_counts(reference, window)
    x = numbers(positions, "positions")
    if len(x) != len(r):
        raise ValueError(f"lengths differ: positions {len(x)}, counts {len(r)}")
    steps: Numbers = np.diff(x) / scale
    if (steps <= 0).any():
        raise ValueError(f"positions[{int((steps <= 0).argmax()) + 1}] is not above the one before it")
    n, m = float(r.sum()), float(w.sum())
    if not n or not m:
        return Estimate.unknown(level)
    p, q = r / n, w / m
    gaps = np.cumsum(p)[:-1] - np.cumsum(q)[:-1]
    value = inner(np.abs(gaps), steps)
    h = np.append(np.cumsum((np.sign(gaps) * steps)[::-1])[::-1], 0.0)
    spread = z * sqrt(variance(h, p) / n + variance(h, q) / m)
    both = np.clip(np.cumsum(r + w)[:-1] / (n + m), 0.0, 1.0)
    by_chance = sqrt(2 / pi * (1 / n + 1 / m)) * inner(np.sqrt(both * (1 - both)), steps)
    return Estimate(value, max(0.0, value - by_chance - spread), value + spread, level)
