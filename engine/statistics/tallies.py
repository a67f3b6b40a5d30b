"""Counts of all columns of a version at once: what is kept of an hour, a day, or a whole reference.

A tally is sparse, exact and additive. It tells nothing of a single row.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from engine.statistics.columns import CELLS, Column, Counts, Values, Whole, fit

#: the column of what a version answers, beside those of what it is asked; no feature is named so by accident
OUTPUT = "(output)"
#: scores lie between 0 and 1, whatever the test rows gave
SCORE = Column(name=OUTPUT, low=0.0, high=1.0, cells=CELLS, bits=40)
_FORMAT = 1
_DENSE = 1 << 23


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """How often each group of each column occurred among `rows` rows; groups that did not occur are left out."""

    rows: int
    places: Whole  #: ascending, each once: the group's place among those of all columns
    times: Whole  #: how often it occurred; below 0 only in what corrects another tally
    scaled: tuple[int, ...]  #: a column's sum, in units of 2**-bits
    least: tuple[float | None, ...]
    most: tuple[float | None, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and self.packed() == other.packed()

    __hash__ = None  # type: ignore[assignment]

    def packed(self) -> bytes:
        """As few bytes as it needs: a head in JSON, then the steps between places, then the times; compressed."""
        head = orjson.dumps(
            [_FORMAT, self.rows, len(self.places), self.least, self.most, [str(n) for n in self.scaled]]
        )
        steps, times = np.diff(self.places, prepend=0).astype("<u4"), self.times.astype("<i8")
        return zlib.compress(len(head).to_bytes(4, "little") + head + steps.tobytes() + times.tobytes(), 1)

    @classmethod
    def unpacked(cls, packed: bytes) -> Tally:
        """The tally that `packed` wrote; ValueError where it is none, or of a later format."""
        try:
            content = zlib.decompress(packed)
            end = 4 + int.from_bytes(content[:4], "little")
            form, rows, n, least, most, scaled = orjson.loads(content[4:end])
            steps = np.frombuffer(content, "<u4", n, end)
            times = np.frombuffer(content, "<i8", n, end + 4 * n)
        except (zlib.error, ValueError, TypeError) as error:
            raise ValueError(f"these bytes are no tally: {error}") from error
        if form != _FORMAT:
            raise ValueError(f"the tally has format {form}, and {_FORMAT} is known here")
        return cls(
            rows=rows,
            places=np.cumsum(steps.astype(np.int64)),
            times=times.astype(np.int64),
            scaled=tuple(int(each) for each in scaled),
            least=tuple(least),
            most=tuple(most),
        )


def summed(parts: Sequence[tuple[Whole, Whole]]) -> tuple[Whole, Whole]:
    """Every place that occurs in any part, ascending, with its times added; within a part each place stands once.

    Added in place where that takes little room: a sort of all of them costs ten times as much.
    """
    size = max((int(places[-1]) + 1 for places, _ in parts if len(places)), default=0)
    if size <= _DENSE:
        dense = np.zeros(size, np.int64)
        for places, times in parts:
            dense[places] += times
        occurring = np.flatnonzero(dense).astype(np.int64)
        return occurring, dense[occurring]
    every, of = np.unique(np.concatenate([places for places, _ in parts]), return_inverse=True)
    added = np.zeros(len(every), np.int64)
    np.add.at(added, of, np.concatenate([times for _, times in parts]))
    return every, added


def total(tallies: Iterable[Tally], columns: int) -> Tally:
    """All of them added; of none: nothing occurred. columns: how many columns they are of."""
    found = list(tallies)
    places, times = summed([(each.places, each.times) for each in found])
    occurring = times != 0
    return Tally(
        rows=sum(each.rows for each in found),
        places=places[occurring],
        times=times[occurring],
        scaled=tuple(sum(each.scaled[at] for each in found) for at in range(columns)),
        least=tuple(min(_known(each.least[at] for each in found), default=None) for at in range(columns)),
        most=tuple(max(_known(each.most[at] for each in found), default=None) for at in range(columns)),
    )


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The columns of a version with their groups, and the tally of the rows on which these were fitted."""

    columns: tuple[Column, ...]
    tally: Tally

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where the groups of each column begin, and at the end where all end."""
        return (0, *np.cumsum([column.size for column in self.columns]).tolist())

    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; ValueError names those that there are."""
        return self.columns[self._at(name)]

    def counts(self, name: str, tally: Tally | None = None) -> Counts:
        """One column's counts in a tally; of the reference itself where none is given."""
        at, held = self._at(name), self.tally if tally is None else tally
        first, end = self.offsets[at], self.offsets[at + 1]
        low, high = np.searchsorted(held.places, [first, end])
        groups = np.zeros(end - first, np.int64)
        groups[held.places[low:high] - first] = held.times[low:high]
        return Counts(groups=groups, scaled=held.scaled[at], least=held.least[at], most=held.most[at])

    def tallies(self, values: Mapping[str, Values], spans: Sequence[int] | NDArray[np.int64]) -> dict[int, Tally]:
        """A tally for each span, such as an hour, of rows that lie in it.

        values: column -> N values; a column that is not there is missing in every row. spans: shape (N,), of each row.
        """
        of = np.asarray(spans, dtype=np.int64)
        names, row_span = np.unique(of, return_inverse=True)
        size = self.offsets[-1]
        keys, moments = [], []
        for column, first in zip(self.columns, self.offsets, strict=False):
            given = values.get(column.name)
            places, numbers = column.places([None] * len(of) if given is None else given)
            if len(places) != len(of):
                raise ValueError(f"lengths differ: {column.name} {len(places)}, spans {len(of)}")
            keys.append(row_span * size + first + places)
            moments.append(_moments(column, numbers, row_span, len(names)))
        keyed: Whole = np.concatenate([np.empty(0, np.int64), *keys])
        occurring, times = np.unique(keyed, return_counts=True)
        rows = np.bincount(row_span, minlength=len(names))
        ends = np.searchsorted(occurring, np.arange(1, len(names) + 1) * size)
        starts = np.append(0, ends)
        return {
            int(name): Tally(
                rows=int(rows[at]),
                places=occurring[starts[at] : ends[at]] - at * size,
                times=times[starts[at] : ends[at]].astype(np.int64),
                scaled=tuple(each[0][at] for each in moments),
                least=tuple(each[1][at] for each in moments),
                most=tuple(each[2][at] for each in moments),
            )
            for at, name in enumerate(names)
        }

    def tally_of(self, rows: int, counts: Sequence[Counts]) -> Tally:
        """The tally of rows whose columns were counted one by one, in the order of the columns."""
        if len(counts) != len(self.columns):
            raise ValueError(f"lengths differ: counts {len(counts)}, columns {len(self.columns)}")
        occurring = [np.flatnonzero(each.groups) for each in counts]
        return Tally(
            rows=rows,
            places=np.concatenate(
                [np.empty(0, np.int64), *(at + first for at, first in zip(occurring, self.offsets, strict=False))]
            ),
            times=np.concatenate(
                [np.empty(0, np.int64), *(each.groups[at] for at, each in zip(occurring, counts, strict=True))]
            ),
            scaled=tuple(each.scaled for each in counts),
            least=tuple(each.least for each in counts),
            most=tuple(each.most for each in counts),
        )

    def only(self, names: Iterable[str]) -> Reference:
        """The reference of some of its columns; ValueError names one that is not among them."""
        kept = list(names)
        columns = tuple(self.column(name) for name in kept)
        some = Reference(columns=columns, tally=self.tally)
        return Reference(columns=columns, tally=some.tally_of(self.tally.rows, [self.counts(name) for name in kept]))

    def beside(self, other: Reference) -> Reference:
        """Both together, though their rows are others: the columns of this one, then those of the other."""
        mine, theirs = self.tally, other.tally
        return Reference(
            columns=(*self.columns, *other.columns),
            tally=Tally(
                rows=max(mine.rows, theirs.rows),
                places=np.concatenate((mine.places, theirs.places + self.offsets[-1])),
                times=np.concatenate((mine.times, theirs.times)),
                scaled=(*mine.scaled, *theirs.scaled),
                least=(*mine.least, *theirs.least),
                most=(*mine.most, *theirs.most),
            ),
        )

    def as_bytes(self) -> bytes:
        """The reference as a file: the same bytes for the same reference."""
        head = orjson.dumps([column.as_json() for column in self.columns])
        return len(head).to_bytes(4, "little") + head + self.tally.packed()

    @classmethod
    def from_bytes(cls, content: bytes) -> Reference:
        """The reference that `as_bytes` wrote; ValueError where it is none."""
        end = 4 + int.from_bytes(content[:4], "little")
        try:
            columns = tuple(Column.from_json(each) for each in orjson.loads(content[4:end]))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"these bytes are no reference: {error}") from error
        return cls(columns=columns, tally=Tally.unpacked(content[end:]))

    def _at(self, name: str) -> int:
        try:
            return self.names().index(name)
        except ValueError:
            raise ValueError(f"there is no column {name!r}; there are {', '.join(self.names())}") from None


def refer(values: Mapping[str, Values], fixed: Sequence[Column] = ()) -> Reference:
    """The reference of these rows: a column for each of `values`, fitted on it, but for those that are fixed.

    values: column -> N values, all of one length. fixed: columns whose groups are known, such as a score's.
    """
    known = {column.name: column for column in fixed}
    columns = tuple(known.get(name) or fit(name, given)[0] for name, given in values.items())
    n = len(next(iter(values.values()), ()))
    empty = Reference(columns=columns, tally=total([], len(columns)))
    return Reference(columns=columns, tally=empty.tallies(values, [0] * n).get(0, empty.tally))


def _moments(
    column: Column, numbers: NDArray[np.float64], spans: NDArray[Any], n: int
) -> tuple[list[int], list[float | None], list[float | None]]:
    """The sum, the least and the greatest number of each of n spans."""
    finite = np.isfinite(numbers)
    if not finite.any():
        return [0] * n, [None] * n, [None] * n
    known, of = numbers[finite], spans[finite]
    least, most = np.full(n, math.inf), np.full(n, -math.inf)
    np.minimum.at(least, of, known)
    np.maximum.at(most, of, known)
    return column.scaled(known, of, n), [_end(each) for each in least.tolist()], [_end(each) for each in most.tolist()]


def _end(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _known(ends: Iterable[float | None]) -> Iterable[float]:
    return (each for each in ends if each is not None)
