"""The F measure."""

from __future__ import annotations

from numpy.typing import ArrayLike

from engine.statistics.arrays import same_length, zero_or_one
from engine.statistics.registry import Estimate, metric
from engine.statistics.wilson import wilson


@metric("f1", unit="proportion", better="high")
def f1(labels: ArrayLike, decisions: ArrayLike, level: float = 0.95) -> Estimate:
    """The harmonic mean of precision and recall.

        F = 2 TP / (2 TP + FP + FN) = 2 F* / (1 + F*),  F* = TP / (TP + FP + FN)

    F* is a proportion of the cases that are positive by label or by decision: its Wilson interval, carried over, is
    that of F, since F grows with F*. labels, decisions: 0 or 1, shape (N,). No positive case of either kind: unknown.
    Source: van Rijsbergen (1979), Information Retrieval, 7; F* by Hand, Christen, Kirielle (2021), Machine Learning
    110, 451-456.
    """
    positive, decided = zero_or_one(labels, "labels"), zero_or_one(decisions, "decisions")
    same_length(labels=positive, decisions=decided)
    return f1_of_counts(int((positive & decided).sum()), int((positive ^ decided).sum()), level)


def f1_of_counts(right: int, wrong: int, level: float = 0.95) -> Estimate:
    """The same from counts. right: positive by label and by decision; wrong: by one of them alone."""
    share = wilson(right, right + wrong, level)
    value, low, high = (2 * each / (1 + each) for each in (share.value, share.low, share.high))
    return Estimate(value, low, high, level)
