"""The Kolmogorov-Smirnov distance of two samples."""

from __future__ import annotations

from math import log, nan, sqrt

import numpy as np
from numpy.typing import ArrayLike

from engine.statistics.arrays import Counted
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
    return Gaps(*two_counts(reference, window)).distance(level)


def kolmogorov_smirnov_error(reference: ArrayLike, window: ArrayLike) -> float:
    """How far D of the values themselves may lie above D of their cells; nan where one is empty.

        max_j max(F(j) - G(j-1), G(j) - F(j-1)) - D,  F(-1) = G(-1) = 0

    within a cell F may rise by its whole share before G does, or G before F; D of the values is never below D of the
    cells. reference, window: as in `kolmogorov_smirnov`. A cell that holds one distinct value adds nothing, which is
    not known here: for codes the error is 0, and is not to be asked for.
    """
    return Gaps(*two_counts(reference, window)).error()


def kolmogorov_smirnov_p(reference: ArrayLike, window: ArrayLike) -> float:
    """The chance of so large a D where both samples come from one continuous population; nan where one is empty.

    Exact for small samples, else Kolmogorov's limit law at sqrt(nm / (n + m)) D, within 0.03 of the exact law there
    and closer for more cases. Ties make both conservative. Source: Hodges (1958), Arkiv för Matematik 3, 469-486.
    """
    return Gaps(*two_counts(reference, window)).p()


class Gaps:
    """Two samples in the same cells, their distribution functions made once; counts, shape (k,), not checked."""

    def __init__(self, reference: Counted, window: Counted) -> None:
        self._counts = reference, window
        f, g = (np.cumsum(each) for each in self._counts)
        self._n, self._m = (int(each[-1]) if len(each) else 0 for each in (f, g))
        self._known = bool(self._n and self._m)
        if self._known:
            self._f, self._g = f / self._n, g / self._m
            gaps = self._f - self._g
            self._d = float(max(gaps.max(), -gaps.min()))

    def distance(self, level: float = 0.95) -> Estimate:
        """`kolmogorov_smirnov`."""
        quantile(level)  # checks it
        if not self._known:
            return Estimate.unknown(level)
        band = sum(sqrt(log(4 / (1 - level)) / (2 * size)) for size in (self._n, self._m))
        return Estimate(self._d, max(0.0, self._d - band), min(1.0, self._d + band), level)

    def error(self) -> float:
        """`kolmogorov_smirnov_error`."""
        if not self._known:
            return nan
        f, g = self._f, self._g
        first = max(f[0], g[0])
        return float(max(first, (f[1:] - g[:-1]).max(initial=0.0), (g[1:] - f[:-1]).max(initial=0.0))) - self._d

    def p(self) -> float:
        """`kolmogorov_smirnov_p`."""
        import scipy.special
        import scipy.stats

        if not self._known:
            return nan
        n, m = self._n, self._m
        if min(n, m) <= _EXACT_UP_TO and max(n, m) <= 10 * _EXACT_UP_TO:
            cells = np.arange(len(self._f))
            samples = (np.repeat(cells, each.astype(np.int64)) for each in self._counts)
            return float(scipy.stats.ks_2samp(*samples, method="exact").pvalue)
        return float(scipy.special.kolmogorov(sqrt(n * m / (n + m)) * self._d))
