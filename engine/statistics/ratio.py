"""A ratio of two sums over the same rows."""

from __future__ import annotations

from math import inf, nan, sqrt

from engine.statistics.contributions import Contributions
from engine.statistics.registry import Estimate, quantile


def ratio_of_sums(rows: Contributions, level: float = 0.95) -> Estimate:
    """Σ a / Σ b of paired values, with Fieller's interval.

        {r : (A - r B)² <= z² (Saa - 2 r Sab + r² Sbb)},   Sxy = n / (n-1) (Σ x y - Σ x Σ y / n)

    where A and B are the sums. Where Σ b cannot be told from 0 at the level, the set has no ends: neither has the
    interval. Normal sums: under some 30 rows it is too narrow. No row, or Σ b = 0: unknown. One row: no ends.
    Source: Fieller (1954), Journal of the Royal Statistical Society B 16, 175-185.
    """
    z = quantile(level)
    if rows.n == 0 or rows.per == 0:
        return Estimate.unknown(level)
    n, a, b = rows.n, rows.total, rows.per
    value = float(a / b)
    if n == 1:
        return Estimate(value, -inf, inf, level)
    scale = float(n) / (n - 1)
    # Exact until here: what is small against the sums does not cancel. In units of B² the roots are those of the ratio.
    saa, sbb, sab = (
        scale * float((squares - one * other / n) / b**2)
        for squares, one, other in ((rows.squares, a, a), (rows.per_squares, b, b), (rows.products, a, b))
    )
    g = z * z * sbb
    if g >= 1:
        return Estimate(value, -inf, inf, level)
    # (1 - g) r² - 2 (v - z² Sab) r + v² - z² Saa <= 0; its discriminant over 4, without cancelling:
    under = z * z * (saa - 2 * value * sab + value**2 * sbb) - z**4 * (saa * sbb - sab**2)
    middle, half = (value - z * z * sab) / (1 - g), sqrt(max(under, 0.0)) / (1 - g)
    low, high = middle - half, middle + half
    return (
        Estimate(value, min(low, value), max(high, value), level) if value == value else Estimate(nan, nan, nan, level)
    )
