"""Vectors of counts under names, with exact sums beside them: sparse, additive, and telling of themselves.

Where a `Tally` needs its reference to be read, these carry their names: what was counted by one version of the groups
adds up with what was counted by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import orjson

from engine.statistics.columns import Whole
from engine.statistics.tallies import Tally, summed

Name = tuple[str, ...]
STRIDE = 1 << 17  #: a vector has fewer cells than this


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
        """As bytes: a head in JSON, then the counts as a `Tally` is packed."""
        names = sorted(self.sums)
        head = orjson.dumps([self.names, names])
        rest = Tally(
            rows=self.rows,
            places=self.places,
            times=self.times,
            scaled=tuple(self.sums[name] for name in names),
            least=(),
            most=(),
        )
        return len(head).to_bytes(4, "little") + head + rest.packed()

    @classmethod
    def unpacked(cls, packed: bytes) -> Named:
        """What `packed` wrote; ValueError where it is none, or of a later format."""
        end = 4 + int.from_bytes(packed[:4], "little")
        try:
            names, sums = orjson.loads(packed[4:end])
            found = tuple(tuple(name) for name in names)
        except (ValueError, TypeError) as error:
            raise ValueError(f"these bytes are no named counts: {error}") from error
        rest = Tally.unpacked(packed[end:])
        return cls(
            rows=rest.rows,
            names=found,
            places=rest.places,
            times=rest.times,
            sums=dict(zip(sums, rest.scaled, strict=True)),
        )


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
    places, times = summed(moved)
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
