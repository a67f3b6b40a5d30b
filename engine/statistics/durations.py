"""Times as counts: cells whose ends lie a fixed ratio apart, and the quantiles that such counts tell."""

from __future__ import annotations

from math import ceil, inf

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.columns import Whole
from engine.statistics.counts import whole
from engine.statistics.registry import Estimate, quantile

PER_OCTAVE = 32
CELLS = 32 * PER_OCTAVE  #: from one microsecond to more than an hour
#: a value told from counts lies at most this share away from the sample's own
ERROR = 2 ** (1 / (2 * PER_OCTAVE)) - 1


def cells(microseconds: ArrayLike) -> Whole:
    """The cell of each duration, shape (N,): whole microseconds; less than one counts as one."""
    given = np.maximum(np.asarray(microseconds, dtype=np.float64), 1.0)
    found: Whole = np.minimum(np.floor(np.log2(given) * PER_OCTAVE), CELLS - 1).astype(np.int64)
    return found


def percentile_of_counts(counts: ArrayLike, share: float = 0.95, level: float = 0.95) -> Estimate:
    """`percentile` in milliseconds from the counts of the cells, shape (CELLS,).

    The value is the geometric middle of its cell, at most 1.1% away from the sample's own (`ERROR`); the ends are those
    of the cells in which the order statistics of the interval lie, so the interval is no narrower than the sample's.
    """
    import scipy.stats

    quantile(level)  # checks it
    if not 0 < share < 1:
        raise ValueError(f"share is {share}, not between 0 and 1")
    found = whole(counts, "counts")
    n = int(found.sum())
    if n == 0:
        return Estimate.unknown(level)
    up_to, tail = np.cumsum(found), (1 - level) / 2

    def cell(place: int) -> int:
        return int(np.searchsorted(up_to, place))

    at = cell(ceil(share * n - 1e-9))
    low, high = int(scipy.stats.binom.ppf(tail, n, share)), int(scipy.stats.binom.ppf(1 - tail, n, share)) + 1
    return Estimate(
        _milliseconds(at + 0.5),
        _milliseconds(cell(low)) if low >= 1 else 0.0,
        _milliseconds(cell(high) + 1) if high <= n else inf,
        level,
    )


def _milliseconds(cell: float) -> float:
    return float(2 ** (cell / PER_OCTAVE)) / 1000
