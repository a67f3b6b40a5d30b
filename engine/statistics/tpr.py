"""The true positive rate."""

from __future__ import annotations

from numpy.typing import ArrayLike

from engine.statistics.arrays import same_length, zero_or_one
from engine.statistics.registry import Estimate, metric
from engine.statistics.wilson import wilson


@metric("tpr", unit="proportion", better="high")
def tpr(labels: ArrayLike, decisions: ArrayLike, level: float = 0.95) -> Estimate:
    """The share of the positive cases that are decided positively (sensitivity, recall), with Wilson's interval.

        TPR = TP / (TP + FN)

    labels, decisions: 0 or 1, shape (N,). No positive case: unknown.
    Source: Wilson (1927), JASA 22, 209-212, for the interval.
    """
    positive, decided = zero_or_one(labels, "labels"), zero_or_one(decisions, "decisions")
    same_length(labels=positive, decisions=decided)
    return wilson(int((positive & decided).sum()), int(positive.sum()), level)
