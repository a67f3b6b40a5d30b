"""Whether what a monitor reads moves towards its bound: a warning before the breach, with a date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.monitoring.measures import Default, Reading, Scope, measure
from engine.monitoring.tables import MonitorRow, RunRow
from engine.statistics import Estimate
from engine.statistics.forecast import FEWEST, Forecast, forecast

RUNS = 100  #: so many runs back a trend is looked for
WARN_DAYS = 30.0
_DAY = timedelta(days=1)


@measure(
    "forecast", dimension="statistical", bounds={"days_to_breach": Default(WARN_DAYS, 0.0, "ours: a month to act in")}
)
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """Which readings of earlier runs will be beyond their second bound soon, and when."""
    found = session.scalars(
        select(RunRow)
        .join(MonitorRow, MonitorRow.id == RunRow.monitor)
        .where(MonitorRow.model == scope.version.model, MonitorRow.environment == scope.environment)
        .where(RunRow.version == scope.version.number, RunRow.state == "measured", RunRow.until <= scope.until)
        .order_by(RunRow.due_at.desc())
        .limit(RUNS)
    )
    by_monitor: dict[Any, list[tuple[datetime, Sequence[Mapping[str, Any]]]]] = defaultdict(list)
    for row in found:
        by_monitor[row.monitor].append((row.until or row.due_at, row.readings))
    return [each for runs in by_monitor.values() for each in foreseen(sorted(runs, key=_moment), scope.level)]


def foreseen(runs: Sequence[tuple[datetime, Sequence[Mapping[str, Any]]]], level: float) -> Iterator[Reading]:
    """Of the series of one monitor's runs, the oldest first, those that are on their way to a breach; pure."""
    series: dict[tuple[str, str, str], list[tuple[datetime, Mapping[str, Any]]]] = defaultdict(list)
    for at, readings in runs:
        for each in readings:
            if (
                each["measure"] != "forecast"
                and each["value"] is not None
                and each["better"] in ("low", "high", "zero")
            ):
                series[each["measure"], each["metric"], each["subject"]].append((at, each))
    for (name, metric, subject), points in series.items():
        points = [point for at, point in enumerate(points) if not at or point[0] > points[at - 1][0]]
        last_at, last = points[-1]
        if len(points) < FEWEST or last["breach"] is None:
            continue
        told = _forecast(points, last, level)
        if told.warns:
            yield Reading(
                metric="days_to_breach",
                subject=" ".join(part for part in (name, metric, subject) if part),
                value=Estimate(told.crosses, told.earliest, told.latest, level),
                rows=last["rows"],
                unit="days",
                better="high",
                p=told.p,
                detail={
                    "on": _date(last_at, told.crosses),
                    "earliest": _date(last_at, told.earliest),
                    "latest": _date(last_at, told.latest),
                    "bound": last["breach"],
                    "value": last["value"],
                    "a_day": told.slope.as_json(),
                    "readings": len(points),
                },
            )


def _forecast(points: Sequence[tuple[datetime, Mapping[str, Any]]], last: Mapping[str, Any], level: float) -> Forecast:
    """In days from the last reading; looked ahead for as long as was looked back, a month at most."""
    end = points[-1][0]
    times = [(at - end) / _DAY for at, _ in points]
    values = [float(each["value"]) for _, each in points]
    if last["better"] == "zero":
        values = [abs(each) for each in values]
    return forecast(
        times,
        values,
        float(last["breach"]),
        min(-times[0], WARN_DAYS),
        above=last["better"] != "high",
        level=level,
    )


def _date(end: datetime, days: float) -> str | None:
    """The day; None where it is too far away to be told."""
    return (end + timedelta(days=days)).date().isoformat() if days < 36_500 else None


def _moment(run: tuple[datetime, Any]) -> datetime:
    return run[0]
