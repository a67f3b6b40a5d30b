"""Whether a score of 0.7 comes true in seven cases of ten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import probabilities, same_length, zero_or_one
from engine.statistics.registry import Estimate, metric
from engine.statistics.wilson import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The cases whose score lies in [low, high), the last bin's end included."""

    low: float
    high: float
    n: int
    mean_score: float  #: nan where the bin is empty
    observed: Estimate  #: the share of positives, with Wilson's interval


def reliability(labels: ArrayLike, scores: ArrayLike, bins: int = 10, level: float = 0.95) -> tuple[Bin, ...]:
    """The reliability diagram's bins: equal widths over [0, 1], each with what was promised and what came true.

    labels: 0 or 1, shape (N,). scores: in [0, 1], shape (N,). Empty bins are kept, and unknown.
    """
    if bins < 1:
        raise ValueError(f"bins is {bins}, not at least 1")
    positive, score = zero_or_one(labels, "labels"), probabilities(scores, "scores")
    same_length(labels=positive, scores=score)
    place = np.minimum((score * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    hits = np.bincount(place, weights=positive, minlength=bins)
    sums = np.bincount(place, weights=score, minlength=bins)
    return tuple(
        Bin(
            low=b / bins,
            high=(b + 1) / bins,
            n=int(counts[b]),
            mean_score=float(sums[b] / counts[b]) if counts[b] else nan,
            observed=wilson(int(hits[b]), int(counts[b]), level),
        )
        for b in range(bins)
    )


@metric("calibration_error", unit="probability", better="low")
def calibration_error(labels: ArrayLike, scores: ArrayLike, bins: int = 10, level: float = 0.95) -> Estimate:
    """The expected calibration error: how far, on average, the share of positives lies from the mean score of its bin.

        ECE  = Σ_b (n_b / N) |o_b - s_b|
        low  = Σ_b (n_b / N) d(s_b, [l_b, u_b])
        high = Σ_b (n_b / N) max(|s_b - l_b|, |s_b - u_b|)

    where o_b is the share of positives of bin b, s_b its mean score, [l_b, u_b] Wilson's interval of o_b at
    level 1 - (1 - level) / B over the B bins that hold cases (Bonferroni), d the distance to it.
    The interval is conservative: it holds at least at `level`, given how the scores fall into bins. A bootstrap
    would not: each resample adds noise to a sum of absolute values, so that the interval of a well calibrated
    model leaves out its own value. No case at all: unknown.
    Source: Naeini, Cooper, Hauskrecht (2015), AAAI 29, 2901-2907 (equal widths, 10 bins).
    """
    return calibration_error_of_bins(reliability(labels, scores, bins, level), level)


def calibration_error_of_bins(bins: Iterable[Bin], level: float = 0.95) -> Estimate:
    """The same from the bins of the reliability diagram."""
    cells = [b for b in bins if b.n]
    if not cells:
        return Estimate.unknown(level)
    total = sum(b.n for b in cells)
    each = 1 - (1 - level) / len(cells)
    value = low = high = 0.0
    for b in cells:
        share, s = b.n / total, b.mean_score
        bounds = wilson(round(b.observed.value * b.n), b.n, each)
        value += share * abs(b.observed.value - s)
        low += share * max(bounds.low - s, s - bounds.high, 0.0)
        high += share * max(abs(s - bounds.low), abs(s - bounds.high))
    return Estimate(value, low, high, level)
