"""How far two groups' rates lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

from engine.statistics.registry import Estimate, metric
from engine.statistics.wilson import wilson


@metric("rate_difference", unit="proportion", better="zero")
def rate_difference(hits: Sequence[int], totals: Sequence[int], level: float = 0.95) -> Estimate:
    """How far a group's rate lies from the declared reference group's, with Newcombe's score interval.

        d = p1 - p2,   low = d - hypot(p1 - l1, u2 - p2),   high = d + hypot(u1 - p1, p2 - l2)

    where pi = hits[i] / totals[i] and [li, ui] is Wilson's interval of pi at `level`.
    hits, totals: counts, shape (2,), reference group last, 0 <= hits <= totals.
    Returns an Estimate in [-1, 1]; unknown where a group is empty: no data is never "no difference".
    Raises ValueError for counts out of range. Constant cost; counts of several windows may be added first.
    Source: Newcombe (1998), Statistics in Medicine 17, 873-890, method 10; its first example is our test.
    """
    one, other = (wilson(h, n, level) for h, n in zip(hits, totals, strict=True))
    if not (one.known and other.known):
        return Estimate.unknown(level)
    d = one.value - other.value
    low = d - hypot(one.value - one.low, other.high - other.value)
    high = d + hypot(one.high - one.value, other.value - other.low)
    return Estimate(d, max(-1.0, low), min(1.0, high), level)
