"""The portfolio: every model in one plain list, with where it stands and what it still owes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import Blueprint, Response

from engine.governance import tiers
from engine.inventory import queries
from engine.inventory.values import ModelSummary
from engine.runtime import queries as runtime
from engine.serving import queries as serving
from web import lists
from web.access import needs, session

pages = Blueprint("portfolio", __name__)

#: more open tasks and life cycles than this are not counted model by model
_MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One model of the portfolio."""

    summary: ModelSummary
    stands_at: str  #: where its life cycle stands, in words
    instance: UUID | None
    deployed: str  #: version and environment of each live route
    open_tasks: int
    incident: bool
    reviewed_at: datetime | None

    @property
    def state(self) -> str:
        """The word for where the model is in its life."""
        if self.summary.model.retired:
            return "retired"
        if self.deployed:
            return "deployed"
        return "in its life cycle" if self.instance else self.summary.state


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
    found = queries.models(
        session(), search=asked.search, tier=asked["tier"] or None, limit=asked.limit, offset=asked.offset
    )
    lines = _lines(found.items)
    return lists.answer("portfolio/list.html", lists.counted(asked, lines, found.total), COLUMNS, tiers=tiers.names())


def _lines(summaries: tuple[ModelSummary, ...]) -> list[Line]:
    """The lines of these models, from a fixed number of statements."""
    deployed: dict[str, list[str]] = {}
    for route in serving.routes(session()):
        deployed.setdefault(route.model, []).append(f"@{route.deployment.version} in {route.environment}")
    running = {}
    for each in reversed(runtime.instances(session(), state="running", limit=_MOST).rows):
        running[each.subject] = each
    tasks = runtime.tasks(session(), state="open", limit=_MOST).rows
    n_tasks = Counter(each.subject for each in tasks)
    names = {each.subject: each.name for each in reversed(tasks)}
    reviewed: dict[str, datetime] = {}
    for each in runtime.tasks(session(), process="review", state="completed", limit=_MOST).rows:
        if each.closed_at:
            reviewed.setdefault(each.subject, each.closed_at)
    stuck = {each.instance for each in runtime.open_incidents(session(), limit=_MOST).rows}
    lines = []
    for summary in summaries:
        id = summary.model.id
        instance = running.get(id)
        lines.append(
            Line(
                summary=summary,
                stands_at=names.get(id) or (_place(instance) if instance else ""),
                instance=instance.id if instance else None,
                deployed=", ".join(deployed.get(id, [])),
                open_tasks=n_tasks[id],
                incident=instance is not None and instance.id in stuck,
                reviewed_at=reviewed.get(id),
            )
        )
    return lines


def _place(instance: runtime.Instance) -> str:
    """The element at which the innermost token stands, its id read as words."""
    elements = [element for of_process in instance.active.values() for element in of_process]
    return elements[-1].replace("_", " ") if elements else ""
