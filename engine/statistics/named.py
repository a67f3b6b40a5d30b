"""Vectors of counts under names, with exact sums beside them: sparse, additive, and telling of themselves.

Where a `Tally` needs its reference to be read, these carry their names: what was counted by one version of the groups
adds up with what was counted by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate

import numpy as np
import orjson

from engine.statistics import packing
from engine.statistics.columns import Whole
from engine.statistics.tallies import Tally
from engine.statistics.tallies import read as read_tally

Name = tuple[str, ...]
STRIDE = 1 << 17  #: a vector has fewer cells than this
_FEW, _MANY = 128, 8192  # a vector's room is so many cells, or a multiple of them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Named:
    """How often each cell of each named vector occurred, and what was added up."""

    rows: int = 0
    names: tuple[Name, ...] = ()  #: of the vectors that hold anything, ascending
    places: Whole = field(default_factory=lambda: np.empty(0, np.int64))  #: STRIDE * name + cell, ascending
    times: Whole = field(default_factory=lambda: np.empty(0, np.int64))  #: below 0 only in what corrects others
    sums: Mapping[str, int] = field(default_factory=dict)  #: whole units, of any size

    def vector(self, name: Name, size: int) -> Whole:
        """The counts of one vector, shape (size,); zeros where nothing occurred."""
        found = np.zeros(size, np.int64)
        if name in self.names:
            first = self.names.index(name) * STRIDE
            low, high = np.searchsorted(self.places, [first, first + STRIDE])
            found[self.places[low:high] - first] = self.times[low:high]
        return found

    def packed(self) -> bytes:
        """As bytes: a head in JSON, then the counts as a `Tally` is packed, vector after vector."""
        sums = sorted(self.sums)
        rooms, places = _compact(self)
        head = orjson.dumps([self.names, sums, rooms])
        scaled = tuple(self.sums[name] for name in sums)
        rest = Tally(rows=self.rows, places=places, times=self.times, scaled=scaled, least=(), most=())
        return len(head).to_bytes(4, "little") + head + rest.packed()

    @classmethod
    def unpacked(cls, content: bytes) -> Named:
        """What `packed` wrote; ValueError where it is none, or of a later format."""
        found = _read(content)
        places, times = found.part.sparse()
        starts = _starts(found.rooms)
        of = np.searchsorted(starts, places, side="right") - 1
        return cls(
            rows=found.rows,
            names=found.names,
            places=of * STRIDE + places - np.array(starts)[of] if len(places) else places,
            times=times,
            sums=found.sums,
        )


@dataclass(frozen=True, slots=True)
class _Packed:
    """Counts as they are packed: the vectors one after the other, each in its room."""

    rows: int
    names: tuple[Name, ...]
    rooms: tuple[int, ...]
    sums: Mapping[str, int]
    part: packing.Part


def _read(content: bytes) -> _Packed:
    end = 4 + int.from_bytes(content[:4], "little")
    names, sums, rooms = _head(content[4:end])
    head, part = read_tally(content, end)
    return _Packed(head.rows, names, rooms, dict(zip(sums, head.scaled, strict=True)), part)


@lru_cache(maxsize=64)
def _head(content: bytes) -> tuple[tuple[Name, ...], tuple[str, ...], tuple[int, ...]]:
    """(names, sums, rooms); most spans of a version have one and the same."""
    try:
        given, sums, *further = orjson.loads(content)
        names = tuple(tuple(name) for name in given)
        # Counts of before there were rooms have one of STRIDE for each vector.
        rooms = tuple(int(each) for each in further[0]) if further else (STRIDE,) * len(names)
    except (ValueError, TypeError) as error:
        raise ValueError(f"these bytes are no named counts: {error}") from error
    return names, tuple(sums), rooms


def _compact(counts: Named) -> tuple[tuple[int, ...], Whole]:
    """(the room of each vector, the places where each vector takes no more than its room).

    Rooms are rounded up, so that the vectors of one name nearly always have the same and are added as they lie.
    """
    ends = np.searchsorted(counts.places, np.arange(1, len(counts.names) + 1) * STRIDE)
    last = counts.places[ends - 1] % STRIDE
    rooms = tuple(-(-(each + 1) // unit) * unit for each in last.tolist() for unit in (_FEW if each < 1024 else _MANY,))
    moved = np.array(_starts(rooms), dtype=np.int64) - np.arange(len(rooms)) * STRIDE
    return rooms, counts.places + np.repeat(moved, np.diff(ends, prepend=0))


def _starts(rooms: Sequence[int]) -> list[int]:
    """Where each vector begins."""
    return [0, *accumulate(rooms)][: len(rooms)]


def total_of_packed(packed: Sequence[bytes]) -> Named:
    """All of those that are packed, added as they lie; of none: nothing occurred."""
    found = [_read(each) for each in packed]
    layouts = {(each.names, each.rooms) for each in found}
    if any(STRIDE in rooms for _, rooms in layouts):  # of before there were rooms
        return added(Named.unpacked(content) for content in packed)
    most: dict[Name, int] = {}
    for layout in layouts:
        for name, room in zip(*layout, strict=True):
            most[name] = max(most.get(name, 0), room)
    sums: dict[str, int] = {}
    for each in found:
        for sum_name, amount in each.sums.items():
            sums[sum_name] = sums.get(sum_name, 0) + amount
    names = tuple(sorted(most))
    starts = _starts([most[name] for name in names])
    to = dict(zip(names, starts, strict=True))
    runs = {layout: _runs(*layout, to) for layout in layouts}
    whole = packing.Sum(sum(most.values()))
    for each in found:
        whole.add(each.part, runs[each.names, each.rooms])
    places, times = packing.occurring_in(whole.dense())
    ends = np.searchsorted(places, np.array([*starts[1:], sum(most.values())]))
    lengths = np.diff(ends, prepend=0)
    kept = np.flatnonzero(lengths)
    moved = np.arange(len(kept)) * STRIDE - np.array(starts, dtype=np.int64)[kept]
    return Named(
        rows=sum(each.rows for each in found),
        names=tuple(names[at] for at in kept.tolist()),
        places=places + np.repeat(moved, lengths[kept]),
        times=times,
        sums={name: amount for name, amount in sums.items() if amount},
    )


def _runs(names: Sequence[Name], rooms: Sequence[int], to: Mapping[Name, int]) -> list[packing.Run]:
    """Where vectors in their rooms go; neighbours that stay neighbours go together."""
    runs: list[packing.Run] = []
    for name, start, room in zip(names, _starts(rooms), rooms, strict=True):
        at = to[name]
        if runs and at - runs[-1][2] == start - runs[-1][0]:
            runs[-1] = (runs[-1][0], start + room, runs[-1][2])
        else:
            runs.append((start, start + room, at))
    return runs


def added(parts: Iterable[Named]) -> Named:
    """All of them together; of none: nothing occurred."""
    found = list(parts)
    if len(found) == 1:
        return found[0]
    names = tuple(sorted({name for each in found for name in each.names}))
    at = {name: place for place, name in enumerate(names)}
    moved = []
    for each in found:
        to = np.array([at[name] for name in each.names], dtype=np.int64)
        # Names ascend in each part and in the whole, so the places do, too.
        place = to[each.places // STRIDE] * STRIDE + each.places % STRIDE if len(to) else each.places
        moved.append((place, each.times))
    places, times = packing.summed(moved)
    sums: dict[str, int] = {}
    for each in found:
        for name, amount in each.sums.items():
            sums[name] = sums.get(name, 0) + amount
    return in_order(sum(each.rows for each in found), names, places, times, sums)


def taken_off(counts: Named) -> Named:
    """What corrects another by taking these off: added to them, nothing is left."""
    return Named(
        rows=-counts.rows,
        names=counts.names,
        places=counts.places,
        times=-counts.times,
        sums={name: -amount for name, amount in counts.sums.items()},
    )


def in_order(rows: int, names: tuple[Name, ...], places: Whole, times: Whole, sums: Mapping[str, int]) -> Named:
    """The counts of places under these names, which need no order: without what does not occur, the names ascending."""
    occurring = times != 0
    places, times = places[occurring], times[occurring]
    used = np.unique(places // STRIDE)
    kept = sorted(names[place] for place in used.tolist())
    rank = {name: place for place, name in enumerate(kept)}
    to = np.zeros(len(names), np.int64)
    for place in used.tolist():
        to[place] = rank[names[place]]
    places = to[places // STRIDE] * STRIDE + places % STRIDE if len(places) else places
    order = np.argsort(places, kind="stable")
    return Named(
        rows=rows,
        names=tuple(kept),
        places=places[order],
        times=times[order],
        sums={name: amount for name, amount in sums.items() if amount},
    )
