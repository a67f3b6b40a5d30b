"""A total of what rows bring."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

from engine.statistics.registry import Estimate, quantile


def total_of_sums(n: int, total: Fraction, squares: Fraction, periods: float = 1.0, level: float = 0.95) -> Estimate:
    """What rows bring per period, with the normal interval of a compound Poisson sum.

        (S ± z sqrt(Σ x²)) / T,   S = Σ x

    Not only the values are due to chance, but also how many rows come: of a Poisson number of independent rows the sum
    has the variance λ E[x²], which Σ x² estimates without bias. Too narrow where rows come in bursts, and under some 30
    rows. n: rows. periods: T > 0, such as days. No row: unknown, and never zero.
    Source: Ross, Introduction to Probability Models (10th edition, 2010), section 5.4.2, equation 5.26.
    """
    z = quantile(level)
    if not periods > 0:
        raise ValueError(f"periods is {periods}, not above 0")
    if n == 0:
        return Estimate.unknown(level)
    value, spread = float(total) / periods, z * sqrt(float(squares)) / periods
    return Estimate(value, value - spread, value + spread, level)
