"""Operations: every model in production, the worst first, and the health card of one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, render_template

from engine.governance import operations
from engine.governance.operations import Line
from engine.inventory import queries as inventory
from engine.monitoring import business, queries
from engine.monitoring.queries import Health, Point
from engine.runtime import queries as runtime
from web import lists, plots, value
from web.access import needs, session

pages = Blueprint("operations", __name__)

COLUMNS: lists.Columns[Line] = lists.Columns(
    "operations",
    {
        "model": lambda each: each.model,
        "name": lambda each: each.name,
        "owner": lambda each: each.owner,
        "tier": lambda each: each.tier,
        "deployed": lambda each: each.deployed,
        "state": lambda each: each.state,
        "statistical": lambda each: each.statistical,
        "technical": lambda each: each.technical,
        "business": lambda each: each.business,
        "lead": lambda each: each.lead,
        "findings": lambda each: each.findings,
        "alerts": lambda each: each.alerts,
        "incident": lambda each: each.incident,
        "rows of the last day": lambda each: each.rows_last_day,
        "seen": lambda each: each.seen_at,
    },
)
#: readings of a dimension that get a plot of their trend
_PLOTTED = 3
_RUNS = 30


@pages.get("/operations")
@needs("model.view")
def page() -> str | Response:
    """Every model in production: its three states, what was found, whether it is asked."""
    asked = lists.asked("state")
    found = operations.lines(session(), state=asked["state"] if asked["state"] in operations.STATES else "")
    return lists.answer(
        "operations/list.html",
        lists.whole(asked, found),
        COLUMNS,
        states=operations.STATES,
        stalled=runtime.schedules(session(), stalled=True, limit=20),
    )


@pages.get("/models/<model>/health")
@needs("model.view")
def card(model: str) -> str:
    """How a model does: statistical, technical, business, each with its readings, bounds and trends."""
    known = inventory.model(session(), model)
    found, values = queries.health(session(), model), business.values(session(), [known])
    return render_template(
        "operations/card.html",
        model=known,
        healths=found,
        values=values,
        drawn=[value.drawn(each) for each in values],
        trends={each.monitor.id: _trends(each) for each in found},
    )


def _trends(health: Health) -> dict[tuple[str, str, str], tuple[plots.Trend, list[Point]]]:
    """(measure, metric, subject) -> the plot and its points, of the worst readings of each dimension."""
    found: dict[tuple[str, str, str], Any] = {}
    for dimension in health.dimensions:
        for each in dimension.readings[:_PLOTTED]:
            points = _series(health.monitor.id, each)
            if any(point.value is not None for point in points):
                found[each["measure"], each["metric"], each["subject"]] = plots.trend(points), points
    return found


def _series(monitor: UUID, reading: Any) -> list[Point]:
    return queries.series(
        session(),
        monitor,
        reading["metric"],
        subject=reading["subject"],
        measure=reading["measure"],
        limit=_RUNS,
    )
