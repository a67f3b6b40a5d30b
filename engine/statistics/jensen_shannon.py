"""The Jensen-Shannon distance."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import Numbers, inner
from engine.statistics.counts import distance, two_counts
from engine.statistics.registry import Estimate, metric


@metric("jensen_shannon", unit="square root of bits", better="low")
def jensen_shannon(reference: ArrayLike, window: ArrayLike, level: float = 0.95) -> Estimate:
    """How far two sets of shares lie apart, from 0 (alike) to 1 (no group in common).

        JS = sqrt(KL(p || m) / 2 + KL(q || m) / 2),  m = (p + q) / 2,  logarithms to base 2

    reference, window: counts of the same groups, shape (k,). The interval is that of the divergence (see
    `counts.distance`), its roots taken: the root keeps order, so the level stays. Either side empty: unknown.
    Source: Lin (1991), IEEE Transactions on Information Theory 37, 145-151; the root is a metric by Endres and
    Schindelin (2003), the same journal 49, 1858-1860.
    """
    r, w = two_counts(reference, window)
    n, m = float(r.sum()), float(w.sum())
    if not n or not m:
        return Estimate.unknown(level)
    p, q = r / n, w / m
    middle = (p + q) / 2
    by_p, by_q = _logs(p, middle), _logs(q, middle)
    divergence = (inner(p, by_p) + inner(q, by_q)) / 2
    bounds = distance(divergence, (by_p / 2, by_q / 2), (p, q), (n, m), 1 / (8 * log(2)), level)
    value, low, high = (sqrt(min(max(each, 0.0), 1.0)) for each in (divergence, bounds.low, bounds.high))
    return Estimate(value, low, high, level)


def _logs(shares: Numbers, middle: Numbers) -> Numbers:
    """log2(share / middle); 0 where nobody is, whose term is 0."""
    logs = np.zeros_like(shares)
    some = shares > 0
    logs[some] = np.log2(shares[some] / middle[some])
    return logs
