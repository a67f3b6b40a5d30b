"""How what a version is asked, and what it answers, moved away from its reference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.inferences import counts
from engine.inventory.references import VersionRef
from engine.monitoring.scans import Scan
from engine.statistics import Estimate
from engine.statistics.chi_square import chi_square, chi_square_test
from engine.statistics.columns import Column, Counts
from engine.statistics.kolmogorov_smirnov import kolmogorov_smirnov, kolmogorov_smirnov_error, kolmogorov_smirnov_p
from engine.statistics.psi import psi
from engine.statistics.tallies import Reference, Tally
from engine.statistics.wilson import wilson

#: worst last; no data is never healthy
STATES = ("no data", "healthy", "warn", "breach")
QUANTILE_GROUPS = 10


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
    import scipy.stats

    pairs = [
        (column, reference.counts(column.name), reference.counts(column.name, window)) for column in reference.columns
    ]
    tested = [_tested(column, before, now, level) for column, before, now in pairs]
    known = [at for at, (_, _, p) in enumerate(tested) if not math.isnan(p)]
    adjusted = [math.nan] * len(pairs)
    for at, value in zip(
        known, scipy.stats.false_discovery_control([tested[at][2] for at in known]) if known else (), strict=True
    ):
        adjusted[at] = float(value)
    found = [
        _column(column, before, now, statistic, effect, p, held, bounds, level)
        for (column, before, now), (statistic, effect, p), held in zip(pairs, tested, adjusted, strict=True)
    ]
    return tuple(sorted(found, key=lambda each: -1.0 if math.isnan(each.psi.value) else each.psi.value, reverse=True))


def _tested(column: Column, before: Counts, now: Counts, level: float) -> tuple[str, Estimate, float]:
    if column.cells:
        distance = kolmogorov_smirnov(before.groups, now.groups, level)
        return "kolmogorov_smirnov", distance, kolmogorov_smirnov_p(before.groups, now.groups)
    return "chi_square", chi_square(before.groups, now.groups, level), chi_square_test(before.groups, now.groups).p


def _column(
    column: Column,
    before: Counts,
    now: Counts,
    statistic: str,
    effect: Estimate,
    p: float,
    adjusted: float,
    bounds: Bounds,
    level: float,
) -> ColumnDrift:
    coarse = column.quantile_groups(before, QUANTILE_GROUPS)
    n = int(coarse.max()) + 1
    groups = [np.bincount(coarse, weights=each.groups, minlength=n).astype(np.int64) for each in (before, now)]
    index = psi(groups[0], groups[1], level)
    if min(before.total, now.total) < bounds.floor or not index.known:
        state = "no data"
    elif not adjusted < bounds.significance or index.value < bounds.warn:
        state = "healthy"
    else:
        state = "breach" if index.value >= bounds.breach else "warn"
    values = now.total - now.missing
    return ColumnDrift(
        name=column.name,
        state=state,
        psi=index,
        statistic=statistic,
        effect=effect,
        error=kolmogorov_smirnov_error(before.groups, now.groups) if column.cells else 0.0,
        p=p,
        adjusted=adjusted,
        missing=wilson(now.missing, now.total, level),
        reference_missing=before.missing / before.total if before.total else math.nan,
        outside=wilson(now.outside(column), values, level),
        foreign=now.foreign,
        mean=_mean(column, now),
        reference_mean=_mean(column, before),
        shares=_shares(column.labels(coarse), groups),
    )


def _mean(column: Column, counted: Counts) -> float | None:
    """The mean of the numbers; None of texts alone, and where there are none."""
    if counted.least is None:
        return None
    numbers = counted.total - counted.missing - counted.foreign
    texts = [at for at, code in enumerate(column.codes) if isinstance(code, str)]
    numbers -= int(counted.groups[texts].sum())
    return (
        counted.scaled / 2.0**column.bits / numbers if numbers > 0 and len(texts) < len(column.codes or (0,)) else None
    )


def _shares(labels: list[str], groups: list[Any]) -> tuple[Share, ...]:
    """The groups that occur, in order."""
    totals = [max(int(each.sum()), 1) for each in groups]
    return tuple(
        Share(label=label, reference=float(before / totals[0]), window=float(now / totals[1]))
        for label, before, now in zip(labels, *groups, strict=True)
        if before or now
    )
