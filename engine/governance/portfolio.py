"""Every model on one list: where it stands, what it owes, what answers for it (R14)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from engine.inventory import queries as inventory
from engine.runtime import queries as runtime
from engine.serving import queries as serving

#: the process whose instance is a model's life
LIFE_CYCLE = "model_life_cycle"
REVIEW = "review"
_MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One model's line."""

    model: str
    name: str
    owner: str
    team: str
    tool: str
    kind: str
    tier: str | None
    state: str  #: registered, in life cycle, deployed, retired; "in trouble" where an incident stands open
    versions: int
    live: tuple[str, ...]  #: "production: credit@2"
    open_risks: int
    open_high_risks: int
    open_tasks: int
    waits_for: tuple[str, ...]  #: roles that owe a decision
    incidents: int
    life_cycle: UUID | None
    last_review: datetime | None
    compliance: tuple[str, ...] = field(
        default=()
    )  #: what is missing: no tier, open high risk, live without life cycle


def standings(session: Session, *, search: str = "") -> list[Standing]:
    """The line of every model that matches, by id; a fixed number of statements, whatever the number of models."""
    models = inventory.models(session, search=search, limit=_MOST).items
    routes: dict[str, list[str]] = {}
    for route in serving.routes(session):
        routes.setdefault(route.model, []).append(
            f"{route.environment}: {route.deployment.model}@{route.deployment.version}"
        )
    tasks: dict[str, list[str]] = {}
    for task in runtime.tasks(session, state="open", limit=_MOST).rows:
        tasks.setdefault(task.subject, []).append(task.role)
    running = {
        each.subject: each.id
        for each in runtime.instances(session, process=LIFE_CYCLE, state="running", limit=_MOST).rows
    }
    subjects = {
        each.id: each.subject for each in runtime.instances(session, incident=True, state="running", limit=_MOST).rows
    }
    incidents = Counter(
        subjects[each.instance]
        for each in runtime.open_incidents(session, limit=_MOST).rows
        if each.instance in subjects
    )
    reviews: dict[str, datetime] = {}
    for each in runtime.instances(session, process=REVIEW, state="finished", limit=_MOST).rows:
        if each.ended_at is not None:
            reviews.setdefault(each.subject, each.ended_at)
    found = []
    for summary in models:
        model = summary.model
        live = tuple(routes.get(model.id, ()))
        found.append(
            Standing(
                model=model.id,
                name=model.name,
                owner=model.owner,
                team=model.team,
                tool=model.tool,
                kind=model.kind,
                tier=model.tier,
                state=_state(model.retired, bool(incidents[model.id]), bool(live), model.id in running),
                versions=summary.n_versions,
                live=live,
                open_risks=summary.open_risks,
                open_high_risks=summary.open_high_risks,
                open_tasks=len(tasks.get(model.id, ())),
                waits_for=tuple(sorted(set(tasks.get(model.id, ())))),
                incidents=incidents[model.id],
                life_cycle=running.get(model.id),
                last_review=reviews.get(model.id),
                compliance=tuple(_missing(model.tier, summary.open_high_risks, bool(live), model.id in running)),
            )
        )
    return found


def _state(retired: bool, in_trouble: bool, live: bool, running: bool) -> str:
    if retired:
        return "retired"
    if in_trouble:
        return "in trouble"
    if live:
        return "deployed"
    return "in life cycle" if running else "registered"


def _missing(tier: str | None, high_risks: int, live: bool, running: bool) -> list[str]:
    missing = []
    if live and tier is None:
        missing.append("no risk tier")
    if live and high_risks:
        missing.append("open high risk in production")
    if live and not running:
        missing.append("answers without a life cycle")
    return missing
