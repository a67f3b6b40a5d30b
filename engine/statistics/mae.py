"""The mean absolute error."""

from __future__ import annotations

from math import inf

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import numbers, same_length
from engine.statistics.mean import mean
from engine.statistics.registry import Estimate, metric


@metric("mae", unit="as the target", better="low")
def mae(targets: ArrayLike, values: ArrayLike, level: float = 0.95) -> Estimate:
    """The mean absolute distance of the prediction from the target, with the interval of a mean.

        MAE = 1/N Σ |v_i - t_i|

    targets, values: finite numbers, shape (N,). No case: unknown. The interval is that of a mean of independent cases,
    too narrow where few large errors make up the sum. Source: Willmott, Matsuura (2005), Climate Research 30, 79-82.
    """
    truth, predicted = numbers(targets, "targets"), numbers(values, "values")
    same_length(targets=truth, values=predicted)
    return mean(np.abs(predicted - truth), level, least=0.0, most=inf)
