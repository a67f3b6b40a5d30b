"""Counts of all columns of a version at once: what is kept of an hour, a day, or a whole reference.

A tally is sparse, exact and additive. It tells nothing of a single row.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from engine.statistics import packing
from engine.statistics.coarse import Coarse, coarse
from engine.statistics.columns import CELLS, Column, Counts, Values, Whole, end, fit, moments, placed

#: the column of what a version answers, beside those of what it is asked; no feature is named so by accident
OUTPUT = "(output)"
#: scores lie between 0 and 1, whatever the test rows gave
SCORE = Column(name=OUTPUT, low=0.0, high=1.0, cells=CELLS, bits=40)
_FORMAT = 1
_PACKED = b"\x02"  #: what packed bytes begin with, and compressed ones never do
_ROWS_AT_ONCE = 1 << 16


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
        """As bytes that are read and added fast: a head in JSON, then the counts (`packing`)."""
        head = orjson.dumps([self.rows, self.least, self.most, [str(n) for n in self.scaled]])
        return _PACKED + len(head).to_bytes(4, "little") + head + packing.packed(self.places, self.times)

    def compressed(self) -> bytes:
        """As few bytes as it needs, the same for the same tally: what files hold, whose digests are kept."""
        head = orjson.dumps(
            [_FORMAT, self.rows, len(self.places), self.least, self.most, [str(n) for n in self.scaled]]
        )
        steps, times = np.diff(self.places, prepend=0).astype("<u4"), self.times.astype("<i8")
        return zlib.compress(len(head).to_bytes(4, "little") + head + steps.tobytes() + times.tobytes(), 1)

    @classmethod
    def unpacked(cls, content: bytes) -> Tally:
        """The tally that `packed` or `compressed` wrote; ValueError where it is none, or of a later format."""
        head, part = read(content)
        places, times = part.sparse()
        return cls(rows=head.rows, places=places, times=times, scaled=head.scaled, least=head.least, most=head.most)


@dataclass(frozen=True, slots=True)
class Head:
    """A tally without its counts."""

    rows: int
    least: tuple[float | None, ...]
    most: tuple[float | None, ...]
    scaled: tuple[int, ...]


def read(content: bytes, at: int = 0) -> tuple[Head, packing.Part]:
    """A tally as it lies in bytes, from a place on; ValueError where it is none, or of a later format."""
    try:
        if content[at : at + 1] == _PACKED:
            end = at + 5 + int.from_bytes(content[at + 1 : at + 5], "little")
            rows, least, most, scaled = orjson.loads(content[at + 5 : end])
            form, part = _FORMAT, packing.read(content, end)
        else:
            form, rows, least, most, scaled, part = _decompressed(zlib.decompress(content[at:]))
    except (zlib.error, ValueError, TypeError) as error:
        raise ValueError(f"these bytes are no tally: {error}") from error
    if form != _FORMAT:
        raise ValueError(f"the tally has format {form}, and {_FORMAT} is known here")
    return Head(rows, tuple(least), tuple(most), tuple(int(each) for each in scaled)), part


def _decompressed(content: bytes) -> tuple[int, int, list[Any], list[Any], list[str], packing.Part]:
    end = 4 + int.from_bytes(content[:4], "little")
    form, rows, n, least, most, scaled = orjson.loads(content[4:end])
    places = np.cumsum(np.frombuffer(content, "<u4", n, end).astype(np.int64))
    times = np.frombuffer(content, "<i8", n, end + 4 * n).astype(np.int64)
    return form, rows, least, most, scaled, packing.beside(places, times)


def total(tallies: Iterable[Tally], columns: int) -> Tally:
    """All of them added; of none: nothing occurred. columns: how many columns they are of."""
    found = list(tallies)
    places, times = packing.summed([(each.places, each.times) for each in found])
    occurring = times != 0
    return _total(found, places[occurring], times[occurring], columns)


def total_of_packed(packed: Iterable[bytes], columns: int) -> Tally:
    """The same of tallies that are packed: their counts are added as they lie."""
    found = [read(each) for each in packed]
    places, times = packing.added(part for _, part in found)
    return _total([head for head, _ in found], places, times, columns)


def _total(found: Sequence[Tally | Head], places: Whole, times: Whole, columns: int) -> Tally:
    return Tally(
        rows=sum(each.rows for each in found),
        places=places,
        times=times,
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

    @cached_property
    def coarse(self) -> Coarse:
        """The groups by which the shift of each column is told."""
        return coarse(self.columns, [self.counts(name) for name in self.names()])

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
        for column in self.columns:
            if column.name in values and len(values[column.name]) != len(of):
                raise ValueError(f"lengths differ: {column.name} {len(values[column.name])}, spans {len(of)}")
        parts: dict[int, list[Tally]] = {}
        for start in range(0, len(of), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            held = values if len(of) <= _ROWS_AT_ONCE else {name: each[part] for name, each in values.items()}
            for span, tally in self._tallies(held, of[part]):
                parts.setdefault(span, []).append(tally)
        return {
            span: found[0] if len(found) == 1 else total(found, len(self.columns))
            for span, found in sorted(parts.items())
        }

    def _tallies(self, values: Mapping[str, Values], of: Whole) -> Iterator[tuple[int, Tally]]:
        names, row_span = np.unique(of, return_inverse=True)
        size, absent = self.offsets[-1], [None] * len(of)
        places, numbers = placed(self.columns, [values.get(column.name, absent) for column in self.columns], len(of))
        if len(names) == 1:
            ends = [([total], [least], [most]) for total, least, most in moments(self.columns, numbers)]
        else:
            ends = [
                _moments(column, own, row_span, len(names)) for column, own in zip(self.columns, numbers, strict=True)
            ]
        places += np.array(self.offsets[:-1], dtype=np.int64)[:, np.newaxis] + row_span * size
        occurring, times = np.unique(places, return_counts=True)
        rows = np.bincount(row_span, minlength=len(names))
        until = np.searchsorted(occurring, np.arange(1, len(names) + 1) * size)
        since = np.append(0, until)
        for at, name in enumerate(names.tolist()):
            yield (
                name,
                Tally(
                    rows=int(rows[at]),
                    places=occurring[since[at] : until[at]] - at * size,
                    times=times[since[at] : until[at]].astype(np.int64),
                    scaled=tuple(sums[at] for sums, _, _ in ends),
                    least=tuple(least[at] for _, least, _ in ends),
                    most=tuple(most[at] for _, _, most in ends),
                ),
            )

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
        return len(head).to_bytes(4, "little") + head + self.tally.compressed()

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
    return column.scaled(known, of, n), [end(each) for each in least.tolist()], [end(each) for each in most.tolist()]


def _known(ends: Iterable[float | None]) -> Iterable[float]:
    return (each for each in ends if each is not None)
