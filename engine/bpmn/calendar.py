"""When things are due: ISO 8601 durations, moments and repeating intervals, and cron, in a time zone.

Choices, so that a due time can be foretold:

- Years, months, weeks and days are calendar time in the zone: `P1D` from Saturday 09:00 is Sunday 09:00, also where the
  clocks change in between; `P1M` from 31 January is the last day of February. Hours, minutes and seconds are elapsed
  time: `PT24H` is 24 hours of a stopwatch. The calendar part of a duration is applied first.
- An hour that occurs twice (clocks go back): its first occurrence is meant. A cron time in it fires once.
- An hour that does not occur (clocks go forward): the time as far after the gap as it lay behind the gap's beginning,
  so 02:30 becomes 03:30. A cron time in it fires once, then.
- Cron has the five fields of crontab(5): minute, hour, day of month, month, day of week with 0 and 7 for Sunday; where
  both days are restricted, either suffices. `0 6 * * 1` is Monday, 06:00.
- A moment without an offset is local time in the zone.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

from engine.errors import GatewrightError

#: the shortest time that a timer or cycle may take
MINIMUM = timedelta(seconds=1)
#: the shortest interval of a cycle without end: each firing puts a token and a line into the history, for years
MINIMUM_ENDLESS = timedelta(minutes=1)
MAX_LENGTH = 200

_INTERVAL = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
_DURATION = re.compile(
    r"P(?=[\dT])(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<weeks>\d{1,5})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9}(?:[.,]\d{1,6})?)S)?)?"
)
_CYCLE = re.compile(r"R(?P<times>\d{0,6})/(?P<first>[^/]+)(?:/(?P<second>[^/]+))?")


class NotATime(GatewrightError):
    """ "{text}" is no {kind}: {reason}."""

    code = "not-a-time"
    hint = "Write ISO 8601 (PT5M, P1D, 2027-01-31T09:00, R3/PT1H) or cron with five fields (0 6 * * 1)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A duration: a calendar part and an elapsed part."""

    months: int
    days: int
    elapsed: timedelta

    def after(self, moment: datetime, zone: str) -> datetime:
        """The moment this much later, in UTC."""
        # In UTC first: Python adds to a zone's time by its clock face, not by what elapses.
        made = moment.astimezone(UTC)
        if self.months or self.days:
            local = moment.astimezone(zone_info(zone)).replace(tzinfo=None)
            made = resolved(_later(local, self.months, self.days), zone)
        return made + self.elapsed

    @property
    def shortest(self) -> timedelta:
        """A lower bound of its length, whatever the month and the clock changes."""
        return timedelta(days=28 * self.months + self.days, hours=-2 if self.months or self.days else 0) + self.elapsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """A timer with its due time; a plain value that is kept in the state."""

    due: datetime
    text: str
    zone: str
    left: int | None = 1  #: firings still to come, this one included; None without end
    anchor: datetime | None = None  #: the first due time of an interval, from which the others are counted
    count: int = 0  #: how many intervals after the anchor this one is

    def after(self, moment: datetime) -> Armed | None:
        """The same cycle armed for its first time after `moment`; None where this firing was the last."""
        left = None if self.left is None else self.left - 1
        if left is not None and left <= 0:
            return None
        cycle = _CYCLE.fullmatch(self.text)
        if cycle is None:
            return replace(self, due=cron_after(self.text, max(self.due, moment), self.zone), left=left)
        duration = _interval(cycle, self.text)
        anchor, count, due = self.anchor or self.due, self.count, self.due
        while due <= max(moment, self.due):
            count += _step(due, moment, duration)
            due = _times(duration, count).after(anchor, self.zone)
        return replace(self, due=due, left=left, anchor=anchor, count=count)

    def as_json(self) -> dict[str, Any]:
        """The value as JSON."""
        return {
            "due": self.due.isoformat(),
            "text": self.text,
            "zone": self.zone,
            "left": self.left,
            "anchor": None if self.anchor is None else self.anchor.isoformat(),
            "count": self.count,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Armed:
        """The value read back."""
        return cls(
            due=datetime.fromisoformat(kept["due"]),
            text=kept["text"],
            zone=kept["zone"],
            left=kept["left"],
            anchor=None if kept["anchor"] is None else datetime.fromisoformat(kept["anchor"]),
            count=kept["count"],
        )


def zone_info(zone: str) -> ZoneInfo:
    """The time zone of that name."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NotATime(text=zone, kind="time zone", reason="no such zone is known") from error


def is_literal(kind: str, text: str) -> bool:
    """Whether a timer's text is a time as it stands, and not an expression that gives one."""
    text = text.strip()
    try:
        if kind == "duration":
            return _DURATION.fullmatch(text) is not None
        if kind == "date":
            return re.match(r"\d{4}-?\d{2}-?\d{2}", text) is not None
        if _CYCLE.fullmatch(text) is not None:
            return True
        fields = text.split()
        return len(fields) in {5, 6, 7} and re.fullmatch(r"[\d*/,\-]+", fields[0]) is not None
    except NotATime:
        return False


def duration(text: str) -> Duration:
    """An ISO 8601 duration; fractions only of seconds."""
    match = _DURATION.fullmatch(text.strip()) if len(text) <= MAX_LENGTH else None
    if match is None:
        raise NotATime(text=text[:MAX_LENGTH], kind="duration", reason="it is not written as ISO 8601, such as PT5M")
    part = {name: float((value or "0").replace(",", ".")) for name, value in match.groupdict().items()}
    made = Duration(
        months=int(part["years"] * 12 + part["months"]),
        days=int(part["weeks"] * 7 + part["days"]),
        elapsed=timedelta(hours=part["hours"], minutes=part["minutes"], seconds=part["seconds"]),
    )
    if made.months > 12_000 or made.days > 366_000 or made.elapsed > timedelta(days=366_000):
        raise NotATime(text=text, kind="duration", reason="it is longer than a thousand years")
    return made


def moment(text: str, zone: str) -> datetime:
    """An ISO 8601 date or date and time, in UTC; without an offset it is local time of the zone."""
    try:
        made = datetime.fromisoformat(text.strip()) if len(text) <= MAX_LENGTH else None
        if made is not None:
            return resolved(made, zone) if made.tzinfo is None else made.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise NotATime(
        text=text[:MAX_LENGTH], kind="moment", reason="it is not written as ISO 8601, such as 2027-01-31T09:00"
    )


def resolved(local: datetime, zone: str) -> datetime:
    """The moment of a local time, in UTC: the first of two, and past the gap where there is none."""
    # fold=0 takes the first of two; in a gap it takes the offset before it, which lands as far behind the gap.
    return local.replace(tzinfo=zone_info(zone), fold=0).astimezone(UTC)


def cron_after(text: str, after: datetime, zone: str) -> datetime:
    """The first time after a moment at which a cron expression fires, in UTC."""
    checked_cron(text)
    local = after.astimezone(zone_info(zone)).replace(tzinfo=None, microsecond=0)
    # croniter counts in local clock time without a zone; the zone's rules are applied here, and stated above.
    start = local - timedelta(hours=3)
    try:
        clock = croniter(text.strip(), start)
        for _ in range(100_000):
            made = resolved(clock.get_next(datetime), zone)
            if made > after:
                return made
    except (ValueError, KeyError, OverflowError) as error:
        raise NotATime(text=text, kind="cron expression", reason=str(error)) from error
    raise NotATime(text=text, kind="cron expression", reason="it has no next time")


def checked_cron(text: str) -> None:
    """Raises NotATime where the text is no cron expression of five fields that ever fires."""
    fields = text.split()
    if len(text) > MAX_LENGTH or len(fields) != 5:
        reason = "cron has five fields: minute, hour, day of month, month, day of week"
        if len(fields) in {6, 7}:
            reason += "; one with seconds or years is not read, because engines place them differently"
        raise NotATime(text=text[:MAX_LENGTH], kind="cron expression", reason=reason)
    if "?" in text:
        raise NotATime(text=text, kind="cron expression", reason='"?" is not of crontab; write "*"')
    try:
        if not croniter.is_valid(text.strip()):
            raise NotATime(text=text, kind="cron expression", reason="a field is out of its range")
        croniter(text.strip(), datetime(2024, 1, 1)).get_next(datetime)  # noqa: DTZ001 - local clock time
    except (ValueError, KeyError, OverflowError, TypeError, AttributeError) as error:
        raise NotATime(text=text, kind="cron expression", reason=str(error)) from error


def crontab(text: str) -> str | None:
    """Quartz's cron, with seconds first and Sunday as 1, in crontab's fields; None where there is no like of it."""
    fields = text.split()
    if len(fields) not in {6, 7} or fields[0] != "0" or fields[6:] not in ([], ["*"]):
        return None
    made = []
    for field, last in zip(fields[1:6], (59, 23, 31, 12, 6), strict=True):
        plain = "*" if field == "?" else re.sub(r"^0/", "*/", field)
        plain = re.sub(r"^(\d+)/(\d+)$", rf"\1-{last}/\2", plain)
        if last == 6:  # days of the week, counted from 1 there
            plain = re.sub(r"(?<![/\d])\d+", lambda day: str(int(day[0]) - 1), plain)
        made.append(plain)
    found = " ".join(made)
    try:
        checked_cron(found)
    except NotATime:
        return None
    return found


def interval(kind: str, text: str) -> str | None:
    """Another engine's interval, 1h30m or 10m###1h (a delay, then again and again), as ISO 8601; None where unlike."""
    delay, _, period = text.strip().lower().partition("###")
    found = _INTERVAL.fullmatch(re.sub(r"(\d)000ms$", r"\1s", period or delay))
    if kind == "date" or found is None or not any(found.groups()):
        return None
    parts = zip(found.groups(), "DHMS", strict=True)
    days, hours, minutes, seconds = (f"{int(number)}{unit}" if number else "" for number, unit in parts)
    time = f"T{hours}{minutes}{seconds}" if hours or minutes or seconds else ""
    ours = f"{'R/' if kind == 'cycle' else ''}P{days}{time}"
    try:
        checked(kind, ours)
    except NotATime:
        return None
    return ours


def checked(kind: str, text: str) -> None:
    """Raises NotATime where a timer's literal cannot be read, or comes sooner than the minimum."""
    text = text.strip()
    if kind == "duration":
        if duration(text).shortest < MINIMUM:
            raise NotATime(text=text, kind="duration", reason="it is shorter than one second")
    elif kind == "date":
        moment(text, "UTC")
    else:
        cycle = _CYCLE.fullmatch(text)
        if cycle is None:
            checked_cron(text)
            return
        if cycle["times"] == "0":
            raise NotATime(text=text, kind="cycle", reason="it repeats zero times")
        if _interval(cycle, text).shortest < MINIMUM_ENDLESS and not cycle["times"]:
            reason = "it repeats without end and faster than once a minute; say how often, as in R10/PT5S"
            raise NotATime(text=text, kind="cycle", reason=reason)


def arm(kind: str, text: str, now: datetime, zone: str) -> Armed:
    """The timer armed at `now`."""
    text = text.strip()
    zone_info(zone)
    checked(kind, text)
    try:
        if kind == "duration":
            return Armed(due=duration(text).after(now, zone), text=text, zone=zone)
        if kind == "date":
            return Armed(due=moment(text, zone), text=text, zone=zone)
        cycle = _CYCLE.fullmatch(text)
        if cycle is None:
            return Armed(due=cron_after(text, now, zone), text=text, zone=zone, left=None)
        left = int(cycle["times"]) if cycle["times"] else None
        interval = _interval(cycle, text)
        first = interval.after(now, zone) if cycle["second"] is None else moment(cycle["first"], zone)
        made = Armed(due=first, text=text, zone=zone, left=left, anchor=first)
        if first < now and left is None:
            # An endless cycle that began in the past is joined at its next time.
            joined = made.after(now)
            return made if joined is None else joined
        return made
    except OverflowError as error:
        raise NotATime(text=text, kind=kind, reason="it lies beyond the year 9999") from error


def _interval(cycle: re.Match[str], text: str) -> Duration:
    if cycle["second"] is None:
        made = duration(cycle["first"])
    elif cycle["second"].startswith("P"):
        moment(cycle["first"], "UTC")
        made = duration(cycle["second"])
    else:
        raise NotATime(text=text, kind="cycle", reason="an interval that is given by its end is not read")
    if made.shortest < MINIMUM:
        raise NotATime(text=text, kind="cycle", reason="it repeats faster than once a second")
    return made


def _times(duration: Duration, count: int) -> Duration:
    return Duration(months=duration.months * count, days=duration.days * count, elapsed=duration.elapsed * count)


def _step(due: datetime, moment: datetime, duration: Duration) -> int:
    """How many intervals may be skipped at once, never beyond `moment`."""
    longest = timedelta(days=31 * duration.months + duration.days, hours=2) + duration.elapsed
    return max(1, int((moment - due) / longest) - 1)


def _later(local: datetime, months: int, days: int) -> datetime:
    month = local.month - 1 + months
    year, month = local.year + month // 12, month % 12 + 1
    if year > 9998:
        raise OverflowError
    return local.replace(year=year, month=month, day=min(local.day, monthrange(year, month)[1])) + timedelta(days=days)
