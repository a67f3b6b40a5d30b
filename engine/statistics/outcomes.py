"""Outcomes as counts: what was decided of whom, at which score, and what came true.

Of all rows, of each group of each protected column, and of the groups of two of them crossed: how often each truth met
each decision in each cell of the score. A row is counted once when it is answered and once more when its truth is
known; what corrects a truth takes the old one off. Counts and sums are whole numbers: any window adds up exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.statistics.columns import Column, Whole
from engine.statistics.named import STRIDE, Name, Named, in_order
from engine.statistics.tallies import OUTPUT, SCORE, Reference

ALL: Name = ()
#: what a row is counted as: answered; and again, once its truth is known (that of a value counts as POSITIVE)
ANSWERED, NEGATIVE, POSITIVE = range(3)
#: what was decided
UNDECIDED, DECLINED, SELECTED = range(3)
CELLS = 10_000  #: of the score, over [0, 1], for all rows; one more holds those without a score
GROUP_CELLS = 10  #: the same for a group
BITS = 40  #: probabilities and losses are added as multiples of 2**-BITS
LEAST = float(np.finfo(np.float64).eps)  #: as `log_loss` has it
_MOST_CROSSED = 4_096  #: groups of two columns; with more of them the columns are not crossed
_QUANTILE_GROUPS = 10

Sums = Iterable[tuple[str, int]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribute:
    """A protected column: which of its groups a value belongs to."""

    column: Column
    groups: Whole  #: of each place of the column
    labels: tuple[str, ...]  #: of each group

    def of(self, values: Sequence[Any]) -> Whole:
        """The group of each value, shape (N,)."""
        return self.groups[self.column.places(values)[0]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """How the outcomes of a version are counted; made from its reference and its protected columns."""

    scored: bool  #: whether it answers scores in [0, 1], and not values
    bits: int  #: errors of values are added as multiples of 2**-bits
    attributes: tuple[Attribute, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The protected columns, in order."""
        return tuple(each.column.name for each in self.attributes)


def layout(reference: Reference, protected: Iterable[str]) -> Layout:
    """Few values are groups of their own; many numbers are ten quantile groups of the reference."""
    output = reference.column(OUTPUT)
    attributes = []
    for name in sorted(set(protected) & set(reference.names())):
        column = reference.column(name)
        groups = column.quantile_groups(reference.counts(name), _QUANTILE_GROUPS)
        attributes.append(Attribute(column=column, groups=groups, labels=tuple(column.labels(groups))))
    return Layout(scored=output == SCORE, bits=output.bits, attributes=tuple(attributes))


@dataclass(frozen=True, kw_only=True, eq=False)
class Cases:
    """Rows to be counted, by column; all of one length."""

    spans: Whole  #: such as the hour
    known: Whole  #: ANSWERED, NEGATIVE or POSITIVE
    decided: Whole  #: UNDECIDED, DECLINED or SELECTED
    scores: NDArray[np.float64]  #: nan where there is none, and for values
    groups: Mapping[str, tuple[Whole, Sequence[str]]]  #: protected column -> (the group of each row, the labels)
    sums: Sequence[Sums] = ()  #: what each row adds to which sum
    added: Mapping[str, NDArray[Any]] = field(default_factory=dict)  #: the same by sum, where every row adds to it


def count(cases: Cases) -> dict[int, Named]:
    """The counts of each span; `rows` counts those that were answered."""
    spans, at = np.unique(cases.spans, return_inverse=True)
    fine, state = cells(cases.scores), cases.known * 3 + cases.decided
    coarse = np.where(fine == CELLS, GROUP_CELLS, fine * GROUP_CELLS // CELLS)
    names: list[Name] = [ALL]
    vectors = [state * (CELLS + 1) + fine]
    of_group = state * (GROUP_CELLS + 1) + coarse
    for columns in _sets(cases.groups):
        codes = _codes(cases.groups, columns)
        present, of = np.unique(codes, return_inverse=True)
        vectors.append((of + len(names)) * STRIDE + of_group)
        names += [_name(cases.groups, columns, code) for code in present.tolist()]
    width = len(names) * STRIDE
    places, times = np.unique(np.concatenate([at * width + each for each in vectors]), return_counts=True)
    ends = np.searchsorted(places, np.arange(len(spans) + 1) * width)
    rows = np.bincount(at[cases.known == ANSWERED], minlength=len(spans))
    sums = _sums(at, cases, len(spans))
    return {
        int(span): in_order(
            int(rows[n]),
            tuple(names),
            places[ends[n] : ends[n + 1]] - n * width,
            times[ends[n] : ends[n + 1]].astype(np.int64),
            sums[n],
        )
        for n, span in enumerate(spans)
    }


def table(counts: Named, name: Name = ALL) -> Whole:
    """One group's counts by what is known, by decision, by cell; without a score last. Shape (3, 3, cells + 1)."""
    width = (GROUP_CELLS if name else CELLS) + 1
    return counts.vector(name, 9 * width).reshape(3, 3, width)


def cells(scores: NDArray[np.float64]) -> Whole:
    """The cell of each score, CELLS where it is nan. A thousand cells are exactly a tenth, as `reliability` has it."""
    known = ~np.isnan(scores)
    held = np.where(known, scores, 0.0)
    tenth = np.clip(np.floor(held * 10), 0, 9).astype(np.int64)
    cell = np.clip(np.floor(held * CELLS).astype(np.int64), tenth * 1000, tenth * 1000 + 999)
    return np.where(known, cell, CELLS)


def units(number: float, bits: int) -> int:
    """A number in whole units of 2**-bits."""
    return round(Fraction(number) * Fraction(2) ** bits)


def right(decided: Whole, scores: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """Of answers: the chance that each decision is right, if its score is."""
    chance = np.where(decided == SELECTED, scores, 1 - scores)
    known = (decided != UNDECIDED) & ~np.isnan(scores)
    parts = np.rint(np.where(known, chance, 0.0) * 2.0**BITS)
    # A score lies in [0, 1]. What a model gives that keeps to no bounds is added all the same, exactly.
    exact = np.abs(chance, where=known, out=np.zeros(len(chance))).max(initial=0.0) <= 1
    return {"right": parts.astype(np.int64) if exact else np.array([int(each) for each in parts], dtype=object)}


def score_sums(positive: bool, score: float) -> Sums:
    """Of a score whose truth is known: its squared distance and its loss, each with its square, and itself by tenth."""
    if math.isnan(score):
        return ()
    away = round((1 - score if positive else score) * 2.0**BITS)
    held = min(max(score, LEAST), 1 - LEAST)
    loss = round(-math.log(held if positive else 1 - held) * 2.0**BITS)
    return (
        ("squared", away**2),
        ("squared²", away**4),
        ("loss", loss),
        ("loss²", loss**2),
        (f"tenth {min(int(score * 10), 9)}", round(score * 2.0**BITS)),
    )


def value_sums(truth: float, value: float, bits: int) -> Sums:
    """Of a value whose truth is known: its distance, to the first, second and fourth power."""
    away = abs(units(truth, bits) - units(value, bits))
    return (f"error {bits}", away), (f"error² {bits}", away**2), (f"error⁴ {bits}", away**4)


def total(counts: Named, name: str, power: int = 1) -> Fraction:
    """A sum as a number. power: of what was added; the sums of values are kept by the bits of their reference."""
    if name in counts.sums:
        return Fraction(counts.sums[name], 2 ** (BITS * power))
    kept = {key: amount for key, amount in counts.sums.items() if key.rpartition(" ")[0] == name}
    return sum(
        (Fraction(amount) / Fraction(2) ** (int(key.rpartition(" ")[2]) * power) for key, amount in kept.items()),
        Fraction(0),
    )


def _sets(groups: Mapping[str, tuple[Whole, Sequence[str]]]) -> list[tuple[str, ...]]:
    """Each column, and each two that may be crossed."""
    pairs = combinations(sorted(groups), 2)
    crossed = [pair for pair in pairs if math.prod(len(groups[name][1]) for name in pair) <= _MOST_CROSSED]
    return [*((name,) for name in sorted(groups)), *crossed]


def _codes(groups: Mapping[str, tuple[Whole, Sequence[str]]], columns: tuple[str, ...]) -> Whole:
    first, *rest = columns
    codes = groups[first][0]
    for name in rest:
        codes = codes * len(groups[name][1]) + groups[name][0]
    return codes


def _name(groups: Mapping[str, tuple[Whole, Sequence[str]]], columns: tuple[str, ...], code: int) -> Name:
    if len(columns) == 1:
        return columns[0], groups[columns[0]][1][code]
    one, other = columns
    labels = groups[other][1]
    return one, groups[one][1][code // len(labels)], other, labels[code % len(labels)]


def _sums(at: Whole, cases: Cases, n: int) -> list[dict[str, int]]:
    found: list[dict[str, int]] = [{} for _ in range(n)]
    for name, amounts in cases.added.items():
        for place, of in enumerate(found):
            of[name] = int(amounts.sum() if n == 1 else amounts[at == place].sum())
    if cases.sums:
        for place, row in zip(at.tolist(), cases.sums, strict=True):
            of = found[place]
            for name, amount in row:
                of[name] = of.get(name, 0) + amount
    return found
