"""How what a version is asked, and what it answers, moved away from its reference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.inferences import counts
from engine.inventory.references import VersionRef
from engine.monitoring.scans import Scan
from engine.monitoring.verdicts import STATES, corrected
from engine.statistics import Estimate
from engine.statistics.chi_square import chi_square_of_rows
from engine.statistics.columns import Whole
from engine.statistics.kolmogorov_smirnov import Gaps
from engine.statistics.psi import psi_of_rows
from engine.statistics.tallies import Reference, Tally
from engine.statistics.wilson import wilson


class WindowRefused(GatewrightError):
    """The window is refused: {reason}."""

    code = "window-refused"
    hint = "Give a beginning and an end, the end later; either may be left open."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What counts as a shift: an effect beyond a bound that chance does not explain, in rows enough to say so."""

    warn: float = 0.10  #: PSI, nats
    breach: float = 0.25
    significance: float = 0.05  #: the share of false findings among the findings (Benjamini-Hochberg)
    floor: int = 200  #: rows under which nothing is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One group of a column: what part of the reference and of the window it holds."""

    label: str
    reference: float
    window: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """One column of a window against its reference."""

    name: str
    state: str  #: one of STATES
    psi: Estimate
    statistic: str  #: which distance `effect` is: chi_square for codes, kolmogorov_smirnov for numbers in cells
    effect: Estimate
    error: float  #: how far that distance of the values themselves may lie above the one of their cells; 0 of codes
    p: float  #: of that statistic where nothing moved; nan where it cannot be computed
    adjusted: float  #: p after Benjamini-Hochberg over the columns of the report
    missing: Estimate  #: the share of rows without a value
    reference_missing: float
    outside: Estimate  #: the share of values that the reference does not have: unseen, or out of its range
    foreign: int  #: rows whose value is of another type
    mean: float | None
    reference_mean: float | None
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A window of a version against its reference; the columns by effect, the largest first."""

    version: str
    reference: str  #: the digest
    environment: str | None
    since: datetime | None
    until: datetime | None
    rows: int
    reference_rows: int
    bounds: Bounds
    state: str  #: the worst of the columns
    columns: tuple[ColumnDrift, ...]
    absent: tuple[str, ...] = ()  #: columns of the reference that a table does not have: nothing is said of them
    further: tuple[str, ...] = ()  #: columns of a table that the reference does not have

    @property
    def moved(self) -> tuple[str, ...]:
        """The columns that are beyond a bound, the largest effect first."""
        return tuple(column.name for column in self.columns if column.state in ("warn", "breach"))


def of_window(
    session: Session,
    ref: VersionRef,
    *,
    environment: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    bounds: Bounds | None = None,
    level: float = 0.95,
) -> Drift:
    """The drift of a version between two instants of event time, widened to whole hours, from counts alone.

    Costs the same whatever the rows. Raises VersionUnknown, NoReference, WindowRefused.
    """
    if since is not None and until is not None and since >= until:
        raise WindowRefused(reason="it ends before it begins")
    digest, reference = counts.reference_of(session, ref)
    tally = counts.window(
        session, ref, digest, len(reference.columns), environment=environment, since=since, until=until
    )
    return _drift(
        ref, digest, reference, tally, bounds or Bounds(), level, environment=environment, since=since, until=until
    )


def of_scan(ref: VersionRef, digest: str, scan: Scan, *, bounds: Bounds | None = None, level: float = 0.95) -> Drift:
    """The drift of the rows of a table that was scanned with a version's reference, of that digest."""
    return _drift(
        ref,
        digest,
        scan.reference,
        scan.tally,
        bounds or Bounds(),
        level,
        absent=scan.absent,
        further=scan.further,
    )


def _drift(
    ref: VersionRef, digest: str, reference: Reference, tally: Tally, bounds: Bounds, level: float, **told: Any
) -> Drift:
    columns = compare(reference, tally, bounds, level)
    return Drift(
        version=str(ref),
        reference=digest,
        rows=tally.rows,
        reference_rows=reference.tally.rows,
        bounds=bounds,
        state=max((column.state for column in columns), key=STATES.index, default="no data"),
        columns=columns,
        **{"environment": None, "since": None, "until": None, **told},
    )


def compare(reference: Reference, window: Tally, bounds: Bounds, level: float = 0.95) -> tuple[ColumnDrift, ...]:
    """Every column of a window against the reference, the largest PSI first; pure."""
    groups = reference.coarse
    before, now = groups.before, groups.of(window.places, window.times)
    tested = _tested(reference, window, now, level)
    adjusted = corrected([each.p for each in tested])
    found = [
        _column(_Compared(reference, window, at, before[at], now[at], level), index, test, held, bounds)
        for at, (index, test, held) in enumerate(zip(psi_of_rows(before, now, level), tested, adjusted, strict=True))
    ]
    return tuple(sorted(found, key=lambda each: -1.0 if math.isnan(each.psi.value) else each.psi.value, reverse=True))


@dataclass(frozen=True, slots=True)
class _Tested:
    statistic: str
    effect: Estimate
    error: float
    p: float


def _tested(reference: Reference, window: Tally, now: Whole, level: float) -> list[_Tested]:
    coded = [at for at, column in enumerate(reference.columns) if not column.cells]
    of_codes = dict(zip(coded, chi_square_of_rows(reference.coarse.before[coded], now[coded], level), strict=True))
    found = []
    for at, column in enumerate(reference.columns):
        if at in of_codes:
            effect, p = of_codes[at]
            found.append(_Tested("chi_square", effect, 0.0, p))
        else:
            gaps = Gaps(reference.counts(column.name).groups, reference.counts(column.name, window).groups)
            found.append(_Tested("kolmogorov_smirnov", gaps.distance(level), gaps.error(), gaps.p()))
    return found


class _Compared:
    """One column, its coarse groups in the reference and in the window."""

    def __init__(self, reference: Reference, window: Tally, at: int, before: Whole, now: Whole, level: float) -> None:
        self.column, size = reference.columns[at], reference.coarse.sizes[at]
        self.labels, self._texts = reference.coarse.labels[at], reference.coarse.texts[at]
        self.before, self.now = before.tolist()[:size], now.tolist()[:size]
        self.was, self.total, self.level = sum(self.before), sum(self.now), level
        self.reference_mean = self._mean(reference.tally, at, self.before)
        self.mean = self._mean(window, at, self.now)

    def _mean(self, tally: Tally, at: int, groups: list[int]) -> float | None:
        """The mean of the numbers; None of texts alone, and where there are none."""
        if tally.least[at] is None or (self._texts and len(self._texts) == len(self.column.codes)):
            return None
        numbers = sum(groups[:-2]) - sum(groups[each] for each in self._texts)
        return tally.scaled[at] / 2.0**self.column.bits / numbers if numbers > 0 else None

    def shares(self) -> tuple[Share, ...]:
        """The groups that occur, in order."""
        was, total = max(self.was, 1), max(self.total, 1)
        return tuple(
            Share(label=label, reference=before / was, window=now / total)
            for label, before, now in zip(self.labels, self.before, self.now, strict=True)
            if before or now
        )


def _column(found: _Compared, index: Estimate, test: _Tested, adjusted: float, bounds: Bounds) -> ColumnDrift:
    if min(found.was, found.total) < bounds.floor or not index.known:
        state = "no data"
    elif not adjusted < bounds.significance or index.value < bounds.warn:
        state = "healthy"
    else:
        state = "breach" if index.value >= bounds.breach else "warn"
    *_, unseen, foreign, missing = found.now
    below = found.now[0] if found.column.cells else 0
    return ColumnDrift(
        name=found.column.name,
        state=state,
        psi=index,
        statistic=test.statistic,
        effect=test.effect,
        error=test.error,
        p=test.p,
        adjusted=adjusted,
        missing=wilson(missing, found.total, found.level),
        reference_missing=found.before[-1] / found.was if found.was else math.nan,
        outside=wilson(below + unseen, found.total - missing, found.level),
        foreign=foreign,
        mean=found.mean,
        reference_mean=found.reference_mean,
        shares=found.shares(),
    )
