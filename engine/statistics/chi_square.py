"""Pearson's chi-square test of two samples, and how large the difference is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import Counted, Numbers
from engine.statistics.counts import two_counts
from engine.statistics.registry import Estimate, metric, quantile

_CLOSED_FROM = 10_000.0
_MOST_SECANTS = 12
_CLOSE, _STRAY = 1e-10, 1e-7


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
    r, w = two_counts(reference, window)
    statistic, degrees, p = _tested(r[None], w[None])
    return ChiSquare(statistic=float(statistic[0]), degrees=int(degrees[0]), p=float(p[0]))


def _tested(reference: Counted, window: Counted) -> tuple[Numbers, Numbers, Numbers]:
    """(statistic, degrees, p) of many pairs, shape (pairs, groups) each."""
    import scipy.special

    n, m, both = reference.sum(axis=1, keepdims=True), window.sum(axis=1, keepdims=True), reference + window
    degrees = np.maximum((both > 0).sum(axis=1) - 1, 0)
    tested = (n[:, 0] > 0) & (m[:, 0] > 0) & (degrees > 0)
    n, m = np.maximum(n, 1).astype(np.float64), np.maximum(m, 1).astype(np.float64)
    # (r - E)² / E summed over both rows, in the form that needs one difference a group.
    gaps = np.zeros(both.shape)
    np.divide((reference / n - window / m) ** 2, both / (n + m), out=gaps, where=both > 0)
    statistic = np.where(tested, gaps.sum(axis=1) * (n * m / (n + m))[:, 0], np.nan)
    return statistic, degrees, scipy.special.chdtrc(degrees, statistic)


@metric("chi_square", unit="Cohen's w", better="low")
def chi_square(reference: ArrayLike, window: ArrayLike, level: float = 0.95) -> Estimate:
    """How far the shares of the groups differ, as Cohen's w: 0.1 is small, 0.3 medium, 0.5 large, whatever the rows.

        w² = Σ (p_i - q_i)² / p'_i,  estimated by max(0, χ² - (k - 1)) (1/n + 1/m)

    where χ² is Pearson's statistic and p' are the shares of both samples together; chance alone gives χ² the mean
    k - 1, which is taken off. The interval holds every w whose noncentral chi-square law allows the statistic.
    reference, window: counts of the same groups, shape (k,). A sample empty, or one group alone: unknown.
    Source: Cohen (1988), Statistical Power Analysis, 7.2; Smithson (2003), Confidence Intervals, chapter 4.
    """
    r, w = two_counts(reference, window)
    return chi_square_of_rows(r[None], w[None], level)[0][0]


def chi_square_of_rows(reference: Counted, window: Counted, level: float = 0.95) -> list[tuple[Estimate, float]]:
    """The same of many pairs at once, with p of each, shape (n, k) each; not checked. Pairs of fewer groups are filled
    up with 0."""
    z, tail = quantile(level), (1 - level) / 2
    statistic, degrees, p = _tested(reference, window)
    noise = 1 / np.maximum(reference.sum(axis=1), 1) + 1 / np.maximum(window.sum(axis=1), 1)
    middle = np.maximum(0.0, statistic - degrees)
    bottom = np.minimum(_noncentrality(statistic, degrees, 1 - tail, -z), middle)
    top = np.maximum(_noncentrality(statistic, degrees, tail, z), middle)
    values, lows, highs = (np.sqrt(each * noise).tolist() for each in (middle, bottom, top))
    return [
        (Estimate.unknown(level) if math.isnan(chance) else Estimate(value, low, high, level), chance)
        for value, low, high, chance in zip(values, lows, highs, p.tolist(), strict=True)
    ]


def _noncentrality(statistic: Numbers, degrees: Numbers, share: float, z: float) -> Numbers:
    """The noncentrality whose law stays under the statistic with this share, z its normal quantile from above.

        λ = (sqrt(χ² - (k - 2) / 2) + z)² - (k - 2) / 2

    is within 1e-6 of it, relatively, from χ² = 10,000 on for up to 258 groups; below it is where the search begins:
    by secants over sqrt(λ), in which the normal quantile of the share is nearly a straight line. 0 where no
    noncentrality is so small. Source: Sankaran (1959), Biometrika 46, 235-237.
    """
    import scipy.special

    half = (degrees - 1) / 2
    root = np.sqrt(np.maximum(statistic - half, 0.0)) + z
    found = np.where(root > 0, np.maximum(root**2 - half, 0.0), 0.0)
    with np.errstate(invalid="ignore"):
        searched = np.flatnonzero(statistic < _CLOSED_FROM)
    if not len(searched):
        return found
    x, k = statistic[searched], degrees[searched]
    some = scipy.special.chdtr(k, x) > share
    found[searched[~some]] = 0.0
    searched, x, k = searched[some], x[some], k[some]

    def excess(t: Numbers) -> Numbers:
        return np.asarray(scipy.special.ndtri(scipy.special.chndtr(x, k, t**2)) + z)

    before = np.sqrt(np.maximum(found[searched], 0.01))
    at = before + 0.01
    was, now = excess(before), excess(at)
    for _ in range(_MOST_SECANTS):
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.where(now == was, 0.0, now * (at - before) / (now - was))
        before, was = at, now
        at = np.abs(at - step)
        if not (np.abs(step) > _CLOSE * at).any():
            break
        now = excess(at)
    found[searched] = at**2
    for place in np.flatnonzero(~(np.abs(excess(at)) < _STRAY)).tolist():  # where the line is none: far out in a tail
        found[searched[place]] = _root(float(x[place]), int(k[place]), share)
    return found


def _root(statistic: float, degrees: int, share: float) -> float:
    import scipy.optimize
    import scipy.special

    def excess(noncentrality: float) -> float:
        return float(scipy.special.chndtr(statistic, degrees, noncentrality)) - share

    above = max(statistic, 1.0) * 2
    while excess(above) > 0:
        above *= 2
    return float(scipy.optimize.brentq(excess, 0.0, above, xtol=1e-9 * above))
