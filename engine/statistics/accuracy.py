"""The share of right decisions."""

from __future__ import annotations

from numpy.typing import ArrayLike

from engine.statistics.arrays import same_length, zero_or_one
from engine.statistics.registry import Estimate, metric
from engine.statistics.wilson import wilson


@metric("accuracy", unit="proportion", better="high")
def accuracy(labels: ArrayLike, decisions: ArrayLike, level: float = 0.95) -> Estimate:
    """The share of cases decided as they turned out, with Wilson's interval.

        A = (TP + TN) / N

    labels, decisions: 0 or 1, shape (N,). No case: unknown. Says little where one class is rare.
    Source: Wilson (1927), JASA 22, 209-212, for the interval.
    """
    positive, decided = zero_or_one(labels, "labels"), zero_or_one(decisions, "decisions")
    same_length(labels=positive, decisions=decided)
    return wilson(int((positive == decided).sum()), len(positive), level)
