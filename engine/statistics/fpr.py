"""The false positive rate."""

from __future__ import annotations

from numpy.typing import ArrayLike

from engine.statistics.arrays import same_length, zero_or_one
from engine.statistics.registry import Estimate, metric
from engine.statistics.wilson import wilson


@metric("fpr", unit="proportion", better="low")
def fpr(labels: ArrayLike, decisions: ArrayLike, level: float = 0.95) -> Estimate:
    """The share of the negative cases that are decided positively, with Wilson's interval.

        FPR = FP / (FP + TN)

    labels, decisions: 0 or 1, shape (N,). No negative case: unknown.
    Source: Wilson (1927), JASA 22, 209-212, for the interval.
    """
    positive, decided = zero_or_one(labels, "labels"), zero_or_one(decisions, "decisions")
    same_length(labels=positive, decisions=decided)
    return wilson(int((~positive & decided).sum()), int((~positive).sum()), level)
