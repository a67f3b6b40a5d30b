"""Every model in production, the worst first: what an operator looks at in the morning (R38, R50)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from engine.inferences import queries as inferences
from engine.inventory import queries as inventory
from engine.monitoring import queries as monitoring
from engine.monitoring.alerts import queries as alerts
from engine.monitoring.measures import DIMENSIONS
from engine.monitoring.queries import ATTENTION, Watched
from engine.runtime import queries as runtime
from engine.serving import queries as serving
from engine.store import now

#: in production, and nothing looks: as little known as where there is no data
UNWATCHED = "not monitored"
STATES = (*ATTENTION[:2], UNWATCHED, *ATTENTION[2:])
_TIERS = ("high", "medium", None, "low")
_MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One model in production."""

    model: str
    name: str
    owner: str
    tier: str | None
    deployed: str  #: version and environment of each route, in words
    state: str  #: one of STATES: the worst of the three below
    statistical: str
    technical: str
    business: str
    lead: str  #: the cause of the worst finding, or empty
    findings: int  #: that last
    alerts: int  #: that wait for somebody
    incident: bool  #: one of its life cycles cannot go on
    rows_last_day: int | None  #: answered; None where it is not counted
    seen_at: datetime | None  #: the last measured run
    monitor: UUID | None  #: the monitor that is worst


def lines(session: Session, *, state: str = "") -> list[Line]:
    """The models that answer somewhere, the worst first, the higher tier first among equals; a fixed number of
    statements. state: one of STATES, or nothing for all."""
    routes: dict[str, list[str]] = defaultdict(list)
    for route in serving.routes(session):
        routes[route.model].append(f"@{route.deployment.version} in {route.environment}")
    watched: dict[str, list[Watched]] = defaultdict(list)
    for each in monitoring.monitors(session, state="running", limit=_MOST).items:
        watched[each.monitor.model].append(each)
    waiting = alerts.waiting_by_model(session)
    stopped = {each.instance for each in runtime.open_incidents(session, limit=_MOST).rows}
    stuck = {
        each.subject for each in runtime.instances(session, state="running", limit=_MOST).rows if each.id in stopped
    }
    asked = inferences.counted_since(session, now(session) - timedelta(days=1))
    found = []
    for summary in inventory.models(session, limit=_MOST).items:
        model, seen = summary.model, watched[summary.model.id]
        if model.id not in routes:
            continue
        worst = seen[0] if seen else None
        states = {name: _worst(seen, name) for name in DIMENSIONS}
        found.append(
            Line(
                model=model.id,
                name=model.name,
                owner=model.owner,
                tier=model.tier,
                deployed=", ".join(routes[model.id]),
                state=worst.monitor.verdict if worst else UNWATCHED,
                statistical=states["statistical"],
                technical=states["technical"],
                business=states["business"],
                lead=worst.lead if worst else "",
                findings=sum(each.open_findings for each in seen),
                alerts=waiting.get(model.id, 0),
                incident=model.id in stuck,
                rows_last_day=asked.get(model.id),
                seen_at=max((each.monitor.last_due_at for each in seen if each.monitor.last_due_at), default=None),
                monitor=worst.monitor.id if worst else None,
            )
        )
    return sorted((each for each in found if state in ("", each.state)), key=_order)


def _worst(seen: Sequence[Watched], dimension: str) -> str:
    """The worst of the monitors that look at the dimension at all; where none does, that."""
    states = [
        getattr(each.monitor, dimension)
        for each in seen
        if any(measure.dimension == dimension for measure in each.monitor.chosen())
    ]
    return min(states, key=ATTENTION.index, default=UNWATCHED)


def _order(line: Line) -> tuple[int, bool, int, int, str]:
    tier = _TIERS.index(line.tier) if line.tier in _TIERS else 0
    return STATES.index(line.state), not line.incident, tier, -line.findings, line.model
