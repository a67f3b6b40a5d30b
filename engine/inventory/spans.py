"""Lengths of time that are the same wherever and whenever: weeks, days and hours."""

from __future__ import annotations

import re
from datetime import timedelta

#: a window longer than this is a mistake
LONGEST = timedelta(days=3660)
_SPAN = re.compile(r"P(?=[\dT])(?:(\d{1,3})W)?(?:(\d{1,4})D)?(?:T(?=\d)(\d{1,5})H)?")


def length(text: str) -> timedelta:
    """The length that an ISO 8601 duration of weeks, days and hours names; raises ValueError.

    Years and months are refused: windows of unequal length are not comparable.
    """
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration of weeks, days and hours such as P7D, P1W or PT1H")
    weeks, days, hours = (int(part or 0) for part in found.groups())
    span = timedelta(weeks=weeks, days=days, hours=hours)
    if not timedelta(0) < span <= LONGEST:
        raise ValueError(f"{text!r} is not between an hour and {LONGEST.days} days")
    return span
