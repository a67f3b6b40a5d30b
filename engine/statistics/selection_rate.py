"""The share of cases that get the positive decision."""

from __future__ import annotations

from numpy.typing import ArrayLike

from engine.statistics.arrays import zero_or_one
from engine.statistics.registry import Estimate, metric
from engine.statistics.wilson import wilson


@metric("selection_rate", unit="proportion", better="high")
def selection_rate(decisions: ArrayLike, level: float = 0.95) -> Estimate:
    """The share of cases decided positively, with Wilson's interval.

        SR = (TP + FP) / N

    decisions: 0 or 1, shape (N,). No case: unknown.
    Source: Wilson (1927), JASA 22, 209-212, for the interval.
    """
    decided = zero_or_one(decisions, "decisions")
    return wilson(int(decided.sum()), len(decided), level)
