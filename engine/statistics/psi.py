"""The population stability index."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import Counted
from engine.statistics.counts import interval, two_counts
from engine.statistics.registry import Estimate, metric

_HALF = 0.5  #: a group that nobody is in would make the index infinite; half a case in each keeps it finite


@metric("psi", unit="nats", better="low")
def psi(reference: ArrayLike, window: ArrayLike, level: float = 0.95) -> Estimate:
    """How far the shares of the groups moved: the population stability index of a window against a reference.

        PSI = Σ (q_i - p_i) ln(q_i / p_i),  p_i = (r_i + 1/2) / (n + k/2),  q_i = (w_i + 1/2) / (m + k/2)

    where r and w are the counts, n and m their sums, k the groups that occur in either; the halves keep it finite.
    reference, window: counts of the same groups, shape (k,): quantile groups fitted on the reference alone, missing
    and out of range as groups of their own. Custom reads 0.1 as some shift and 0.25 as a large one.
    Interval: see `counts.distance`; the index of two samples of one population has the mean (k - 1)(1/n + 1/m).
    Either side empty: unknown.
    Source: Siddiqi (2006), Credit Risk Scorecards; its law under no shift by Yurdakul and Naranjo (2020),
    Journal of Risk Model Validation 14 (4), 89-100.
    """
    r, w = two_counts(reference, window)
    return psi_of_rows(r[None], w[None], level)[0]


def psi_of_rows(reference: Counted, window: Counted, level: float = 0.95) -> list[Estimate]:
    """The same of many pairs at once, shape (n, k) each, as fast as of one; not checked. Groups that occur in neither
    sample of a pair count for nothing, so that pairs of fewer groups are filled up with 0."""
    known = (reference.sum(axis=1) > 0) & (window.sum(axis=1) > 0)
    occur = (reference > 0) | (window > 0)
    halves = occur * _HALF
    r, w = reference + halves, window + halves
    n, m = (np.maximum(each.sum(axis=1), _HALF) for each in (r, w))
    p, q = r / n[:, None], w / m[:, None]
    ratio = np.ones_like(p)
    np.divide(q, p, out=ratio, where=occur)
    logs = np.log(ratio)
    values = ((q - p) * logs).sum(axis=1)
    slopes = (-logs - ratio + 1, logs + 1 - 1 / ratio)
    ends = interval(values, slopes, (p, q), (n, m), 1.0, level)
    found = zip(values.tolist(), ends[0].tolist(), ends[1].tolist(), known.tolist(), strict=True)
    return [Estimate(value, low, high, level) if told else Estimate.unknown(level) for value, low, high, told in found]
