"""The Kolmogorov-Smirnov distance of two samples."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.counts import two_counts
from engine.statistics.registry import Estimate, metric, quantile

_EXACT_UP_TO = 200  #: cases in the smaller sample and 10 times as many in the larger: there the exact law is cheap


@metric("kolmogorov_smirnov", unit="proportion", better="low")
def kolmogorov_smirnov(reference: ArrayLike, window: ArrayLike, level: float = 0.95) -> Estimate:
    """The largest distance between the two distribution functions.

        D = max_j |F(j) - G(j)|,  interval D ± (e_n + e_m),  e_n = sqrt(ln(4 / (1 - level)) / (2 n)), cut at 0 and 1

    reference, window: counts of the same ordered cells, shape (k,). With one cell a distinct value D is exact; with
    wider cells it is too low by at most the largest share that one cell holds in either sample.
    The interval is conservative and free of any assumption: each empirical function lies within e_n of the true one
    with at least (1 + level) / 2. Either side empty: unknown.
    Source: Massart (1990), Annals of Probability 18, 1269-1283.
    """
    quantile(level)  # checks it
    r, w = two_counts(reference, window)
    n, m = float(r.sum()), float(w.sum())
    if not n or not m:
        return Estimate.unknown(level)
    value = float(np.abs(np.cumsum(r) / n - np.cumsum(w) / m).max())
    band = sum(sqrt(log(4 / (1 - level)) / (2 * size)) for size in (n, m))
    return Estimate(value, max(0.0, value - band), min(1.0, value + band), level)


def kolmogorov_smirnov_error(reference: ArrayLike, window: ArrayLike) -> float:
    """How far D of the values themselves may lie above D of their cells; nan where one is empty.

        max_j max(F(j-1) - G(j-1) + p_j, G(j-1) - F(j-1) + q_j) - D,  F(-1) = G(-1) = 0

    within a cell F may rise by its whole share p_j before G does, or G by q_j before F; D of the values is never below
    D of the cells. reference, window: as in `kolmogorov_smirnov`. A cell that holds one distinct value adds nothing,
    which is not known here: for codes the error is 0, and is not to be asked for.
    """
    r, w = two_counts(reference, window)
    n, m = float(r.sum()), float(w.sum())
    if not n or not m:
        return float("nan")
    p, q = r / n, w / m
    gaps = np.cumsum(p) - np.cumsum(q)
    before = gaps - p + q
    return float(max((before + p).max(), (q - before).max()) - np.abs(gaps).max())


def kolmogorov_smirnov_p(reference: ArrayLike, window: ArrayLike) -> float:
    """The chance of so large a D where both samples come from one continuous population; nan where one is empty.

    Exact for small samples, else Kolmogorov's limit law at sqrt(nm / (n + m)) D, within 0.03 of the exact law there
    and closer for more cases. Ties make both conservative. Source: Hodges (1958), Arkiv för Matematik 3, 469-486.
    """
    import scipy.special
    import scipy.stats

    r, w = two_counts(reference, window)
    n, m = int(r.sum()), int(w.sum())
    if not n or not m:
        return float("nan")
    if min(n, m) <= _EXACT_UP_TO and max(n, m) <= 10 * _EXACT_UP_TO:
        cells = np.arange(len(r))
        samples = (np.repeat(cells, each.astype(np.int64)) for each in (r, w))
        return float(scipy.stats.ks_2samp(*samples, method="exact").pvalue)
    d = float(np.abs(np.cumsum(r) / n - np.cumsum(w) / m).max())
    return float(scipy.special.kolmogorov(sqrt(n * m / (n + m)) * d))
