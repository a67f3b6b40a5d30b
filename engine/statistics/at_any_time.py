"""Whether a window's groups lie elsewhere than the reference's, told after every batch without more false alarms."""

from __future__ import annotations

import numpy as np

from engine.statistics.arrays import Counted, Numbers

_PRIOR = 0.5  #: of each group, by Jeffreys: half a case


def log_evidence(reference: Counted, window: Counted, sizes: Counted) -> Numbers:
    """How many times likelier the window's rows are by shares of their own than by the reference's, as a logarithm.

        ln E = ln B(w + a) - ln B(a) - ln B(w + r + a) + ln B(r + a),   a = 1/2 in each group

    where r and w are the counts of the reference and of the window so far, B the multivariate beta function. While the
    rows come from the population of the reference, E is a martingale that begins at 1, whatever the reference's size
    leaves open of the shares. So, by Ville's inequality, the chance that E is ever 1/p or more, at any of all looks, is
    at most p: min(1, 1/E) is a p-value at every look. Of several columns, however they hang together, the mean of
    their E is such a martingale as well: that Benjamini-Hochberg over the 1/E ever flags anything has at most the
    chance of its level.
    reference, window: counts, shape (columns, groups), rows of fewer groups filled up with 0. sizes: the groups of each
    column, those nobody is in among them, shape (columns,). Costs nothing that grows with rows; needs no earlier look.
    Source: Lindon and Malek (2022), NeurIPS 35, 4407-4418 (the multinomial case); Ville (1939); Wang and Ramdas (2022),
    JRSS B 84, 822-852 (the procedure over columns).
    """
    import scipy.special

    r, w, k = reference.astype(np.float64), window.astype(np.float64), sizes.astype(np.float64)

    def beta(counts: Numbers, groups: Counted) -> Numbers:
        # A group of no cases adds ln Γ(1/2) in each of the four: what fills up the rows falls out.
        of_all: Numbers = scipy.special.gammaln(counts.sum(axis=1) + _PRIOR * groups)
        found: Numbers = scipy.special.gammaln(counts + _PRIOR).sum(axis=1) - of_all
        return found

    nothing = np.zeros_like(r)
    found: Numbers = beta(w, k) - beta(nothing, k) - beta(w + r, k) + beta(r, k)
    return found


def p_of(log_e: Numbers) -> Numbers:
    """min(1, 1/E)."""
    found: Numbers = np.exp(-np.maximum(log_e, 0.0))
    return found
