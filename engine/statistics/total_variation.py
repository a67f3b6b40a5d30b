"""The total variation distance."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.counts import two_counts
from engine.statistics.registry import Estimate, metric, quantile


@metric("total_variation", unit="proportion", better="low")
def total_variation(reference: ArrayLike, window: ArrayLike, level: float = 0.95) -> Estimate:
    """The share of cases that would have to change their group to turn one set of shares into the other.

        TV   = Σ |p_i - q_i| / 2
        t    = sqrt(ln(2 / (1 - level)) (1/n + 1/m) / 2),   b = Σ sqrt(p'_i (1 - p'_i) (1/n + 1/m)) / 2
        low  = TV - t - b,   high = TV + t, cut at 0 and 1

    where p' are the shares of both samples together. reference, window: counts of the same groups, shape (k,).
    The interval is conservative: t bounds the distance of TV from its mean for any shares (each case moves it by at
    most 1/n or 1/m), and chance alone adds at most b to the mean. Either side empty: unknown.
    Source: McDiarmid (1989), Surveys in Combinatorics, 148-188, for t; Jensen's inequality for b.
    """
    quantile(level)  # checks it
    r, w = two_counts(reference, window)
    n, m = float(r.sum()), float(w.sum())
    if not n or not m:
        return Estimate.unknown(level)
    noise = 1 / n + 1 / m
    value = float(np.abs(r / n - w / m).sum()) / 2
    pooled = (r + w) / (n + m)
    t = sqrt(log(2 / (1 - level)) * noise / 2)
    by_chance = float(np.sqrt(pooled * (1 - pooled) * noise).sum()) / 2
    return Estimate(value, max(0.0, value - t - by_chance), min(1.0, value + t), level)
