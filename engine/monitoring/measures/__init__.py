"""Measures: what a monitor looks at. One file each, registered by its decorator; it reads, and judges nothing.

A measure takes a scope and gives readings, each with its interval and the rows behind it; whether one is healthy
is decided elsewhere (`verdicts`), from the bounds that people approved. A value that is exact, such as a count of
dropped columns, has itself as both ends of its interval. A measure that cannot tell raises an error that says why, or
gives an unknown value; one that gives no reading has nothing to complain of.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from engine import extensions
from engine.errors import GatewrightError
from engine.inventory.references import VersionRef
from engine.statistics import Estimate

ENTRY_POINTS = "gatewright.measures"
DIMENSIONS = ("statistical", "technical", "business")


class MeasureUnknown(GatewrightError):
    """There is no measure named {name!r}; known are {known}."""

    code = "measure-unknown"
    hint = "Name one of them, such as {nearest}; docs/monitoring.md tells what each looks at."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is looked at: one version in one environment, between two instants of event time."""

    version: VersionRef
    environment: str
    since: datetime
    until: datetime
    level: float = 0.95  #: of the intervals
    floor: int = 200  #: rows under which nothing is said


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One number of a window."""

    metric: str  #: a registered metric, or the measure's own name for what it counts
    subject: str = ""  #: the column, group or rule that it is of; empty where it is of the version as a whole
    value: Estimate
    rows: int  #: behind the value
    unit: str
    better: str  #: "high", "low", "zero" or "one": where the good values lie
    p: float = math.nan  #: of the value where nothing changed, before any correction; nan where no test belongs to it
    reference: float | None = None  #: the same of the reference, the test, or the declared level
    estimated: bool = False  #: computed without labels
    bounds: tuple[float, float] | None = None  #: (warn, breach) that the model itself declares for this one
    detail: Mapping[str, Any] = field(default_factory=dict)  #: JSON for the page: counts, groups, rows named


class Default(NamedTuple):
    """From where on a reading warns and is a breach, where nobody has said anything else of the model."""

    warn: float
    breach: float
    origin: str = ""  #: where the two numbers come from
    #: so far on the bad side of the value of the last test it warns and is a breach, where there is one: before the two
    drop: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One registered measure."""

    name: str
    dimension: str  #: one of DIMENSIONS
    bounds: Mapping[str, Default]  #: metric -> where a model sets none
    title: str  #: the first line of its docstring
    function: Callable[[Session, Scope], Sequence[Reading]]
    unbounded: tuple[str, ...] = ()  #: metrics without a default, for which people may set bounds


Function = Callable[[Session, Scope], Sequence[Reading]]
_registered: dict[str, Measure] = {}


def measure(
    name: str,
    *,
    dimension: str,
    bounds: Mapping[str, Default | tuple[float, float]] | None = None,
    unbounded: Sequence[str] = (),
) -> Callable[[Function], Function]:
    """Register a function as the measure of this name; a name that is taken fails at import."""
    if dimension not in DIMENSIONS:
        raise ValueError(f"dimension={dimension!r} of measure {name!r} is none of {', '.join(DIMENSIONS)}")

    def register(function: Function) -> Function:
        if name in _registered:
            raise ValueError(f"two measures are named {name!r}")
        title = (inspect.getdoc(function) or "").partition("\n")[0]
        if not title:
            raise ValueError(f"measure {name!r} has no docstring")
        defaults = {metric: Default(*each) for metric, each in (bounds or {}).items()}
        _registered[name] = Measure(
            name=name,
            dimension=dimension,
            bounds=defaults,
            title=title,
            function=function,
            unbounded=tuple(unbounded),
        )
        return function

    return register


def all_measures() -> dict[str, Measure]:
    """Every measure by name."""
    _load()
    return dict(sorted(_registered.items()))


def get(name: str) -> Measure:
    """The measure of this name; raises MeasureUnknown with the nearest known one."""
    return extensions.find(name, all_measures(), MeasureUnknown)


@cache
def _load() -> None:
    """Import this folder's files and what other packages declare, once a process."""
    extensions.load(__name__, ENTRY_POINTS)
