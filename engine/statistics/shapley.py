"""Shapley values: how much each column of one row contributed to what a model said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, fsum
from typing import Any

import numpy as np

from engine.statistics.registry import Estimate, quantile

#: columns of equal length in, one number for each row out
Score = Callable[[Mapping[str, Sequence[Any]]], Sequence[float]]
_EXACT_ROWS = 20_000  #: the most rows that are scored for an exact answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What each column contributed: `base` and all values add up to `output`, but for `residual`."""

    base: float  #: the mean of the model over the background
    output: float  #: what the model says of the row
    values: Mapping[str, float]  #: by column, in the unit of the output
    errors: Mapping[str, float]  #: standard errors of the values over the walks; 0 where they are exact
    exact: bool
    scored: int  #: rows that the model was asked for

    @property
    def residual(self) -> float:
        """What the values leave unexplained: rounding, or a model that says two things of one row."""
        return self.output - self.base - fsum(self.values.values())

    @property
    def furthest_first(self) -> list[str]:
        """The columns by how far they moved the output, whichever way."""
        return sorted(self.values, key=lambda name: (-abs(self.values[name]), name))

    def interval(self, column: str, level: float = 0.95) -> Estimate:
        """A column's value with the normal interval of its walks; without width where it is exact."""
        value, half = self.values[column], quantile(level) * self.errors[column]
        return Estimate(value, value - half, value + half, level)

    def largest(self, n: int, *, upward: bool) -> list[str]:
        """At most n columns that moved the output most in one direction, the furthest first."""
        sign = 1 if upward else -1
        moved = [name for name, value in self.values.items() if sign * value > 0]
        return sorted(moved, key=lambda name: (-sign * self.values[name], name))[:n]


def attribute(
    score: Score, row: Mapping[str, Any], background: Mapping[str, Sequence[Any]], *, output: float, seed: int = 0
) -> Attribution:
    """The Shapley values of a row against a background, whatever the model.

        φ_i = Σ_S |S|! (d - |S| - 1)! / d! (v(S + i) - v(S)),  v(S) = mean of f(row on S, background elsewhere)

    Exact over all subsets S where that takes no more rows than walks would, or 20,000: d columns, B background rows and
    2^d B rows. Else by walks: from each background row, in a random order and in its reverse, column after column takes
    the row's value, and what the output changes by is that column's; 2 B (d + 1) rows. A walk's changes add up to
    f(row) - f(background row), so the values add up to output - base whatever the number of walks. Their standard
    errors are those of the mean over the pairs of walks; a part of it is the background's own spread, so they are on
    the safe side. The same seed gives the same walks.

    row: one value a column; background: the columns of the row, of equal length. output: what the model is known to
    have said, such as the logged score; the residual tells how far it is from what it says now. Raises ValueError for
    an empty background. Source: Shapley (1953); Strumbelj, Kononenko, Knowl. Inf. Syst. 41 (2014) 647; a walk and its
    reverse: Mitchell et al., JMLR 23 (2022) 43; a background in place of a conditional mean: Janzing et al. (2020).
    """
    names = list(row)
    sizes = {len(background[name]) for name in names}
    if not names or len(sizes) != 1 or 0 in sizes:
        raise ValueError("an attribution needs columns, and at least one background row that has them all")
    (size,) = sizes
    exactly = 2 ** len(names) * size
    if exactly <= max(_EXACT_ROWS, 2 * size * (len(names) + 1)):
        return _exact(score, row, background, size, output)
    return _by_walks(score, row, background, size, output, seed)


def _exact(
    score: Score, row: Mapping[str, Any], background: Mapping[str, Sequence[Any]], size: int, output: float
) -> Attribution:
    names = list(row)
    d = len(names)
    subsets = [frozenset(each) for k in range(d + 1) for each in combinations(range(d), k)]
    taken = np.array([[i in subset for i in range(d)] for subset in subsets]).repeat(size, axis=0)
    said = _said(score, row, background, np.tile(np.arange(size), len(subsets)), taken)
    means = dict(zip(subsets, said.reshape(len(subsets), size).mean(axis=1), strict=True))
    values = {}
    for i, name in enumerate(names):
        terms = (
            (means[subset | {i}] - means[subset]) / (d * comb(d - 1, len(subset)))
            for subset in subsets
            if i not in subset
        )
        values[name] = fsum(terms)
    return Attribution(
        base=float(means[frozenset()]),
        output=output,
        values=values,
        errors=dict.fromkeys(names, 0.0),
        exact=True,
        scored=len(taken),
    )


def _by_walks(
    score: Score, row: Mapping[str, Any], background: Mapping[str, Sequence[Any]], size: int, output: float, seed: int
) -> Attribution:
    names = list(row)
    d = len(names)
    random = np.random.default_rng(seed)
    forward = random.permuted(np.tile(np.arange(d), (size, 1)), axis=1)
    orders = np.stack([forward, forward[:, ::-1]], axis=1).reshape(2 * size, d)  # a pair for each background row
    place = np.argsort(orders, axis=1)  # when each column takes the row's value
    taken = (place[:, None, :] < np.arange(d + 1)[None, :, None]).reshape(-1, d)
    said = _said(score, row, background, np.arange(size).repeat(2 * (d + 1)), taken).reshape(2 * size, d + 1)
    changes = np.empty((2 * size, d))
    np.put_along_axis(changes, orders, np.diff(said, axis=1), axis=1)
    pairs = changes.reshape(size, 2, d).mean(axis=1)
    spread = pairs.std(axis=0, ddof=1) / np.sqrt(size) if size > 1 else np.full(d, np.inf)
    return Attribution(
        base=float(said[:, 0].mean()),
        output=output,
        values={name: float(value) for name, value in zip(names, pairs.mean(axis=0), strict=True)},
        errors={name: float(value) for name, value in zip(names, spread, strict=True)},
        exact=False,
        scored=len(taken),
    )


def _said(
    score: Score, row: Mapping[str, Any], background: Mapping[str, Sequence[Any]], of: np.ndarray, taken: np.ndarray
) -> np.ndarray:
    """What the model says of mixed rows n: column i is the row's where taken[n, i], else background row of[n]'s."""
    columns = {}
    for i, name in enumerate(row):
        values = np.empty(len(background[name]), dtype=object)
        values[:] = list(background[name])
        mixed = values[of]
        mixed[taken[:, i]] = row[name]
        columns[name] = mixed.tolist()
    return np.asarray(score(columns), dtype=float)
