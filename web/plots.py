"""Small plots drawn on the server as SVG: intervals against their bounds, and curves. No script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: the drawing's width and height in its own units
WIDTH, HEIGHT = 200.0, 20.0
_EDGE = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value with its interval on the shared axis of its table: places on the drawing, None where there is no data."""

    value: float | None
    low: float | None
    high: float | None
    bound: float | None
    words: str  #: the same for who does not see it


def intervals(
    estimates: Mapping[Any, Mapping[str, Any]], bounds: Mapping[Any, float] | None = None
) -> tuple[dict[Any, Interval], tuple[float, float]]:
    """Each estimate (value, low, high) and its bound on one axis, and the axis' ends."""
    bounds = bounds or {}
    numbers = [_number(each.get(name)) for each in estimates.values() for name in ("value", "low", "high")]
    finite = [number for number in (*numbers, *bounds.values()) if number is not None and math.isfinite(number)]
    least, most = _axis(finite)

    def place(number: float | None) -> float | None:
        if number is None or math.isnan(number):
            return None
        within = min(max(number, least), most)
        return round(_EDGE + (within - least) / (most - least) * (WIDTH - 2 * _EDGE), 2)

    found = {}
    for name, each in estimates.items():
        value, low, high = (_number(each.get(key)) for key in ("value", "low", "high"))
        words = "no data" if value is None else f"{value:.3f}"
        if low is not None and high is not None and value is not None:
            words += f", between {low:.3f} and {high:.3f}"
        if name in bounds:
            words += f", bound {bounds[name]:g}"
        found[name] = Interval(
            value=place(value), low=place(low), high=place(high), bound=place(bounds.get(name)), words=words
        )
    return found, (least, most)


def curve(points: Iterable[Sequence[float]], side: float = 180.0) -> str:
    """Points in the unit square as the path of an SVG drawing with this side, y upwards."""
    placed = [f"{x * side:.1f} {(1 - y) * side:.1f}" for x, y, *_ in points]
    return "M" + " L".join(placed) if placed else ""


def _axis(numbers: list[float]) -> tuple[float, float]:
    if not numbers or all(0 <= number <= 1 for number in numbers):
        return 0.0, 1.0
    least, most = min(0.0, *numbers), max(1.0, *numbers)
    return least, most


def _number(value: Any) -> float | None:
    if value == "infinity":
        return math.inf
    return None if value is None or isinstance(value, str) else float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One metric over time as paths of an SVG drawing: the line, the band of its intervals, and its bounds."""

    width: float
    height: float
    line: str
    band: str
    dots: tuple[tuple[float, float, str], ...]  #: x, y and the state of each run that has a value
    warn: float | None  #: y of the first bound, None without one
    breach: float | None
    least: float  #: the ends of the upright axis
    most: float


def trend(points: Sequence[Any], width: float = 360.0, height: float = 120.0) -> Trend:
    """The trend of points in the order of time, each with value, low, high, warn, breach and state; None is no data.

    A run without a value leaves a gap and no zero. Intervals without an end are cut at the axis.
    """
    kept = [point for point in points if point.value is not None and math.isfinite(point.value)]
    last = kept[-1] if kept else None
    marks = [last.warn, last.breach] if last else []
    seen = [number for point in kept for number in (point.value, point.low, point.high)]
    finite = [number for number in (*seen, *marks) if number is not None and math.isfinite(number)]
    least, most = min(finite, default=0.0), max(finite, default=1.0)
    room = (most - least) * 0.06 or 0.5
    least, most = least - room, most + room

    def x(at: int) -> float:
        return round(_EDGE + at / max(len(points) - 1, 1) * (width - 2 * _EDGE), 1)

    def y(number: float | None) -> float | None:
        if number is None or math.isnan(number):
            return None
        within = min(max(number, least), most)
        return round((1 - (within - least) / (most - least)) * height, 1)

    line, upper, lower, dots, drawing = [], [], [], [], False
    bands = []
    for at, point in enumerate(points):
        place = y(point.value)
        if place is None:
            drawing = False
            continue
        line.append(f"{'L' if drawing else 'M'}{x(at)} {place}")
        dots.append((x(at), place, point.state))
        low, high = y(point.low), y(point.high)
        if not drawing and upper:
            bands.append((upper, lower))
            upper, lower = [], []
        if low is not None and high is not None:
            upper.append(f"{x(at)} {high}")
            lower.append(f"{x(at)} {low}")
        drawing = True
    bands.append((upper, lower))
    band = " ".join(f"M{' L'.join([*up, *reversed(down)])}Z" for up, down in bands if up)
    return Trend(
        width=width,
        height=height,
        line=" ".join(line),
        band=band,
        dots=tuple(dots),
        warn=y(marks[0]) if marks else None,
        breach=y(marks[1]) if marks else None,
        least=least,
        most=most,
    )
