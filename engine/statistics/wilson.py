"""A proportion."""

from __future__ import annotations

from math import sqrt

from engine.statistics.registry import Estimate, count, metric, quantile


@metric("wilson", unit="proportion", better="high")
def wilson(hits: int, total: int, level: float = 0.95) -> Estimate:
    """A proportion with Wilson's score interval.

        (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)

    hits, total: counts, 0 <= hits <= total. Returns an Estimate in [0, 1]; unknown where total is 0.
    Raises ValueError for counts out of range. Constant cost.
    Source: Wilson (1927), JASA 22, 209-212; Newcombe (1998), Statistics in Medicine 17, 857-872, method 3.
    """
    z = quantile(level)
    hits, total = count(hits, total)
    if total == 0:
        return Estimate.unknown(level)
    p = hits / total
    centre = p + z * z / (2 * total)
    spread = z * sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    # The ends are exact by algebra at 0 and 1, and not by floating point.
    low = 0.0 if hits == 0 else (centre - spread) / scale
    high = 1.0 if hits == total else (centre + spread) / scale
    return Estimate(p, low, high, level)
