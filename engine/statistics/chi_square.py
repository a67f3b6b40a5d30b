"""Pearson's chi-square test of two samples, and how large the difference is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from numpy.typing import ArrayLike

from engine.statistics.counts import two_counts
from engine.statistics.registry import Estimate, metric, quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class ChiSquare:
    """The statistic of two samples, its degrees of freedom, and its chance where they come from one population."""

    statistic: float
    degrees: int
    p: float


def chi_square_test(reference: ArrayLike, window: ArrayLike) -> ChiSquare:
    """Pearson's test of homogeneity: Σ (observed - expected)² / expected over both samples, without correction.

    reference, window: counts of the same groups, shape (k,); groups that occur in neither count for nothing. p by the
    chi-square law, close where few expected counts lie under 5; nan where a sample is empty or one group alone occurs.
    Source: Pearson (1900), Philosophical Magazine 50, 157-175.
    """
    import scipy.special

    r, w = two_counts(reference, window)
    n, m = float(r.sum()), float(w.sum())
    both = r + w
    occur = both > 0
    degrees = max(int(occur.sum()) - 1, 0)
    if not n or not m or not degrees:
        return ChiSquare(statistic=float("nan"), degrees=degrees, p=float("nan"))
    # (r - E)² / E summed over both rows, in the form that needs one difference a group.
    gaps = (r[occur] / n - w[occur] / m) ** 2 / (both[occur] / (n + m))
    statistic = float(gaps.sum()) * n * m / (n + m)
    return ChiSquare(statistic=statistic, degrees=degrees, p=float(scipy.special.chdtrc(degrees, statistic)))


@metric("chi_square", unit="Cohen's w", better="low")
def chi_square(reference: ArrayLike, window: ArrayLike, level: float = 0.95) -> Estimate:
    """How far the shares of the groups differ, as Cohen's w: 0.1 is small, 0.3 medium, 0.5 large, whatever the rows.

        w² = Σ (p_i - q_i)² / p'_i,  estimated by max(0, χ² - (k - 1)) (1/n + 1/m)

    where χ² is Pearson's statistic and p' are the shares of both samples together; chance alone gives χ² the mean
    k - 1, which is taken off. The interval holds every w whose noncentral chi-square law allows the statistic.
    reference, window: counts of the same groups, shape (k,). A sample empty, or one group alone: unknown.
    Source: Cohen (1988), Statistical Power Analysis, 7.2; Smithson (2003), Confidence Intervals, chapter 4.
    """
    import scipy.special

    quantile(level)  # checks it
    found = chi_square_test(reference, window)
    if not found.p >= 0:
        return Estimate.unknown(level)
    r, w = two_counts(reference, window)
    noise = 1 / float(r.sum()) + 1 / float(w.sum())
    tail = (1 - level) / 2

    def rules_out(at: float) -> Callable[[float], float]:
        return lambda noncentrality: float(scipy.special.chndtr(found.statistic, found.degrees, noncentrality)) - at

    low, high = _root(rules_out(1 - tail), found.statistic), _root(rules_out(tail), found.statistic)
    value = max(0.0, found.statistic - found.degrees)
    value, low, high = (sqrt(each * noise) for each in (value, min(low, value), max(high, value)))
    return Estimate(value, low, high, level)


def _root(excess: Callable[[float], float], statistic: float) -> float:
    """The noncentrality at which a decreasing function passes 0; 0 where it is under 0 from the start."""
    import scipy.optimize

    if not excess(0.0) > 0:
        return 0.0
    above = max(statistic, 1.0) * 2
    while excess(above) > 0:
        above *= 2
    return float(scipy.optimize.brentq(excess, 0.0, above, xtol=1e-9 * above))
