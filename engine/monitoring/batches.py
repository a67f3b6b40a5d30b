"""Columns as Arrow has them, counted in the groups of a reference: whole arrays at a time, no object for a value.

What is counted so equals what `Column.count` says of the same values, at a small part of its cost: whole numbers and
dictionary codes are counted first and sorted into groups once, numbers in cells are scaled and counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.statistics.columns import Column, Counts, Values, Whole, held

if TYPE_CHECKING:
    import pyarrow

#: rows that are looked at together: few enough to stay in a core's cache, many enough for a call not to count
ROWS = 1 << 17
_SPAN = 1 << 16  #: whole numbers no further apart than so much are counted one by one


class Counting:
    """The counts of one column so far; arrays are added in any order."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._groups: Whole = np.zeros(column.size, np.int64)
        self._scaled = 0
        self._least, self._most = math.inf, -math.inf

    def counts(self) -> Counts:
        """What was counted."""
        return Counts(
            groups=self._groups.copy(),
            scaled=self._scaled,
            least=self._least if math.isfinite(self._least) else None,
            most=self._most if math.isfinite(self._most) else None,
        )

    def absent(self, rows: int) -> None:
        """Count rows of a table that does not have the column."""
        self._groups[-1] += rows

    def add(self, values: pyarrow.Array) -> None:
        """Count the values of an array of at most `ROWS`; what is neither number nor text is of another type."""
        import pyarrow as pa
        import pyarrow.types as types

        if types.is_dictionary(values.type):
            self._add_coded(values)
            return
        if values.null_count:
            self._groups[-1] += values.null_count
            values = values.drop_null()
        if types.is_boolean(values.type):
            values = values.cast(pa.uint8())
        if types.is_integer(values.type):
            self._add_whole(values.to_numpy(zero_copy_only=False))
        elif types.is_floating(values.type):
            self._add_numbers(values.to_numpy(zero_copy_only=False).astype(np.float64, copy=False))
        elif types.is_string(values.type) or types.is_large_string(values.type):
            self._add_coded(values.dictionary_encode())
        else:
            self._groups[-2] += len(values)

    def add_values(self, values: Sequence[Any]) -> None:
        """The same of values as JSON and databases give them."""
        found = self._column.count([float(each) if isinstance(each, Decimal) else each for each in values])
        self._groups += found.groups
        self._scaled += found.scaled
        if found.least is not None and found.most is not None:
            self._see(found.least, found.most)

    def add_texts_of_numbers(self, values: pyarrow.Array) -> None:
        """The same of texts that came from a file without types: one that reads as a number is that number."""
        coded = values.dictionary_encode()
        self._add_coded(coded, [read_text(each) for each in coded.dictionary.to_pylist()])

    def _add_coded(self, values: pyarrow.DictionaryArray, meaning: Sequence[Any] | None = None) -> None:
        found = values.indices
        if found.null_count:
            self._groups[-1] += found.null_count
            found = found.drop_null()
        known = values.dictionary.to_pylist() if meaning is None else meaning
        times = np.bincount(found.to_numpy(zero_copy_only=False), minlength=len(known))
        occurring = np.flatnonzero(times)
        self._weigh([known[at] for at in occurring.tolist()], times[occurring])

    def _add_whole(self, values: NDArray[Any]) -> None:
        if not len(values):
            return
        if values.dtype.itemsize == 1:
            self._add_bytes(values)
            return
        low, high = int(values.min()), int(values.max())
        if high - low >= _SPAN or high >= 1 << 63:
            self._add_numbers(values.astype(np.float64))
            return
        # Numbers from 0 on need no copy moved to 0: a count of some more places costs less.
        first = 0 if low >= 0 and high < _SPAN else low
        whole = values.astype(np.int64, copy=False)
        times = np.bincount(whole if first == 0 else whole - first)
        occurring = np.flatnonzero(times)
        self._weigh(occurring + first, times[occurring])

    def _add_bytes(self, values: NDArray[Any]) -> None:
        # Two neighbours are one number of 16 bits: half as many are counted.
        even = len(values) // 2 * 2
        pairs = np.bincount(np.ascontiguousarray(values[:even]).view(np.uint16), minlength=1 << 16).reshape(256, 256)
        times = pairs.sum(axis=0) + pairs.sum(axis=1)
        if even < len(values):
            times[int(values[-1]) & 255] += 1
        occurring = np.flatnonzero(times)
        self._weigh(occurring.astype(np.uint8).view(values.dtype).astype(np.int64), times[occurring])

    def _add_numbers(self, values: NDArray[np.float64]) -> None:
        missing = np.isnan(values)
        if missing.any():
            self._groups[-1] += int(missing.sum())
            values = values[~missing]
        if not len(values):
            return
        values = held(values)
        if not self._column.cells and self._add_integral(values):
            return
        self._groups += np.bincount(self._column.places_of(values), minlength=self._column.size)
        finite = values[np.isfinite(values)]
        if len(finite):
            self._see(float(finite.min()), float(finite.max()))
            self._scaled += self._column.sum_of(finite)

    def _add_integral(self, values: NDArray[np.float64]) -> bool:
        """Whether all are whole numbers near each other, and were counted as such."""
        low, high = float(values.min()), float(values.max())
        if not (abs(low) < 2**53 and high - low < _SPAN):
            return False
        first = math.floor(low)
        whole = (values - first).astype(np.int64)
        if not np.array_equal(whole + first, values):
            return False
        times = np.bincount(whole)
        occurring = np.flatnonzero(times)
        self._weigh(occurring + first, times[occurring])
        return True

    def _weigh(self, values: Values, times: Whole) -> None:
        """Count distinct values, each so many times."""
        if not len(values):
            return
        places, numbers = self._column.places(values)
        np.add.at(self._groups, places, times)
        known = np.isfinite(numbers)
        if known.any():
            finite = numbers[known]
            self._see(float(finite.min()), float(finite.max()))
            units = self._column.scaled(finite, np.arange(len(finite)), len(finite))
            self._scaled += sum(unit * many for unit, many in zip(units, times[known].tolist(), strict=True))

    def _see(self, least: float, most: float) -> None:
        self._least, self._most = min(self._least, least), max(self._most, most)


def read_text(text: str | None) -> str | float | None:
    """What a text of a file without types means: a number, where it reads as one."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return text
