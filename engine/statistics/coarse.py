"""The groups by which shifts are told, of all columns of a reference in one table: codes, or ten quantile groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.statistics.columns import Column, Counts, Whole


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coarse:
    """Rows are columns, each with its groups from the left, filled up with 0; missing last, another type before it."""

    starts: Whole  #: where each group begins among the places of all columns, and where the last one ends
    row: Whole
    place: Whole  #: of each group in its row
    sizes: tuple[int, ...]  #: groups of each column
    labels: tuple[tuple[str, ...], ...]
    texts: tuple[tuple[int, ...], ...]  #: of each column, the groups that are texts
    before: Whole  #: the counts of the reference, shape (columns, groups)

    def of(self, places: Whole, times: Whole) -> Whole:
        """The counts of a tally by these groups, shape (columns, groups)."""
        up_to = np.concatenate(([0], np.cumsum(times)))[np.searchsorted(places, self.starts)]
        found = np.zeros((len(self.sizes), max(self.sizes, default=0)), np.int64)
        found[self.row, self.place] = np.diff(up_to)
        return found


def coarse(columns: Sequence[Column], counts: Sequence[Counts]) -> Coarse:
    """The groups of these columns, whose places follow each other, as fitted on their counts."""
    starts, row, place, sizes, labels, first = [], [], [], [], [], 0
    for at, (column, counted) in enumerate(zip(columns, counts, strict=True)):
        groups = column.quantile_groups(counted)
        begin = np.flatnonzero(np.diff(groups, prepend=-1))
        starts.append(begin + first)
        row.append(np.full(len(begin), at))
        place.append(np.arange(len(begin)))
        sizes.append(len(begin))
        labels.append(tuple(column.labels(groups)))
        first += column.size
    before = np.zeros((len(sizes), max(sizes, default=0)), np.int64)
    for at, (begin, counted) in enumerate(zip(starts, counts, strict=True)):
        before[at, : len(begin)] = np.add.reduceat(counted.groups, begin - begin[0])
    return Coarse(
        starts=np.concatenate([*starts, [first]]).astype(np.int64),
        row=np.concatenate([np.empty(0, np.int64), *row]),
        place=np.concatenate([np.empty(0, np.int64), *place]),
        sizes=tuple(sizes),
        labels=tuple(labels),
        texts=tuple(tuple(at for at, code in enumerate(column.codes) if isinstance(code, str)) for column in columns),
        before=before,
    )
