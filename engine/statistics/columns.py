"""How the values of one column are counted: groups fitted once, on the reference, and the same for every window.

Everything that is measured of a window comes from such counts. They add up exactly: the counts of two hours, two files
or two machines, added, are those of both together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scalar = str | int | float | bool
Whole = NDArray[np.int64]
Values = NDArray[Any] | Sequence[Any]

MOST_CODES = 256  #: distinct values that are counted one by one; more of them, and numbers go into cells
CELLS = 65_536
_LARGEST = 1e300  #: larger numbers count as infinite, numbers nearer to 0 than its inverse as 0
_ADDED_AT_ONCE = 2**20
_SUM_BITS = 40  #: of the largest number in the reference: `_ADDED_AT_ONCE` of them add up within 64 bits


@dataclass(frozen=True, kw_only=True)
class Column:
    """The groups of a column: its codes and the unseen, or below, the cells and above; then foreign; then missing."""

    name: str
    codes: tuple[Scalar, ...] = ()  #: of a column with few values: each of them, numbers ascending, then texts
    low: float = 0.0  #: where the first cell begins
    high: float = 0.0  #: where the last cell ends, its end included
    cells: int = 0  #: 0 where values are counted one by one
    bits: int = 0  #: numbers are added as multiples of 2**-bits

    @property
    def size(self) -> int:
        """How many groups there are."""
        return (self.cells + 2 if self.cells else len(self.codes) + 1) + 2

    def edges(self) -> NDArray[np.float64]:
        """The borders of the cells, shape (cells + 1,)."""
        return np.linspace(self.low, self.high, self.cells + 1)

    def quantile_groups(self, reference: Counts, n: int = 10) -> Whole:
        """For each group its coarse one: cells by n groups of about as many cases of the reference, the others alone.

        Shape (size,), numbered from 0 without gaps. Codes stay one by one. A cell is never split, so that a group may
        hold more.
        """
        if not self.cells:
            return np.arange(self.size)
        inner = reference.groups[1 : self.cells + 1]
        before = np.cumsum(inner) - inner
        coarse = np.minimum(before * n // max(int(inner.sum()), 1), n - 1)
        _, numbered = np.unique(coarse, return_inverse=True)
        k = int(numbered.max()) + 1
        return np.concatenate(([0], numbered + 1, [k + 1, k + 2, k + 3])).astype(np.int64)

    def labels(self, coarse: Whole) -> list[str]:
        """What the coarse groups are called, in order."""
        rest = ["another type", "missing"]
        if not self.cells:
            return [*(str(code) for code in self.codes), "unseen", *rest]
        edges, cells = self.edges(), coarse[1 : self.cells + 1]
        first = np.flatnonzero(np.diff(cells, prepend=-1))
        ends = np.append(first[1:], self.cells)
        inner = [f"{edges[a]:.4g} to {edges[b]:.4g}" for a, b in zip(first, ends, strict=True)]
        return [f"under {self.low:.4g}", *inner, f"over {self.high:.4g}", *rest]

    def count(self, values: Values) -> Counts:
        """The counts of these values: numbers, texts, booleans, None or nan for what is missing; shape (N,)."""
        places, numbers = self.places(values)
        finite = numbers[np.isfinite(numbers)]
        return Counts(
            groups=np.bincount(places, minlength=self.size).astype(np.int64),
            scaled=self.scaled(finite, np.zeros(len(finite), np.int64), 1)[0],
            least=float(finite.min()) if len(finite) else None,
            most=float(finite.max()) if len(finite) else None,
        )

    def places(self, values: Values) -> tuple[Whole, NDArray[np.float64]]:
        """The group of each value, and the values as numbers, nan where they are none; shape (N,) both."""
        numbers = _numbers(values)
        if numbers is not None:
            numbers = held(numbers)
            places = self.places_of(numbers)
            places[np.isnan(numbers)] = self.size - 1
            return places, numbers
        items = list(_hashable(values))
        numbers = held(np.array([_float(each) if _is_number(each) else math.nan for each in items], dtype=np.float64))
        places = self.places_of(numbers)
        known = self._text_codes
        for row in np.flatnonzero(np.isnan(numbers)):
            value = items[row]
            if _missing(value):
                places[row] = self.size - 1
            elif isinstance(value, str) and not self.cells:
                places[row] = known.get(value, len(self.codes))
            else:
                places[row] = self.size - 2
        return places, numbers

    def scaled(self, finite: NDArray[np.float64], of: Whole, n: int) -> list[int]:
        """What the finite numbers of each of n spans add up to, `of` being each one's span, in units of 2**-bits.

        Each is rounded to a whole unit, so that no sum depends on its order.
        """
        small = np.abs(finite) < self.most_in_steps
        parts, spans = np.rint(finite[small] * 2.0**self.bits).astype(np.int64), of[small]
        found = [0] * n
        for start in range(0, len(parts), _ADDED_AT_ONCE):
            sums = np.zeros(n, np.int64)
            np.add.at(sums, spans[start : start + _ADDED_AT_ONCE], parts[start : start + _ADDED_AT_ONCE])
            found = [before + more for before, more in zip(found, sums.tolist(), strict=True)]
        for value, span in zip(finite[~small].tolist(), of[~small].tolist(), strict=True):
            found[span] += round(Fraction(value) * Fraction(2) ** self.bits)
        return found

    def sum_of(self, finite: NDArray[np.float64]) -> int:
        """What finite numbers add up to, as `scaled` would say of one span."""
        small = finite if max(-finite.min(initial=0.0), finite.max(initial=0.0)) < self.most_in_steps else None
        if small is None:
            return self.scaled(finite, np.zeros(len(finite), np.int64), 1)[0]
        steps = small * 2.0**self.bits
        np.rint(steps, out=steps)
        return sum(
            int(steps[start : start + _ADDED_AT_ONCE].astype(np.int64).sum())
            for start in range(0, len(steps), _ADDED_AT_ONCE)
        )

    @property
    def most_in_steps(self) -> float:
        """Numbers under it add up within 64 bits, `_ADDED_AT_ONCE` of them."""
        return 2.0 ** (_SUM_BITS + 1 - self.bits)

    def as_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "name": self.name,
            "codes": list(self.codes),
            "low": self.low,
            "high": self.high,
            "cells": self.cells,
            "bits": self.bits,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Column:
        """The column that `as_json` wrote."""
        return cls(**{**found, "codes": tuple(found["codes"])})

    def places_of(self, known: NDArray[np.float64]) -> Whole:
        """The group of each number; of nan any."""
        if self.cells:
            return _in_cells(known, self.low, self.high, self.cells)
        numbers = self._number_codes
        if not len(numbers):
            return np.full(len(known), len(self.codes), dtype=np.int64)
        place: Whole = np.searchsorted(numbers, known).astype(np.int64, copy=False)
        place[numbers[np.minimum(place, len(numbers) - 1)] != known] = len(self.codes)
        return place

    @cached_property
    def _number_codes(self) -> NDArray[np.float64]:
        return np.array([code for code in self.codes if not isinstance(code, str)], dtype=np.float64)

    @cached_property
    def _text_codes(self) -> dict[str, int]:
        return {code: place for place, code in enumerate(self.codes) if isinstance(code, str)}


def placed(columns: Sequence[Column], values: Sequence[Values], n: int) -> tuple[Whole, NDArray[np.float64]]:
    """As `Column.places` of each column with its n values; shape (columns, n) both.

    What numpy does with all columns is done at once: of 50 rows a call for each costs more than its rows.
    """
    places, numbers = np.empty((len(columns), n), np.int64), np.full((len(columns), n), math.nan)
    cells: list[int] = []
    codes: list[int] = []
    for at, (column, given) in enumerate(zip(columns, values, strict=True)):
        found = _numbers(given)
        if found is not None:
            numbers[at] = found
            (cells if column.cells else codes).append(at)
    numbers = held(numbers)
    for at in codes:
        places[at] = columns[at].places_of(numbers[at])
    if cells:
        ends = np.array([(columns[at].low, columns[at].high, columns[at].cells) for at in cells])
        places[cells] = _in_cells(numbers[cells], *ends.T[:, :, np.newaxis])
    missing = np.isnan(numbers)
    if missing.any():
        np.copyto(places, np.array([column.size - 1 for column in columns])[:, np.newaxis], where=missing)
    for at in {*range(len(columns))}.difference(cells, codes):
        places[at], numbers[at] = columns[at].places(values[at])
    return places, numbers


def _in_cells(known: NDArray[np.float64], low: Any, high: Any, cells: Any) -> Whole:
    """The group of each number among cells; of nan any. low, high, cells: numbers, or arrays that fit the shape."""
    with np.errstate(over="ignore", invalid="ignore"):
        away = known - low
        away /= (high - low) / cells
        np.floor(away, out=away)
        # Infinite numbers lie outside as well; the last border belongs to the last cell.
        np.clip(away, -1.0, cells, out=away)
        np.copyto(away, cells - 1, where=known == high)
        np.copyto(away, 0.0, where=np.isnan(away))
    found: Whole = away.astype(np.int64)
    found += 1
    return found


def moments(
    columns: Sequence[Column], numbers: NDArray[np.float64]
) -> Iterator[tuple[int, float | None, float | None]]:
    """Of each column its sum, as `Column.scaled` has it, its least and its greatest number.

    numbers: shape (columns, N), N at most 2**20.
    """
    finite = np.isfinite(numbers)
    least = np.where(finite, numbers, math.inf).min(axis=1, initial=math.inf)
    most = np.where(finite, numbers, -math.inf).max(axis=1, initial=-math.inf)
    if bool((np.maximum(most, -least) < np.array([column.most_in_steps for column in columns])).all()):
        steps = np.where(finite, numbers, 0.0) * np.array([2.0**column.bits for column in columns])[:, np.newaxis]
        sums = np.rint(steps, out=steps).astype(np.int64).sum(axis=1).tolist()
    else:
        sums = [column.sum_of(row[known]) for column, row, known in zip(columns, numbers, finite, strict=True)]
    return zip(sums, map(end, least.tolist()), map(end, most.tolist()), strict=True)


def end(number: float) -> float | None:
    """The least or the greatest of some numbers; None where it was sought among none."""
    return number if math.isfinite(number) else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """How often each group of a column occurred, and what its numbers add up to."""

    groups: Whole  #: shape (size,)
    scaled: int = 0  #: the sum of the finite numbers, in units of 2**-bits
    least: float | None = None
    most: float | None = None

    @property
    def total(self) -> int:
        """All cases, the missing ones among them."""
        return int(self.groups.sum())

    @property
    def missing(self) -> int:
        """Cases without a value."""
        return int(self.groups[-1])

    @property
    def foreign(self) -> int:
        """Cases whose value is of another type: a text among numbers, an object."""
        return int(self.groups[-2])

    def outside(self, column: Column) -> int:
        """Cases whose value the reference does not have: unseen codes, or numbers out of its range."""
        if column.cells:
            return int(self.groups[0] + self.groups[column.cells + 1])
        return int(self.groups[len(column.codes)])

    def __add__(self, other: Counts) -> Counts:
        ends = [each for each in (self.least, other.least) if each is not None]
        tops = [each for each in (self.most, other.most) if each is not None]
        return Counts(
            groups=self.groups + other.groups,
            scaled=self.scaled + other.scaled,
            least=min(ends, default=None),
            most=max(tops, default=None),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts):
            return NotImplemented
        mine, others = (self.scaled, self.least, self.most), (other.scaled, other.least, other.most)
        return mine == others and bool(np.array_equal(self.groups, other.groups))

    __hash__ = None  # type: ignore[assignment]


def fit(name: str, values: Values) -> tuple[Column, Counts]:
    """The groups of a column, and the counts of the reference that they were fitted on.

    Up to 256 distinct values are counted one by one; more numbers go into 65,536 cells of equal width between the least
    and the greatest; of more texts the 256 most frequent are kept, and the others count as unseen.
    """
    found = _numbers(values)
    numeric = None if found is None else held(found)
    column = _fit_objects(name, values) if numeric is None else _fit_numbers(name, numeric[np.isfinite(numeric)])
    return column, column.count(values)


def _fit_numbers(name: str, finite: NDArray[np.float64]) -> Column:
    distinct = np.unique(finite)
    if len(distinct) <= MOST_CODES:
        codes = tuple(int(value) if value.is_integer() else value for value in distinct.tolist())
        return Column(name=name, codes=codes, bits=_bits(finite))
    return Column(name=name, low=float(distinct[0]), high=float(distinct[-1]), cells=CELLS, bits=_bits(finite))


def _fit_objects(name: str, values: Values) -> Column:
    seen = Counter(value for value in _hashable(values) if isinstance(value, str | int | float) and not _missing(value))
    numbers = held(np.array([_float(value) for value in seen.elements() if not isinstance(value, str)]))
    texts = sorted(
        ((value, times) for value, times in seen.items() if isinstance(value, str)),
        key=lambda each: (-each[1], each[0]),
    )
    if not texts or len(numbers) > sum(times for _, times in texts):
        return _fit_numbers(name, numbers[np.isfinite(numbers)])
    kept = sorted(value for value, _ in texts[:MOST_CODES])
    few = _fit_numbers(name, numbers[np.isfinite(numbers)])
    return Column(name=name, codes=(*few.codes, *kept), bits=few.bits)


def _bits(finite: NDArray[np.float64]) -> int:
    """So many that the largest number takes `_SUM_BITS` bits; at most those that a float of that size has."""
    largest = float(np.abs(finite).max(initial=0.0))
    return _SUM_BITS - max(math.frexp(largest)[1], -900) if largest else 0


def _numbers(values: Values) -> NDArray[np.float64] | None:
    """As numbers, nan for None, not yet `held`; None where texts or objects are among them."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values.astype(np.float64, copy=False)
    # A set of types by C code, not a question per value: 1,000 values cost 0.02 ms and not 0.2.
    if not all(issubclass(kind, bool | int | float | None) for kind in set(map(type, values))):
        return None
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        return np.array([math.nan if value is None else _float(value) for value in values], dtype=np.float64)


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more digits than a float has
        return math.inf if value > 0 else -math.inf


def held(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Off the ends of what a float holds, so that no difference and no width leaves it."""
    size = np.abs(numbers)
    if (size > _LARGEST).any() or ((size < 1 / _LARGEST) & (size > 0)).any():
        numbers = np.where(size > _LARGEST, np.copysign(np.inf, numbers), numbers)
        numbers = np.where(size < 1 / _LARGEST, 0.0, numbers)
    return numbers


def _hashable(values: Values) -> Iterable[Any]:
    """The values, one object for all that no column counts: lists, objects."""
    for value in values:
        item = value.item() if isinstance(value, np.generic) else value
        yield item if item is None or isinstance(item, str | int | float) else ...


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
