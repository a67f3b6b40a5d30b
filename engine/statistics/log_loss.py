"""The logarithmic loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import probabilities, same_length, zero_or_one
from engine.statistics.mean import mean
from engine.statistics.registry import Estimate, metric

_LEAST = float(np.finfo(np.float64).eps)  #: a score of 0 that comes true counts as this one: 36 nats, not infinity


@metric("log_loss", unit="nats", better="low")
def log_loss(labels: ArrayLike, scores: ArrayLike, level: float = 0.95) -> Estimate:
    """The mean surprise at what came true: -ln of the probability that the score gave it.

        L = -1/N Σ (o_i ln s_i + (1 - o_i) ln(1 - s_i))

    labels: 0 or 1, shape (N,). scores: in [0, 1], shape (N,), held off 0 and 1 by 2.2e-16. The interval is that of a
    mean, and too narrow where single surprises are huge. No case: unknown.
    Source: Good (1952), Journal of the Royal Statistical Society B 14, 107-114.
    """
    positive, score = zero_or_one(labels, "labels"), probabilities(scores, "scores")
    same_length(labels=positive, scores=score)
    held = np.clip(score, _LEAST, 1 - _LEAST)
    return mean(-np.log(np.where(positive, held, 1 - held)), level, least=0.0)
