"""Models, their risks, and the wish to end them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from engine.governance import approvals
from engine.governance.approvals import Approval
from engine.inventory import metadata, models, queries, risks
from engine.inventory.queries import ORDERS
from engine.inventory.values import Model, ModelSummary, Risk
from web import access
from web.access import needs
from web.api.blueprint import Listed, answers, api, page, page_of, plain, tag
from web.api.schemas import Int

_TAGS = tag("Models", "The inventory.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A retirement that was asked for: the model's life cycle decides."""

    model: str
    asked: bool


class ModelPath(BaseModel):
    """One model."""

    model: str = Field(max_length=200, description="The model's id.")


class RiskPath(BaseModel):
    """One risk."""

    risk: UUID


class WantedModels(Listed):
    """Which models are asked for."""

    search: str = Field(default="", max_length=200, description="In id, name, owner, team, tool and purpose.")
    kind: str | None = Field(default=None, max_length=100)
    team: str | None = Field(default=None, max_length=200)
    owner: str | None = Field(default=None, max_length=100)
    tier: str | None = Field(default=None, max_length=50)
    retired: bool | None = None
    order: str = Field(default="id", pattern=f"^-?({'|'.join(ORDERS)})$", description="`-` before it turns it round.")


class Declared(BaseModel):
    """What a team says of its model: the fields of docs/models.md."""

    declared: dict[str, Any] = Field(min_length=1, description="id, name, kind, owner, team, purpose and so on.")


class Changes(BaseModel):
    """What is declared anew; what is left out stays."""

    changes: dict[str, Any] = Field(min_length=1)
    revision: Int | None = Field(default=None, description="The one that you saw: refused where another came between.")


class NewRisk(BaseModel):
    """A risk to be opened."""

    level: str = Field(max_length=20, description="low, medium or high; an open high one blocks deployment.")
    title: str = Field(max_length=200)
    owner: str = Field(max_length=100)
    due: date
    description: str = Field(default="", max_length=4000)


class Resolution(BaseModel):
    """How a risk ended."""

    resolution: str = Field(min_length=1, max_length=4000)


class Wish(BaseModel):
    """Why a model shall be retired."""

    reason: str = Field(min_length=1, max_length=4000)


@api.get("/models", tags=_TAGS, responses=page_of(ModelSummary))
@needs("model.view")
def list_models(query: WantedModels) -> dict[str, Any]:
    """The models, each with its counts."""
    found = queries.models(access.session(), **query.model_dump())
    return page(found.items, found.total)


@api.post("/models", tags=_TAGS, responses=answers(Model, 201))
@needs("model.register")
def register_model(body: Declared) -> tuple[dict[str, Any], int]:
    """Register a model."""
    declared = metadata.read(body.declared)
    return plain(models.register(access.session(), access.current_person(), declared)), 201


@api.get("/models/<model>", tags=_TAGS, responses=answers(Model))
@needs("model.view")
def show_model(path: ModelPath) -> dict[str, Any]:
    """One model, with all that was declared."""
    found: dict[str, Any] = plain(queries.model(access.session(), path.model))
    return found


@api.patch("/models/<model>", tags=_TAGS, responses=answers(Model))
@needs("model.edit")
def edit_model(path: ModelPath, body: Changes) -> dict[str, Any]:
    """Declare some fields anew; approvals that were given on the old ones become void."""
    found: dict[str, Any] = plain(
        models.edit(access.session(), access.current_person(), path.model, body.changes, revision=body.revision)
    )
    return found


@api.get("/models/<model>/approvals", tags=_TAGS, responses=answers(list[Approval]))
@needs("model.view")
def model_approvals(path: ModelPath) -> list[Any]:
    """All decisions on a model's versions, the newest first, with the digests of what was shown."""
    queries.model(access.session(), path.model)
    found: list[Any] = plain(approvals.of_model(access.session(), path.model))
    return found


@api.get("/models/<model>/risks", tags=_TAGS, responses=answers(list[Risk]))
@needs("model.view")
def model_risks(path: ModelPath) -> list[Any]:
    """The risks of a model, open ones first."""
    queries.model(access.session(), path.model)
    found: list[Any] = plain(queries.risks(access.session(), path.model))
    return found


@api.post("/models/<model>/risks", tags=_TAGS, responses=answers(Risk, 201))
@needs("risk.edit")
def open_risk(path: ModelPath, body: NewRisk) -> tuple[dict[str, Any], int]:
    """Open a risk; while a high one is open, no version of the model is deployed."""
    risk = risks.open(
        access.session(),
        access.current_person(),
        path.model,
        level=body.level,
        title=body.title,
        owner=body.owner,
        due=body.due,
        description=body.description,
    )
    return plain(risk), 201


@api.post("/risks/<uuid:risk>/close", tags=_TAGS, responses=answers(Risk))
@needs("risk.edit")
def close_risk(path: RiskPath, body: Resolution) -> dict[str, Any]:
    """Close a risk with a word on how it ended."""
    found: dict[str, Any] = plain(
        risks.close(access.session(), access.current_person(), path.risk, resolution=body.resolution)
    )
    return found


@api.post("/models/<model>/retirement", tags=_TAGS, responses=answers(Asked, 202))
@needs("model.edit")
def ask_for_retirement(path: ModelPath, body: Wish) -> tuple[dict[str, Any], int]:
    """Ask for a model's retirement; its life cycle hears of it and has it approved."""
    models.ask_for_retirement(access.session(), access.current_person(), path.model, reason=body.reason)
    return plain(Asked(model=path.model, asked=True)), 202
