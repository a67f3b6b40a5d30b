"""Reading environments, deployments and routes; nothing here locks or changes a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from engine import audit
from engine.inventory.references import stream
from engine.serving.deployment import Deployment
from engine.serving.deployments import DeploymentUnknown, value
from engine.serving.tables import DeploymentRow, EnvironmentRow, RetirementRow, RouteRow

#: more than these in one window are told as so many
_MOST_DEATHS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The share of a model's requests in an environment that one deployment answers."""

    model: str
    environment: str
    deployment: Deployment
    weight: int  #: in percent
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """A model that answers no more."""

    model: str
    retired_at: datetime
    retired_by: str
    reason: str
    instance: str
    task: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One act in the trail of a deployment."""

    at: datetime
    actor: str
    act: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """A deployment that runs or shall run, as the scoring service needs it."""

    deployment: Deployment
    weight: int  #: 0 where no route leads to it
    position: int  #: of its environment
    settings: Mapping[str, Any]  #: of its environment


def deployment(session: Session, id: UUID) -> Deployment:
    """The deployment with this id; raises DeploymentUnknown."""
    row = session.get(DeploymentRow, id)
    if row is None:
        raise DeploymentUnknown(id=id)
    return value(row)


def deployments(
    session: Session,
    *,
    model: str | None = None,
    version: int | None = None,
    environment: str | None = None,
    desired: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[Deployment]:
    """The deployments that match, newest first."""
    wanted = select(DeploymentRow).order_by(DeploymentRow.requested_at.desc(), DeploymentRow.id.desc())
    for column, given in (
        (DeploymentRow.model, model),
        (DeploymentRow.version, version),
        (DeploymentRow.environment, environment),
        (DeploymentRow.desired, desired),
    ):
        if given is not None:
            wanted = wanted.where(column == given)
    return [value(row) for row in session.scalars(wanted.limit(limit).offset(offset))]


def routes(session: Session, *, model: str | None = None) -> list[Route]:
    """Which deployments answer now, by environment in the order of promotion; of one model or of all."""
    wanted = (
        select(RouteRow, DeploymentRow)
        .join(DeploymentRow, DeploymentRow.id == RouteRow.deployment)
        .join(EnvironmentRow, EnvironmentRow.name == RouteRow.environment)
        .order_by(RouteRow.model, EnvironmentRow.position, RouteRow.weight.desc())
    )
    if model is not None:
        wanted = wanted.where(RouteRow.model == model)
    return [
        Route(
            model=route.model,
            environment=route.environment,
            deployment=value(row),
            weight=route.weight,
            since=route.since,
        )
        for route, row in session.execute(wanted)
    ]


def live(session: Session, model: str, environment: str) -> Deployment | None:
    """The deployment that answers most of the model's requests in the environment, or None."""
    row = session.scalar(
        select(DeploymentRow)
        .join(RouteRow, RouteRow.deployment == DeploymentRow.id)
        .where(RouteRow.model == model, RouteRow.environment == environment)
        .order_by(RouteRow.weight.desc())
        .limit(1)
    )
    return None if row is None else value(row)


def retirement(session: Session, model: str) -> Retirement | None:
    """When, by whom and why the model was retired, or None."""
    row = session.get(RetirementRow, model)
    if row is None:
        return None
    return Retirement(
        model=row.model,
        retired_at=row.retired_at,
        retired_by=row.retired_by,
        reason=row.reason,
        instance=row.instance,
        task=row.task,
    )


def trail(session: Session, id: UUID, *, limit: int = 200) -> list[Step]:
    """What was done with a deployment, oldest first: who, what, when, on which inputs, with which outcome."""
    one = deployment(session, id)
    found = audit.entries(session, stream=stream(one.model), subject=str(id), limit=limit)
    return [Step(at=entry.at, actor=entry.actor, act=entry.act, facts=entry.facts) for entry in reversed(found)]


def active(session: Session, *targets: str) -> Sequence[Active]:
    """What the targets run or shall run, with its share of the requests: one statement on a partial index."""
    wanted = (
        select(DeploymentRow, func.coalesce(RouteRow.weight, 0), EnvironmentRow.position, EnvironmentRow.settings)
        .join(EnvironmentRow, EnvironmentRow.name == DeploymentRow.environment)
        .outerjoin(RouteRow, RouteRow.deployment == DeploymentRow.id)
        .where(
            DeploymentRow.target.in_(targets),
            or_(DeploymentRow.desired == "running", DeploymentRow.observed != "stopped"),
        )
        .order_by(DeploymentRow.id)
    )
    return [
        Active(deployment=value(row), weight=weight, position=position, settings=settings)
        for row, weight, position, settings in session.execute(wanted)
    ]


def deaths(session: Session, model: str, version: int, environment: str, *, since: datetime) -> int:
    """How often a process of the version was seen to have died there since then, by the audit log."""
    ids = {
        str(id)
        for id in session.scalars(
            select(DeploymentRow.id).where(
                DeploymentRow.model == model,
                DeploymentRow.version == version,
                DeploymentRow.environment == environment,
            )
        )
    }
    trail = audit.entries(session, stream=stream(model), act="deployment.observed", after=since, limit=_MOST_DEATHS)
    return sum(entry.subject in ids and entry.facts.get("state") == "failing" for entry in trail)


def first_live(session: Session, *, since: datetime) -> list[Deployment]:
    """The first deployment of each version that went live, of those that did since then."""
    rows = session.scalars(
        select(DeploymentRow)
        .where(DeploymentRow.live_at.is_not(None))
        .ext(distinct_on(DeploymentRow.model, DeploymentRow.version))
        .order_by(DeploymentRow.model, DeploymentRow.version, DeploymentRow.live_at)
    )
    return [value(row) for row in rows if row.live_at is not None and row.live_at >= since]


def deployed_at(session: Session, at: datetime) -> int:
    """How many models had a live deployment at that moment."""
    lasted = or_(DeploymentRow.ended_at.is_(None), DeploymentRow.ended_at > at)
    counted = select(func.count(func.distinct(DeploymentRow.model))).where(DeploymentRow.live_at <= at, lasted)
    return session.scalar(counted) or 0


def ever_deployed(session: Session, model: str) -> bool:
    """Whether the model was ever deployed anywhere."""
    return session.scalar(select(DeploymentRow.id).where(DeploymentRow.model == model).limit(1)) is not None
