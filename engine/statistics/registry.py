"""Which metrics there are, and what they give."""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import inspect
import math
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import NormalDist
from typing import Any, TypeVar

ENTRY_POINTS = "gatewright.metrics"
BETTER = ("high", "low", "zero", "one")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value and its interval; nan throughout where there is no data."""

    value: float
    low: float
    high: float
    level: float  #: the interval's confidence, in (0, 1)

    @property
    def known(self) -> bool:
        """Whether there was data at all."""
        return not math.isnan(self.value)

    @classmethod
    def unknown(cls, level: float) -> Estimate:
        """No data: never "no difference", never zero."""
        return cls(math.nan, math.nan, math.nan, level)

    def as_json(self) -> dict[str, float | None]:
        """The four numbers; JSON has neither nan nor infinity, so what is unknown or has no bound is null."""
        values = {"value": self.value, "low": self.low, "high": self.high, "level": self.level}
        return {name: number if math.isfinite(number) else None for name, number in values.items()}

    @classmethod
    def from_json(cls, values: dict[str, float | None]) -> Estimate:
        """The estimate that `as_json` wrote: an end that is null beside a number has no bound, as has a value."""
        value, low, high, level = (values[name] for name in ("value", "low", "high", "level"))
        if level is None or (value is None and low is None):
            return cls.unknown(math.nan if level is None else level)
        return cls(
            math.inf if value is None else value,
            -math.inf if low is None else low,
            math.inf if high is None else high,
            level,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One registered metric."""

    name: str
    unit: str
    better: str  #: "high", "low", "zero" or "one": where the good values lie
    function: Callable[..., Estimate]
    parameters: tuple[str, ...]  #: of the function, in order
    title: str  #: the first line of its docstring

    @property
    def compares(self) -> bool:
        """Whether it holds a window against a reference, and not predictions against what came true."""
        return {"reference", "window"} <= set(self.parameters)


Function = TypeVar("Function", bound=Callable[..., Estimate])
_registered: dict[str, Metric] = {}


def metric(name: str, *, unit: str, better: str) -> Callable[[Function], Function]:
    """Register a function that gives an Estimate; a name that is taken fails at import."""
    if better not in BETTER:
        raise ValueError(f"better={better!r} of metric {name!r} is none of {', '.join(BETTER)}")

    def register(function: Function) -> Function:
        if name in _registered:
            raise ValueError(f"two metrics are named {name!r}")
        title = (inspect.getdoc(function) or "").partition("\n")[0]
        if not title:
            raise ValueError(f"metric {name!r} has no docstring")
        parameters = tuple(inspect.signature(function).parameters)
        _registered[name] = Metric(
            name=name, unit=unit, better=better, function=function, parameters=parameters, title=title
        )
        return function

    return register


@cache
def _load() -> None:
    import engine.statistics as package

    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{found.name}")
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        point.load()


def all_metrics() -> dict[str, Metric]:
    """Every metric by name."""
    _load()
    return dict(sorted(_registered.items()))


def get(name: str) -> Metric:
    """The metric of that name; ValueError names the nearest known one."""
    known = all_metrics()
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        meant = f"; did you mean {nearest[0]}?" if nearest else ""
        raise ValueError(f"there is no metric {name!r}; known are {', '.join(known)}{meant}")
    return known[name]


@lru_cache(maxsize=64)
def quantile(level: float) -> float:
    """The standard normal quantile z of a two-sided interval; ValueError where level is not in (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, not between 0 and 1")
    return NormalDist().inv_cdf((1 + level) / 2)


def count(hits: Any, total: Any) -> tuple[int, int]:
    """Two counts as integers; ValueError where they are none, or where there are more hits than cases."""
    if int(hits) != hits or int(total) != total:
        raise ValueError(f"{hits} of {total} are not whole counts")
    if not 0 <= hits <= total:
        raise ValueError(f"{hits} of {total} are no hits among cases")
    return int(hits), int(total)
