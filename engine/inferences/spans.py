"""The hours, days and months of UTC in which counts are kept, and those that together make a window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_

LATEST = datetime(9000, 1, 1, tzinfo=UTC)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3600


def whole_hours(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """The window widened to whole hours; None is open."""
    first = floor(since, "hour") if since is not None else EARLIEST
    end = floor(until + timedelta(hours=1) - timedelta.resolution, "hour") if until is not None else LATEST
    return first, end


def start_of(hour: int) -> datetime:
    """When an hour begins that is numbered from 1970 on."""
    return datetime.fromtimestamp(hour * HOUR, UTC)


def number_of(moment: datetime) -> int:
    """The hour of a moment, numbered from 1970 on."""
    return int(moment.timestamp()) // HOUR


def numbers_of(logged_at: datetime, event_times: Sequence[datetime | None]) -> list[int]:
    """The hours of the rows of one request, which happened when it was logged where nothing else was said."""
    logged = number_of(logged_at)
    return [logged if moment is None else number_of(moment) for moment in event_times]


def inside(unit: Any, starts_at: Any, first: datetime, end: datetime) -> ColumnElement[bool]:
    """The condition that a span, by its columns, is one of those that make the window."""
    return or_(false(), *(and_(unit == name, within(starts_at, a, b)) for name, a, b in cover(first, end)))


def of(hour: datetime) -> tuple[tuple[str, datetime], ...]:
    """The spans that an hour belongs to."""
    at = hour.astimezone(UTC)
    return ("hour", at), ("day", floor(at, "day")), ("month", floor(at, "month"))


def floor(moment: datetime, unit: str) -> datetime:
    """When the hour, day or month of a moment began."""
    at = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if unit in ("day", "month"):
        at = at.replace(hour=0)
    return at.replace(day=1) if unit == "month" else at


def _ceiling(moment: datetime, unit: str) -> datetime:
    low = floor(moment, unit)
    if low == moment:
        return low
    return low + timedelta(days=1) if unit == "day" else (low + timedelta(days=31)).replace(day=1)


def cover(first: datetime, end: datetime) -> list[tuple[str, datetime, datetime]]:
    """(unit, from, before) that together are the hours from `first` on, before `end`, each hour once."""
    found = []
    low, high = _ceiling(first, "month"), floor(end, "month")
    if low >= high:  # no whole month
        low = high = end
    else:
        found.append(("month", low, high))
    for start, stop in ((first, low), (high, end)):
        day, last = _ceiling(start, "day"), floor(stop, "day")
        if day < last:
            found += [("hour", start, day), ("day", day, last), ("hour", last, stop)]
        else:
            found.append(("hour", start, stop))
    return [(unit, a, b) for unit, a, b in found if a < b]


def within(column: Any, first: datetime, end: datetime) -> ColumnElement[bool]:
    """The condition that a moment lies in the window."""
    return and_(column >= first, column < end)
