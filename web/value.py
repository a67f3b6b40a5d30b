"""What models bring, as plots: by day or month, and what came together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.monitoring.business import Value
from web import plots
from web.plots import Trend


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    value: float | None
    low: float | None
    high: float | None
    warn: float | None
    breach: float | None
    state: str = ""


def drawn(value: Value) -> tuple[Trend, Trend]:
    """(the value of each span with its interval and bounds, what came together until each)."""
    each = [
        _Point(
            value=_known(span.value.value),
            low=_known(span.value.low),
            high=_known(span.value.high),
            warn=value.warn,
            breach=value.breach,
        )
        for span in value.spans
    ]
    return plots.trend(each), together(value)


def together(value: Value, width: float = 360.0, height: float = 120.0) -> Trend:
    """What came together until the end of each span; where one has no rows, what came until then."""
    points, last = [], None
    for span in value.spans:
        last = last if span.so_far is None else span.so_far
        points.append(_Point(value=last, low=None, high=None, warn=None, breach=None))
    return plots.trend(points, width, height)


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number
