"""Every model on one list: where it stands, what it owes, what answers for it (R14)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from engine.inventory import queries as inventory
from engine.inventory.values import ModelSummary
from engine.runtime import queries as runtime
from engine.runtime.values import Instance
from engine.serving import queries as serving
from engine.serving.queries import Route

#: the process whose finished tasks are a model's reviews
REVIEW = "review"
#: more open tasks and life cycles than this are not counted model by model
MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One model of the portfolio."""

    summary: ModelSummary
    stands_at: str  #: where its life cycle stands, in words
    instance: UUID | None  #: its running life cycle
    routes: list[Route]  #: what answers for it
    open_tasks: int
    incident: bool
    reviewed_at: datetime | None

    @property
    def state(self) -> str:
        """The word for where the model is in its life."""
        if self.summary.model.retired:
            return "retired"
        if self.routes:
            return "deployed"
        return "in its life cycle" if self.instance else self.summary.state

    @property
    def deployed(self) -> str:
        """Version and environment of each live route, in words."""
        return ", ".join(f"@{route.deployment.version} in {route.environment}" for route in self.routes)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """One page of the portfolio, with the count of all models that match."""

    lines: list[Line]
    total: int


def portfolio(
    session: Session, *, search: str = "", tier: str | None = None, limit: int = 50, offset: int = 0
) -> Portfolio:
    """The models that match, by id, each with its line; a fixed number of statements, whatever their number."""
    found = inventory.models(session, search=search, tier=tier, limit=limit, offset=offset)
    routes: dict[str, list[Route]] = {}
    for route in serving.routes(session):
        routes.setdefault(route.model, []).append(route)
    running = {each.subject: each for each in reversed(runtime.instances(session, state="running", limit=MOST).rows)}
    tasks = runtime.tasks(session, state="open", limit=MOST).rows
    n_tasks = Counter(each.subject for each in tasks)
    names = {each.subject: each.name for each in reversed(tasks)}
    reviewed: dict[str, datetime] = {}
    for each in runtime.tasks(session, process=REVIEW, state="completed", limit=MOST).rows:
        if each.closed_at:
            reviewed.setdefault(each.subject, each.closed_at)
    stuck = {each.instance for each in runtime.open_incidents(session, limit=MOST).rows}
    lines = []
    for summary in found.items:
        id = summary.model.id
        instance = running.get(id)
        lines.append(
            Line(
                summary=summary,
                stands_at=names.get(id) or (_place(instance) if instance else ""),
                instance=instance.id if instance else None,
                routes=routes.get(id, []),
                open_tasks=n_tasks[id],
                incident=instance is not None and instance.id in stuck,
                reviewed_at=reviewed.get(id),
            )
        )
    return Portfolio(lines, found.total)


def _place(instance: Instance) -> str:
    """The element at which the innermost token stands, its id read as words."""
    elements = [element for of_process in instance.active.values() for element in of_process]
    return elements[-1].replace("_", " ") if elements else ""
