"""Findings: what is beyond a bound or silent, by cause over all models, and each with its course."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, render_template

from engine.monitoring import monitors, queries
from engine.monitoring.findings import Finding
from engine.monitoring.measures import DIMENSIONS
from web import lists
from web.access import needs, session

pages = Blueprint("findings", __name__)

COLUMNS: lists.Columns[Finding] = lists.Columns(
    "findings",
    {
        "finding": lambda each: each.id,
        "model": lambda each: each.model,
        "version": lambda each: each.version,
        "environment": lambda each: each.environment,
        "state": lambda each: each.state,
        "dimension": lambda each: each.dimension,
        "measure": lambda each: each.measure,
        "metric": lambda each: each.metric,
        "of": lambda each: each.subject,
        "cause": lambda each: each.cause,
        "value": lambda each: each.value,
        "low": lambda each: each.low,
        "high": lambda each: each.high,
        "warn": lambda each: each.warn,
        "breach": lambda each: each.breach,
        "p": lambda each: each.p,
        "p adjusted": lambda each: each.adjusted,
        "first seen": lambda each: each.first_seen,
        "last seen": lambda each: each.last_seen,
        "closed": lambda each: each.closed_at,
        "because": lambda each: each.closed_because,
    },
)


@pages.get("/findings")
@needs("monitor.view")
def listing() -> str | Response:
    """What lasts, by cause and one by one, the worst first; what is over below it."""
    asked = lists.asked("state", "dimension", "course")
    found = queries.findings(
        session(),
        state=asked["state"] if asked["state"] in queries.ATTENTION else None,
        dimension=asked["dimension"] if asked["dimension"] in DIMENSIONS else None,
        is_open={"lasting": True, "over": False}.get(asked["course"]),
        search=asked.search,
        limit=asked.limit,
        offset=asked.offset,
    )
    return lists.answer(
        "findings/list.html",
        lists.counted(asked, found.items, found.total),
        COLUMNS,
        causes=queries.causes(session(), limit=20),
        dimensions=DIMENSIONS,
    )


@pages.get("/findings/<uuid:finding>")
@needs("monitor.view")
def page(finding: UUID) -> str:
    """One finding: what it is, how far, since when, and its metric over the runs."""
    found = queries.finding(session(), finding)
    return render_template(
        "findings/page.html",
        finding=found,
        monitor=monitors.get(session(), found.monitor),
        series=queries.series(session(), found.monitor, found.metric, subject=found.subject, limit=30),
    )
