"""The population stability index."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import inner
from engine.statistics.counts import distance, two_counts
from engine.statistics.registry import Estimate, metric

_HALF = 0.5  #: a group that nobody is in would make the index infinite; half a case in each keeps it finite


@metric("psi", unit="nats", better="low")
def psi(reference: ArrayLike, window: ArrayLike, level: float = 0.95) -> Estimate:
    """How far the shares of the groups moved: the population stability index of a window against a reference.

        PSI = Σ (q_i - p_i) ln(q_i / p_i),  p_i = (r_i + 1/2) / (n + k/2),  q_i = (w_i + 1/2) / (m + k/2)

    where r and w are the counts, n and m their sums, k the groups that occur in either; the halves keep it finite.
    reference, window: counts of the same groups, shape (k,): quantile groups fitted on the reference alone, missing
    and out of range as groups of their own. Custom reads 0.1 as some shift and 0.25 as a large one.
    Interval: see `counts.distance`; the index of two samples of one population has the mean (k - 1)(1/n + 1/m).
    Either side empty: unknown.
    Source: Siddiqi (2006), Credit Risk Scorecards; its law under no shift by Yurdakul and Naranjo (2020),
    Journal of Risk Model Validation 14 (4), 89-100.
    """
    r, w = two_counts(reference, window)
    if not r.sum() or not w.sum():
        return Estimate.unknown(level)
    occur = (r > 0) | (w > 0)
    r, w = r[occur] + _HALF, w[occur] + _HALF
    n, m = float(r.sum()), float(w.sum())
    p, q = r / n, w / m
    logs = np.log(q / p)
    slopes = (-logs - q / p + 1, logs + 1 - p / q)
    return distance(inner(q - p, logs), slopes, (p, q), (n, m), 1.0, level)
