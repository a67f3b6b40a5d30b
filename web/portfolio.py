"""The portfolio: every model in one plain list, with where it stands and what it still owes."""

from __future__ import annotations

from flask import Blueprint, Response

from engine.governance import tiers
from engine.governance.portfolio import Line, portfolio
from web import lists
from web.access import needs, session

pages = Blueprint("portfolio", __name__)

COLUMNS: lists.Columns[Line] = lists.Columns(
    "portfolio",
    {
        "model": lambda each: each.summary.model.id,
        "name": lambda each: each.summary.model.name,
        "owner": lambda each: each.summary.model.owner,
        "team": lambda each: each.summary.model.team,
        "state": lambda each: each.state,
        "stands at": lambda each: each.stands_at,
        "tier": lambda each: each.summary.model.tier,
        "deployed": lambda each: each.deployed,
        "open risks": lambda each: each.summary.open_risks,
        "open high risks": lambda each: each.summary.open_high_risks,
        "open tasks": lambda each: each.open_tasks,
        "incident": lambda each: each.incident,
        "last review": lambda each: each.reviewed_at,
    },
)


@pages.get("/portfolio")
@needs("model.view")
def listing() -> str | Response:
    """Every model: state, tier, where it runs, open risks, open tasks, last review."""
    asked = lists.asked("tier")
    found = portfolio(
        session(), search=asked.search, tier=asked["tier"] or None, limit=asked.limit, offset=asked.offset
    )
    return lists.answer(
        "portfolio/list.html", lists.counted(asked, found.lines, found.total), COLUMNS, tiers=tiers.names()
    )
