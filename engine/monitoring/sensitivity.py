"""What a monitor of drift can see: how often it cries where nothing moved, and the smallest shift that it sees.

From the reference's counts alone. Windows are drawn from it, column by column, and judged as a monitor does: PSI beyond
its first bound and p, after Benjamini-Hochberg over the columns, under the significance. Numbers in cells are drawn in
their ten groups; their p is taken as 0, so that their false alarms are at most those told.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from engine.inferences import counts
from engine.inventory.references import VersionRef
from engine.monitoring import thresholds
from engine.monitoring.drift import Bounds
from engine.statistics import Estimate
from engine.statistics.columns import Column
from engine.statistics.tallies import Reference
from engine.statistics.wilson import wilson

WINDOWS = 1_000  #: drawn for a rate of false alarms
_TRIED = 200  #: drawn for each shift that is tried
SEEN_IN = 0.8  #: a shift is seen where so large a share of windows shows it
_SEED = 20_260_101


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSensitivity:
    """One column of a monitor."""

    name: str
    false_alarms: Estimate  #: the share of windows of the reference itself in which it is flagged
    #: the share of rows that has to go from its commonest group to the next for it to be seen in 8 of 10 windows; nan
    #: where not even all of that group is enough
    smallest_shift: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """A monitor at its window size."""

    rows: int
    false_alarms: Estimate  #: the share of windows of the reference itself in which any column is flagged
    columns: tuple[ColumnSensitivity, ...]


def of_reference(digest: str, reference: Reference, rows: int, bounds: Bounds) -> Sensitivity:
    """The sensitivity at windows of so many rows; the same each time, and kept by digest, rows and bounds.

    rows: rounded down to two digits, so that windows that differ little are told the same.
    """
    return _kept(_Key(digest, reference), _rounded(rows), bounds)


def of_version(session: Session, ref: VersionRef, rows: int, floor: int) -> Sensitivity | None:
    """Of a version's drift at windows of so many rows, with the bounds of its PSI that people approved for the model.

    None where it has no reference, or where there are no rows.
    """
    try:
        digest, reference = counts.reference_of(session, ref)
    except counts.NoReference:
        return None
    approved = thresholds.in_force(session, ref.model).approved.get(("psi", ""))
    bounds = Bounds(warn=approved.warn, breach=approved.breach, floor=floor) if approved else Bounds(floor=floor)
    return of_reference(digest, reference, rows, bounds) if rows and reference.tally.rows else None


class _Key:
    """A reference that is looked up by its digest."""

    def __init__(self, digest: str, reference: Reference) -> None:
        self.digest, self.reference = digest, reference

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.digest == other.digest


@lru_cache(maxsize=256)
def _kept(key: _Key, rows: int, bounds: Bounds) -> Sensitivity:
    return measured(key.reference, rows, bounds)


def measured(reference: Reference, rows: int, bounds: Bounds) -> Sensitivity:
    """The sensitivity, computed; raises ValueError where the reference or the window is empty."""
    if rows < 1 or reference.tally.rows < 1:
        raise ValueError(f"rows are {rows} and {reference.tally.rows}, not above 0")
    rng = np.random.default_rng(_SEED)
    columns = reference.columns
    coarse = [_coarse(reference, column) for column in columns]
    drawn = [rng.multinomial(rows, each / each.sum(), WINDOWS) for each in coarse]
    large = np.array([_psi(before, now) >= bounds.warn for before, now in zip(coarse, drawn, strict=True)])
    p = np.array([_p(column, before, now) for column, before, now in zip(columns, coarse, drawn, strict=True)])
    flagged = large & (_adjusted(p) < bounds.significance)
    if rows < bounds.floor or reference.tally.rows < bounds.floor:
        flagged[:] = False  # under the floor nothing is said, and nothing is seen
    return Sensitivity(
        rows=rows,
        false_alarms=wilson(int(flagged.any(axis=0).sum()), WINDOWS),
        columns=tuple(
            ColumnSensitivity(
                name=column.name,
                false_alarms=wilson(int(flags.sum()), WINDOWS),
                smallest_shift=_smallest(column, before, rows, bounds, len(columns)),
            )
            for column, before, flags in zip(columns, coarse, flagged, strict=True)
        ),
    )


def _coarse(reference: Reference, column: Column) -> NDArray[np.float64]:
    """How many cases of the reference each group of its PSI holds, without those that nobody is in."""
    counted = reference.counts(column.name)
    groups = np.bincount(column.quantile_groups(counted), weights=counted.groups)
    return groups[groups > 0].astype(np.float64)


def _psi(before: NDArray[np.float64], now: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each window in a row, as `statistics.psi` has it; groups that nobody is in do not occur here."""
    r, w = before + 0.5, now + 0.5
    p, q = r / r.sum(), w / w.sum(axis=1, keepdims=True)
    found: NDArray[np.float64] = ((q - p) * np.log(q / p)).sum(axis=1)
    return found


def _p(column: Column, before: NDArray[np.float64], now: NDArray[np.int64]) -> NDArray[np.float64]:
    """Pearson's test of the two samples, for each window; 0 of numbers in cells."""
    import scipy.special

    if column.cells:
        return np.zeros(len(now))
    if len(before) < 2:
        return np.ones(len(now))
    n, m = before.sum(), now.sum(axis=1, keepdims=True)
    share = (before + now) / (n + m)
    squares = ((before - n * share) ** 2 / (n * share) + (now - m * share) ** 2 / (m * share)).sum(axis=1)
    found: NDArray[np.float64] = scipy.special.chdtrc(len(before) - 1, squares)
    return found


def _adjusted(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """After Benjamini-Hochberg over the columns; p: shape (columns, windows)."""
    order = np.argsort(p, axis=0)
    ranks = np.arange(1, len(p) + 1)[:, None]
    raised = np.take_along_axis(p, order, axis=0) * len(p) / ranks
    least = np.minimum.accumulate(raised[::-1], axis=0)[::-1]
    found = np.empty_like(p)
    np.put_along_axis(found, order, least, axis=0)
    return found


def _smallest(column: Column, before: NDArray[np.float64], rows: int, bounds: Bounds, columns: int) -> float:
    """By halving; one column alone has moved, so that its p is multiplied by the number of columns."""
    if len(before) < 2 or rows < bounds.floor or before.sum() < bounds.floor:
        return float("nan")
    shares = before / before.sum()
    first, second = np.argsort(-shares, kind="stable")[:2]

    def seen(shift: float) -> bool:
        moved = shares.copy()
        moved[first] -= shift
        moved[second] += shift
        now = np.random.default_rng(_SEED).multinomial(rows, moved.clip(0) / moved.clip(0).sum(), _TRIED)
        found = (_psi(before, now) >= bounds.warn) & (_p(column, before, now) * columns < bounds.significance)
        return bool(found.mean() >= SEEN_IN)

    low, high = 0.0, float(shares[first])
    if not seen(high):
        return float("nan")
    while high - low > 0.002:
        middle = (low + high) / 2
        low, high = (low, middle) if seen(middle) else (middle, high)
    return high


def _rounded(rows: int) -> int:
    """Two digits."""
    unit: int = 10 ** max(len(str(rows)) - 2, 0)
    return rows // unit * unit
