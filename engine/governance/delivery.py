"""How models come into service: how many do, how long each stage takes, what is stuck or idle, what had to be redone.

Each figure stands beside the same of the span before: what is shown is measured, never claimed (R4, R17, R45).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.governance.tables import ApprovalRow
from engine.inferences import queries as inferences
from engine.inventory import queries as inventory
from engine.inventory.references import VersionRef
from engine.monitoring import business
from engine.monitoring.business import Value
from engine.runtime import stages
from engine.runtime.stages import Stage, Standing
from engine.serving import queries as serving
from engine.serving.deployment import Deployment
from engine.store import now

#: fewer visits than these say nothing of what is usual; then a stage is stuck after two weeks
ENOUGH = 5
PATIENCE = timedelta(days=14)
_DAY = 86_400.0
_MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of the models that are kept answer somewhere."""

    deployed: int
    kept: int

    @property
    def value(self) -> float | None:
        """The share; None where there is no model."""
        return self.deployed / self.kept if self.kept else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """A stage that takes longer than it usually does."""

    instance: UUID
    subject: str
    stage: str
    days: float
    usual_days: float  #: what it is held to
    known: bool  #: whether that is what nine of ten visits took, and not a plain two weeks
    roles: tuple[str, ...]  #: who owes an answer
    incident: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """How versions of a team came into service by one life cycle."""

    process: str  #: empty where no life cycle is known
    team: str
    live: int  #: versions that went live for the first time in the span
    median_days: float | None  #: from the version's adding to its first answer
    p90_days: float | None
    median_days_before: float | None
    decided: int  #: versions on which an approver decided in the span
    rejected: int  #: of these those that were sent back at least once

    @property
    def rework(self) -> float | None:
        """The share of the decided versions that had to be redone; None where nobody decided."""
        return self.rejected / self.decided if self.decided else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """A model that brings nothing now."""

    model: str
    name: str
    team: str
    because: str
    since: datetime
    days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How models came into service in a span, beside the span before it."""

    since: datetime
    until: datetime
    share: Share
    share_before: Share
    stages: tuple[Stage, ...]
    stuck: tuple[Stuck, ...]
    leads: tuple[Lead, ...]
    idle: tuple[Idle, ...]
    values: tuple[Value, ...]  #: what the models that are kept bring, by month, since they answered first


def report(session: Session, *, days: int = 90) -> Report:
    """The report of the last days; a fixed number of statements, whatever the number of models."""
    until = now(session)
    since = until - timedelta(days=days)
    before = since - timedelta(days=days)
    found = stages.stages(session, since=since, before=before)
    return Report(
        since=since,
        until=until,
        share=_share(session, until),
        share_before=_share(session, since),
        stages=tuple(found),
        stuck=_stuck(found, stages.standing(session)),
        leads=_leads(session, since, before),
        idle=idle(session),
        values=tuple(_values(session)),
    )


def idle(session: Session) -> tuple[Idle, ...]:
    """Models that are kept and do not answer, or are not asked, the longest first."""
    at = now(session)
    live = {route.model: route.since for route in serving.routes(session)}
    asked = inferences.last_events(session, sorted(live))
    newest: dict[str, datetime] = {}
    for ref, (added, _) in inventory.added(session).items():
        newest[ref.model] = max(added, newest.get(ref.model, added))
    found = []
    for summary in inventory.models(session, limit=_MOST).items:
        model = summary.model
        if model.retired:
            continue
        if model.id in asked:
            because, since = "nobody asked it since", max(asked[model.id], live[model.id])
        elif model.id in live:
            because, since = "deployed, and never asked", live[model.id]
        elif model.id in newest:
            because, since = "its newest version is not deployed", newest[model.id]
        else:
            because, since = "it has no version", model.registered_at
        spent = (at - since).total_seconds() / _DAY
        if spent >= 1:
            found.append(
                Idle(model=model.id, name=model.name, team=model.team, because=because, since=since, days=spent)
            )
    return tuple(sorted(found, key=lambda each: -each.days))


def _values(session: Session) -> list[Value]:
    kept = [each.model for each in inventory.models(session, limit=_MOST).items if not each.model.retired]
    return business.values(session, kept, unit="month")


def _share(session: Session, at: datetime) -> Share:
    return Share(deployed=serving.deployed_at(session, at), kept=inventory.kept_at(session, at))


def _stuck(found: Sequence[Stage], standing: Sequence[Standing]) -> tuple[Stuck, ...]:
    usual = {
        (each.process, each.element): each.usual_seconds
        for each in found
        if each.usual_seconds is not None and each.n_ended >= ENOUGH
    }
    late = []
    for each in standing:
        known = usual.get((each.process, each.element))
        bound = PATIENCE.total_seconds() if known is None else known
        if each.seconds > bound:
            late.append(
                Stuck(
                    instance=each.instance,
                    subject=each.subject,
                    stage=each.name or each.element,
                    days=each.seconds / _DAY,
                    usual_days=bound / _DAY,
                    known=known is not None,
                    roles=each.roles,
                    incident=each.incident,
                )
            )
    return tuple(late)


def _leads(session: Session, since: datetime, before: datetime) -> tuple[Lead, ...]:
    added = inventory.added(session)
    live = serving.first_live(session, since=before)
    decisions = session.execute(
        select(ApprovalRow.version, ApprovalRow.decision, ApprovalRow.instance).where(
            ApprovalRow.decided_at >= since, ApprovalRow.purpose == "deployment"
        )
    ).all()
    of = stages.processes(session, {*(row.instance for row in decisions), *filter(None, map(_uuid, live))})
    spans: dict[tuple[str, str], list[float]] = defaultdict(list)
    earlier: dict[tuple[str, str], list[float]] = defaultdict(list)
    for each in live:
        begun, team = added[VersionRef(each.model, each.version)]
        process, at = _uuid(each), each.live_at
        key = (of.get(process, "") if process else "", team)
        if at is not None:
            (spans if at >= since else earlier)[key].append((at - begun).total_seconds() / _DAY)
    decided: dict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
    for row in decisions:
        _, team = added[VersionRef.parse(row.version)]
        known = decided[of.get(row.instance, ""), team]
        known[row.version] = known.get(row.version, False) or row.decision == "reject"
    return tuple(
        Lead(
            process=key[0],
            team=key[1],
            live=len(spans[key]),
            median_days=median(spans[key]) if spans[key] else None,
            p90_days=_ninth_decile(spans[key]),
            median_days_before=median(earlier[key]) if earlier[key] else None,
            decided=len(decided[key]),
            rejected=sum(decided[key].values()),
        )
        for key in sorted({*spans, *earlier, *decided})
    )


def _ninth_decile(days: list[float]) -> float | None:
    if len(days) < 2:
        return days[0] if days else None
    return quantiles(days, n=10, method="inclusive")[-1]


def _uuid(deployment: Deployment) -> UUID | None:
    try:
        return UUID(deployment.instance)
    except ValueError:
        return None  # asked for by hand, outside any life cycle
