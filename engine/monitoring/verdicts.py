"""What the readings of one run say: an effect beyond its bound, that chance does not explain, in rows enough.

Pure. Of each reading, in this order:

    no data     its value or its interval is unknown, or it is estimated from fewer rows than the floor
    unjudged    nobody set a bound for it
    healthy     it is within its bounds, or chance explains that it is not
    warn        it is beyond the first bound, and p < significance after Benjamini-Hochberg over the run
    breach      it is beyond the second bound, and the same

A value at its bound is beyond it where low values are good (a shift, a latency), and not where high ones are (an AUC).
p is the reading's own (of its value if nothing had changed); where it has none, that of a value as far from the first
bound as its interval is wide: one-sided, from the end of the interval that faces the bound. An exact value, whose
interval has no width, is as it is: chance and floor do not enter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

from engine.monitoring.measures import DIMENSIONS, Reading
from engine.statistics import Estimate

#: worst last; no data is never healthy
STATES = ("no data", "healthy", "warn", "breach")
UNJUDGED = "unjudged"
#: the share of false findings among the findings
SIGNIFICANCE = 0.05
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """From where on a reading warns, and from where on it is a breach."""

    warn: float
    breach: float
    source: str  #: "approved", "reading", "metadata", "service levels", "test" or "measure"
    version: int = 0  #: of approved ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one measure gave in a run; `failure` says why it gave nothing."""

    measure: str
    dimension: str
    readings: tuple[Reading, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A reading with its bounds and its state."""

    measure: str
    dimension: str
    reading: Reading
    bounds: Bounds | None
    p: float  #: before the correction; nan where nothing was tested
    adjusted: float  #: after it
    state: str  #: one of STATES, or `unjudged`
    excess: float  #: how many times the first bound it is; nan without one

    @property
    def flagged(self) -> bool:
        """Whether it is beyond a bound."""
        return self.state in ("warn", "breach")

    def as_json(self) -> dict[str, Any]:
        """The reading as it is kept with the run: nan and infinity are null."""
        reading, bounds = self.reading, self.bounds
        return {
            "measure": self.measure,
            "dimension": self.dimension,
            "metric": reading.metric,
            "subject": reading.subject,
            "state": self.state,
            **reading.value.as_json(),
            "rows": reading.rows,
            "unit": reading.unit,
            "better": reading.better,
            "reference": finite(reading.reference),
            "estimated": reading.estimated,
            "warn": finite(bounds.warn) if bounds else None,
            "breach": finite(bounds.breach) if bounds else None,
            "bounds": f"{bounds.source} {bounds.version or ''}".strip() if bounds else "",
            "p": finite(self.p),
            "adjusted": finite(self.adjusted),
            "excess": finite(self.excess),
            "detail": plain(reading.detail),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run says, as a whole and in each dimension."""

    state: str
    dimensions: Mapping[str, str]
    readings: tuple[Judged, ...]  #: the worst first, the largest excess first among equals
    silent: Mapping[str, str] = field(default_factory=dict)  #: measure -> why it gave nothing that could be judged
    causes: tuple[Cause, ...] = ()

    @property
    def rows(self) -> int:
        """The rows behind the reading that had most of them."""
        return max((each.reading.rows for each in self.readings), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What is beyond a bound in one measure, in one window: the largest excess, and what moved with it."""

    name: str
    head: Judged
    with_it: tuple[Judged, ...]


def judge(
    taken: Sequence[Taken],
    bounds_of: Callable[[str, Reading], Bounds | None],
    *,
    significance: float = SIGNIFICANCE,
    floor: int = 200,
) -> Verdict:
    """The verdict of a run. bounds_of: the bounds in force for a measure's reading, None where there are none."""
    pairs = [(each, reading) for each in taken for reading in each.readings]
    bounds = [bounds_of(each.measure, reading) for each, reading in pairs]
    tested = [
        _p(reading, found) if _speaks(reading, floor) else math.nan
        for (_, reading), found in zip(pairs, bounds, strict=True)
    ]
    judged = [
        Judged(
            measure=each.measure,
            dimension=each.dimension,
            reading=reading,
            bounds=found,
            p=p,
            adjusted=adjusted,
            state=_state(reading, found, adjusted, significance, floor),
            excess=_excess(reading, found),
        )
        for (each, reading), found, p, adjusted in zip(pairs, bounds, tested, corrected(tested), strict=True)
    ]
    ordered = tuple(sorted(judged, key=_rank))
    dimensions = {
        dimension: worst(each.state for each in ordered if each.dimension == dimension) for dimension in DIMENSIONS
    }
    return Verdict(
        state=worst(dimensions.values()),
        dimensions=dimensions,
        readings=ordered,
        silent=_silent(taken, ordered),
        causes=_causes(ordered),
    )


def worst(states: Any) -> str:
    """The worst of several states; no data where there are none, or none that says anything."""
    return max((state for state in states if state in STATES), key=STATES.index, default="no data")


def corrected(p: Sequence[float]) -> list[float]:
    """Each p after Benjamini-Hochberg over all that are known; nan stays nan."""
    known = sorted((value, at) for at, value in enumerate(p) if not math.isnan(value))
    found, least = [math.nan] * len(p), 1.0
    for rank in range(len(known), 0, -1):
        value, at = known[rank - 1]
        least = min(least, value * len(known) / rank)
        found[at] = least
    return found


def beyond(value: float, bound: float, better: str) -> bool:
    """Whether a value is beyond a bound, on the side where the bad values lie."""
    if better == "high":
        return value < bound
    if better == "one":
        # One bound for both sides: a ratio of 0.8 is as far from 1 as one of 1.25.
        return _from_one(value) > _from_one(bound)
    return (abs(value) if better == "zero" else value) >= bound


def finite(number: float | None) -> float | None:
    """The number where JSON has it, else None."""
    return number if number is not None and math.isfinite(number) else None


def plain(value: Any) -> Any:
    """A measure's detail as JSON: what is no number is null, what JSON has no word for is its text."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return finite(value)
    return str(value)


def _from_one(ratio: float) -> float:
    if ratio <= 0:
        return math.inf
    return max(ratio, 1 / ratio)


def _exact(value: Estimate) -> bool:
    return value.low == value.value == value.high


def _speaks(reading: Reading, floor: int) -> bool:
    """Whether there is data enough to say anything."""
    value = reading.value
    if not value.known or math.isnan(value.low) or math.isnan(value.high):
        return False
    return reading.rows >= floor or (_exact(value) and math.isnan(reading.p))


def _p(reading: Reading, bounds: Bounds | None) -> float:
    """Of the reading where there is one; else from its interval against the first bound; nan where neither is."""
    if not math.isnan(reading.p):
        return reading.p
    if bounds is None or _exact(reading.value):
        return math.nan
    value, side, bound = reading.value, 1, bounds.warn  # 1: the bad values lie above the bound
    if reading.better == "high":
        side = -1
    elif reading.better == "zero":
        side = 1 if value.value >= 0 else -1
        bound = side * abs(bound)
    elif reading.better == "one":
        side = 1 if value.value >= 1 else -1
        bound = _from_one(bound) if side > 0 else 1 / _from_one(bound)
    distance = side * (value.value - bound)
    # The half of the interval that faces the bound: intervals of rates and ratios are not symmetric.
    half = value.value - value.low if (side > 0) == (distance >= 0) else value.high - value.value
    if not 0 < half < math.inf:
        facing = value.low if side > 0 else value.high
        return 0.0 if side * (facing - bound) > 0 else 1.0
    return _NORMAL.cdf(-distance / half * _NORMAL.inv_cdf(0.5 + value.level / 2))


def _state(reading: Reading, bounds: Bounds | None, adjusted: float, significance: float, floor: int) -> str:
    if not _speaks(reading, floor):
        return "no data"
    if bounds is None:
        return UNJUDGED
    by_chance = not _exact(reading.value) and not adjusted < significance
    if by_chance or not beyond(reading.value.value, bounds.warn, reading.better):
        return "healthy"
    return "breach" if beyond(reading.value.value, bounds.breach, reading.better) else "warn"


def _excess(reading: Reading, bounds: Bounds | None) -> float:
    """How many times the first bound: more than 1 beyond it, whatever the unit."""
    value = reading.value.value
    if bounds is None or math.isnan(value):
        return math.nan
    if reading.better == "one":
        return _from_one(value) / _from_one(bounds.warn)
    if reading.better == "high":
        return bounds.warn / value if value > 0 and bounds.warn > 0 else 1.0 + max(bounds.warn - value, 0.0)
    value = abs(value) if reading.better == "zero" else value
    return value / bounds.warn if bounds.warn > 0 else 1.0 + max(value - bounds.warn, 0.0)


def _rank(each: Judged) -> tuple[int, float]:
    state = STATES.index(each.state) if each.state in STATES else -1
    return -state, 0.0 if math.isnan(each.excess) else -each.excess


def _silent(taken: Sequence[Taken], judged: Sequence[Judged]) -> dict[str, str]:
    """The measures that gave nothing that could be judged, each with the reason."""
    found = {}
    for each in taken:
        states = {one.state for one in judged if one.measure == each.measure}
        if each.failure:
            found[each.measure] = each.failure
        elif states == {"no data"}:
            rows = max(one.reading.rows for one in judged if one.measure == each.measure)
            found[each.measure] = f"{rows} rows say nothing"
    return found


def _causes(judged: Sequence[Judged]) -> tuple[Cause, ...]:
    """The flagged readings by measure, each led by its largest excess, whatever warns and whatever is a breach."""
    by_measure: dict[str, list[Judged]] = {}
    for each in judged:
        if each.flagged:
            by_measure.setdefault(each.measure, []).append(each)
    found = []
    for several in by_measure.values():
        head, *others = sorted(several, key=lambda each: -each.excess)
        name = " ".join(part for part in (head.measure, head.reading.metric, head.reading.subject) if part)
        found.append(Cause(name=name, head=head, with_it=tuple(others)))
    return tuple(found)
