"""The area under the ROC curve before anybody knows the truth."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import numbers, probabilities, same_length
from engine.statistics.auc import auc_of_counts
from engine.statistics.registry import Estimate, metric, quantile


@metric("estimated_auc", unit="probability", better="high")
def estimated_auc(calibrated: ArrayLike, level: float = 0.95) -> Estimate:
    """The area under the ROC curve that the scores themselves promise: an estimate, made without any label.

        A = Σ_i Σ_j s_i (1 - s_j) [s_i > s_j, ties half] / Σ_i Σ_j s_i (1 - s_j), over i and j that differ

    calibrated: probabilities that come true as often as they say, shape (N,). Each case counts as s_i of a positive
    and 1 - s_i of a negative. It is right as far as the scores stay calibrated: a change of what a feature means is
    not seen by it. The interval is DeLong's at those expected counts: where the area of this window will lie once its
    labels come. Fewer than two cases, or scores that are all 0 or all 1: unknown.
    Source: the ratio of the expected numbers of pairs where labels are drawn by the scores; simulated in the tests.
    """
    quantile(level)  # checks it
    score = np.sort(probabilities(calibrated, "calibrated"))
    if len(score) < 2:
        return Estimate.unknown(level)
    starts = np.flatnonzero(np.concatenate(([True], score[1:] != score[:-1])))
    return estimated_auc_of_counts(score[starts], np.diff(np.append(starts, len(score))), level)


def estimated_auc_of_counts(scores: ArrayLike, cases: ArrayLike, level: float = 0.95) -> Estimate:
    """The same from how many cases have each of k ascending scores, such as the middles of cells, shape (k,) each."""
    score, times = probabilities(scores, "scores"), numbers(cases, "cases")
    same_length(scores=score, cases=times)
    if times.sum() < 2:
        return Estimate.unknown(level)
    positives = score * times
    with_itself = auc_of_counts(positives, times - positives, level)
    m, n = float(positives.sum()), float((times - positives).sum())
    # Of a case with itself: half of it was counted, none belongs there.
    same = float(np.dot(positives, 1 - score))
    if not with_itself.known or m * n <= same:
        return Estimate.unknown(level)
    value = min(max((with_itself.value * m * n - same / 2) / (m * n - same), 0.0), 1.0)
    up, down = with_itself.high - with_itself.value, with_itself.value - with_itself.low
    stretch = sqrt(m * n / (m * n - same))
    return Estimate(value, max(0.0, value - down * stretch), min(1.0, value + up * stretch), level)
