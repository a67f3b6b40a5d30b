"""What a model brings: its KPIs in a window, and day by day since its deployment; and the rules that its rows break.

Pure, but for `values`: counts in, figures with intervals out.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal

from sqlalchemy.orm import Session

from engine.inferences import business, outcomes
from engine.inventory import business as declared
from engine.inventory.business import Kpi
from engine.inventory.values import Model
from engine.statistics import Estimate
from engine.statistics.contributions import Contributions, contributions
from engine.statistics.forecast import trend
from engine.statistics.mean import mean_of_sums
from engine.statistics.named import Named
from engine.statistics.ratio import ratio_of_sums
from engine.statistics.total import total_of_sums

_DAY = timedelta(days=1)
#: days of which the trend is taken: what was years ago says little of what comes
TREND_DAYS = 90
#: days between two with rows that are shown as days without
_LONGEST_GAP = 62

NOTHING = Contributions(
    n=0,
    unknown=0,
    total=Fraction(0),
    squares=Fraction(0),
    per=Fraction(0),
    per_squares=Fraction(0),
    products=Fraction(0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a KPI was in one day, or month, of event time (UTC); nothing is known where it has no rows."""

    since: datetime
    value: Estimate  #: of a sum per day
    so_far: float | None  #: of a sum what came together until its end; else the figure over all rows until then
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One KPI of a model in one environment, since it answered there first."""

    model: str
    environment: str
    kpi: str
    unit: str  #: of a span's value
    total_unit: str  #: of what came together
    aggregate: str
    better: str
    warn: float | None
    breach: float | None
    waits: bool  #: it counts a row when its truth is known
    rows: int
    unknown: int  #: rows whose part could not be told
    whole: Estimate  #: over all of it: a sum's total, else the figure
    slope: Estimate | None  #: a day, over the last 90 days; None where too few spans say anything
    spans: tuple[Span, ...]  #: from the first with rows to the last


def of(counts: Named, kpi: Kpi) -> Contributions:
    """What was counted of a KPI."""
    return contributions(counts, business.key(declared.counted(kpi).digest))


def estimate(kpi: Kpi, found: Contributions, days: float, level: float = 0.95) -> Estimate:
    """The figure that a KPI is: a sum per day of so many, the mean per row, or the ratio of two sums."""
    if kpi.aggregate == "sum":
        return total_of_sums(found.n, found.total, found.squares, days, level)
    if kpi.aggregate == "mean":
        return mean_of_sums(found.n, found.total, found.squares, level)
    return ratio_of_sums(found, level)


def rule_counts(counts: Named, digest: str) -> tuple[int, int, int]:
    """(rows that break a rule, rows that hold it, rows of which it could not be told)."""
    broken, held, unknown = (
        counts.sums.get(f"{business.key(digest)} {word}", 0) for word in ("broken", "held", "unknown")
    )
    return broken, held, unknown


def values(
    session: Session, models: Sequence[Model], *, unit: Literal["day", "month"] = "day", level: float = 0.95
) -> list[Value]:
    """The KPIs of models in each environment where anything was answered; one statement, whatever their number."""
    asked = {each.id: each for each in models if each.metadata.kpis}
    if not asked:
        return []
    return [
        _value(model, environment, kpi, counted, unit, level)
        for (model, environment), counted in outcomes.by_span(session, list(asked), unit).items()
        for kpi in asked[model].metadata.kpis
    ]


def _value(model: str, environment: str, kpi: Kpi, counted: Mapping[datetime, Named], unit: str, level: float) -> Value:
    known: list[Span] = []
    so_far, unknown = NOTHING, 0
    for since, counts in counted.items():
        found = of(counts, kpi)
        unknown += found.unknown
        if not found.n:
            continue
        if unit == "day" and known:
            known += _without_rows(known[-1].since, since, level)
        so_far = _together(so_far, found)
        reached = estimate(kpi, so_far, 1, level).value
        days = monthrange(since.year, since.month)[1] if unit == "month" else 1
        known.append(
            Span(
                since=since,
                value=estimate(kpi, found, days, level),
                so_far=None if math.isnan(reached) else reached,
                rows=found.n,
            )
        )
    bounds = kpi.bounds or (math.nan, math.nan)
    return Value(
        model=model,
        environment=environment,
        kpi=kpi.name,
        unit=kpi.title,
        total_unit=kpi.unit,
        aggregate=kpi.aggregate,
        better=kpi.better,
        warn=bounds[0] if math.isfinite(bounds[0]) else None,
        breach=bounds[1] if math.isfinite(bounds[1]) else None,
        waits=declared.counted(kpi).late,
        rows=so_far.n,
        unknown=unknown,
        whole=estimate(kpi, so_far, 1, level),
        slope=_slope(known, level),
        spans=tuple(known),
    )


def _without_rows(before: datetime, after: datetime, level: float) -> list[Span]:
    """The days between two that have rows, if they are not many."""
    gap = (after - before) // _DAY - 1
    if gap > _LONGEST_GAP:
        return []
    return [
        Span(since=before + _DAY * n, value=Estimate.unknown(level), so_far=None, rows=0) for n in range(1, gap + 1)
    ]


def _slope(spans: Sequence[Span], level: float) -> Estimate | None:
    """A day, over the last of them. The first and the last are left out: they may be parts of days."""
    if not spans:
        return None
    recent = [each for each in spans[1:-1] if each.value.known and each.since > spans[-1].since - TREND_DAYS * _DAY]
    if not recent:
        return None
    found = trend(
        [(each.since - recent[0].since) / _DAY for each in recent], [each.value.value for each in recent], level
    )
    return None if found is None else found.slope


def _together(one: Contributions, other: Contributions) -> Contributions:
    return Contributions(
        n=one.n + other.n,
        unknown=one.unknown + other.unknown,
        total=one.total + other.total,
        squares=one.squares + other.squares,
        per=one.per + other.per,
        per_squares=one.per_squares + other.per_squares,
        products=one.products + other.products,
    )
