"""Delivery: how models come into service, how long each stage takes, what is stuck or idle, what had to be redone."""

from __future__ import annotations

from flask import Blueprint, Response

from engine.governance import delivery
from engine.governance.delivery import Idle
from web import lists, value
from web.access import needs, session

pages = Blueprint("delivery", __name__)

#: how far back the page looks, in days; the span before it is as long
SPANS = {"30": "the last 30 days", "90": "the last 90 days", "365": "the last year"}
COLUMNS: lists.Columns[Idle] = lists.Columns(
    "idle-models",
    {
        "model": lambda each: each.model,
        "name": lambda each: each.name,
        "team": lambda each: each.team,
        "because": lambda each: each.because,
        "since": lambda each: each.since,
        "days": lambda each: round(each.days, 2),
    },
)


@pages.get("/delivery")
@needs("model.view")
def page() -> str | Response:
    """The report of a span, each figure beside that of the span before; its CSV holds the idle models."""
    asked = lists.asked("days")
    days = int(asked["days"]) if asked["days"] in SPANS else 90
    found = delivery.report(session(), days=days)
    return lists.answer(
        "delivery/page.html",
        lists.whole(asked, found.idle),
        COLUMNS,
        report=found,
        drawn=[value.together(each, 180.0, 48.0) for each in found.values],
        idle={each.model: each.days for each in found.idle},
        spans=list(SPANS.items()),
        days=days,
    )
