"""Environments, deployments and routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from engine.serving import environments, queries
from engine.serving.deployment import Deployment
from engine.serving.environments import Environment
from engine.serving.queries import Route, Step
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, plain, tag
from web.api.schemas import Int

_TAGS = tag("Serving", "Where versions run.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentDetail:
    """A deployment with all that was done with it."""

    deployment: Deployment
    trail: list[Step]


class EnvironmentPath(BaseModel):
    """One environment."""

    environment: str = Field(max_length=100)


class DeploymentPath(BaseModel):
    """One deployment."""

    deployment: UUID


class WantedDeployments(Listed):
    """Which deployments are asked for."""

    model: str | None = Field(default=None, max_length=200)
    environment: str | None = Field(default=None, max_length=100)
    desired: str | None = Field(default=None, max_length=20, description="running or stopped.")


class WantedRoutes(BaseModel):
    """Of which model."""

    model: str | None = Field(default=None, max_length=200)


class EnvironmentFields(BaseModel):
    """What an environment is."""

    title: str = Field(max_length=200)
    target: str = Field(default="local", max_length=100, description="What runs its deployments.")
    position: Int = Field(ge=0, le=10_000, description="Its place in the order of promotion.")
    promoters: list[str] = Field(default=[], max_length=50, description="Roles of which one must have said yes.")
    settings: dict[str, Any] = Field(default={})


@api.get("/environments", tags=_TAGS, responses=answers(list[Environment]))
@needs("deployment.view")
def list_environments() -> list[Any]:
    """The environments, in the order of promotion."""
    found: list[Any] = plain(environments.ordered(access.session()))
    return found


@api.put("/environments/<environment>", tags=_TAGS, responses=answers(Environment))
@needs("environment.edit")
def define_environment(path: EnvironmentPath, body: EnvironmentFields) -> dict[str, Any]:
    """Define an environment, or change it."""
    found: dict[str, Any] = plain(
        environments.define(
            access.session(),
            access.current_person(),
            name=path.environment,
            title=body.title,
            target=body.target,
            position=body.position,
            promoters=body.promoters,
            settings=body.settings,
        )
    )
    return found


@api.get("/deployments", tags=_TAGS, responses=answers(list[Deployment]))
@needs("deployment.view")
def list_deployments(query: WantedDeployments) -> list[Any]:
    """The deployments, the newest first."""
    found: list[Any] = plain(queries.deployments(access.session(), **query.model_dump()))
    return found


@api.get("/deployments/<uuid:deployment>", tags=_TAGS, responses=answers(DeploymentDetail))
@needs("deployment.view")
def show_deployment(path: DeploymentPath) -> dict[str, Any]:
    """A deployment with all that was done with it: who, what, when, on which inputs."""
    session = access.session()
    found: dict[str, Any] = plain(
        DeploymentDetail(
            deployment=queries.deployment(session, path.deployment), trail=queries.trail(session, path.deployment)
        )
    )
    return found


@api.get("/routes", tags=_TAGS, responses=answers(list[Route]))
@needs("deployment.view")
def list_routes(query: WantedRoutes) -> list[Any]:
    """Which deployments answer now, and for what share of the requests."""
    found: list[Any] = plain(queries.routes(access.session(), model=query.model))
    return found
