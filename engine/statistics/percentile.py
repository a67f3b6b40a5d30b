"""A quantile of a sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import numbers
from engine.statistics.registry import Estimate, metric, quantile


@metric("percentile", unit="as the sample", better="low")
def percentile(sample: ArrayLike, share: float = 0.95, level: float = 0.95) -> Estimate:
    """The value under which a share of the sample lies, such as the answer time that 95 of 100 requests keep.

        value = x_(ceil(share N)),  low = x_(l),  high = x_(u)
        l: the largest with P(B < l) <= (1 - level) / 2,  u: the least with P(B >= u) <= (1 - level) / 2

    where x_(i) are the ordered values and B counts the cases under the true quantile, binomial with N and `share`. The
    interval holds for any distribution. Where the sample is too small for an end, that end is unbounded: infinite.
    sample: finite numbers, shape (N,). share: in (0, 1). No case: unknown.
    Source: David and Nagaraja (2003), Order Statistics, 7.1.
    """
    import scipy.stats

    quantile(level)  # checks it
    if not 0 < share < 1:
        raise ValueError(f"share is {share}, not between 0 and 1")
    ordered = np.sort(numbers(sample, "sample"))
    n = len(ordered)
    if n == 0:
        return Estimate.unknown(level)
    tail = (1 - level) / 2
    place = int(np.ceil(share * n - 1e-9))
    # ppf gives the least b with P(B <= b) >= tail, so P(B < b) < tail: that b is l, and 0 is no place in the order.
    low = int(scipy.stats.binom.ppf(tail, n, share))
    high = int(scipy.stats.binom.ppf(1 - tail, n, share)) + 1
    return Estimate(
        float(ordered[place - 1]),
        float(ordered[low - 1]) if low >= 1 else -np.inf,
        float(ordered[high - 1]) if high <= n else np.inf,
        level,
    )
