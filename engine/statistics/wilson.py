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
    hits, total = count(hits, total)
    if total == 0:
        quantile(level)  # checks it
        return Estimate.unknown(level)
    return Estimate(hits / total, *score_interval(hits / total, total, level), level)


def score_interval(p: float, n: float, level: float) -> tuple[float, float]:
    """The ends of Wilson's interval of a proportion p among n > 0 cases, which need not be whole."""
    z = quantile(level)
    centre = p + z * z / (2 * n)
    spread = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # The ends are exact by algebra at 0 and 1, and not by floating point.
    return 0.0 if p == 0 else (centre - spread) / scale, 1.0 if p == 1 else (centre + spread) / scale
