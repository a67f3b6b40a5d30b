"""A group's rate over the reference group's: the four-fifths rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, sqrt

from engine.statistics.registry import Estimate, count, metric, quantile


@metric("impact_ratio", unit="ratio", better="one")
def impact_ratio(hits: Sequence[int], totals: Sequence[int], level: float = 0.95, floor: int = 30) -> Estimate:
    """A group's rate divided by the declared reference group's, with Koopman's score interval.

        r = p1 / p2, and the interval holds every r with
        (x - m q1)² / (m q1 (1 - q1)) + (y - n q2)² / (n q2 (1 - q2)) <= z²

    where x of m and y of n are the two groups' hits and q1 = r q2 the likeliest rates under that r.
    hits, totals: counts, shape (2,), reference group last. floor: with fewer cases in either group the answer
    is unknown, since a verdict on a handful of people is none. The value is infinite where only the reference
    group has no hit, unknown where neither has one. The reference group is declared, never taken from row order.
    Source: Koopman (1984), Biometrics 40, 513-517; its example is our test. Four-fifths: 29 CFR 1607.4 (D).
    """
    z = quantile(level)
    (x, m), (y, n) = (count(h, t) for h, t in zip(hits, totals, strict=True))
    if min(m, n) < max(floor, 1) or x + y == 0:
        return Estimate.unknown(level)
    value = (x / m) / (y / n) if y else inf

    def excess(ratio: float) -> float:
        return _distance(ratio, x, m, y, n) - z * z

    low = 0.0 if x == 0 else _crossing(excess, 0.0, value)
    high = inf if y == 0 else _crossing(excess, _beyond(excess, value), value)
    return Estimate(value, low, high, level)


def _distance(ratio: float, x: int, m: int, y: int, n: int) -> float:
    """Koopman's chi-square of a ratio: how far the counts lie from the likeliest rates that keep it."""
    if ratio == 0:
        return inf if x else 0.0
    # The likeliest q1 solves (m + n) p² - (ratio (m + y) + x + n) p + ratio (x + y) = 0; the smaller root is a rate.
    b = ratio * (m + y) + x + n
    p1 = (b - sqrt(max(0.0, b * b - 4 * ratio * (m + n) * (x + y)))) / (2 * (m + n))
    p1 = min(max(p1, 0.0), 1.0)
    p2 = min(p1 / ratio, 1.0)
    return _term(x, m, p1) + _term(y, n, p2)


def _term(hits: int, total: int, rate: float) -> float:
    gap = hits - total * rate
    spread = total * rate * (1 - rate)
    if spread <= 0:
        return 0.0 if abs(gap) < 1e-9 * total else inf
    return gap * gap / spread


def _beyond(excess: Callable[[float], float], start: float) -> float:
    """A ratio above `start` that the counts rule out."""
    ratio = max(start, 1e-9) * 2
    while excess(ratio) <= 0 and ratio < 1e300:
        ratio *= 2
    return ratio


def _crossing(excess: Callable[[float], float], outside: float, inside: float) -> float:
    """Where the distance passes z² between a ratio that is ruled out and one that is not, to the last bits."""
    if inside == inf:
        inside = _within(excess)
    for _ in range(200):
        middle = (outside + inside) / 2
        if middle in (outside, inside):
            break
        if excess(middle) > 0:
            outside = middle
        else:
            inside = middle
    return inside


def _within(excess: Callable[[float], float]) -> float:
    """A finite ratio that the counts allow, where the value itself is infinite."""
    ratio = 1.0
    while excess(ratio) > 0 and ratio < 1e300:
        ratio *= 2
    return ratio
