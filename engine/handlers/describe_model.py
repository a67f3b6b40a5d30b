"""Service task `describe_model`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.governance import in_hand
from engine.handlers import subjects
from engine.inventory import kinds, queries
from engine.runtime.context import Context
from engine.runtime.registry import service_task


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")


@service_task("describe_model", kind="transactional")
def describe_model(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Takes the newest version in hand and tells its record: what the gateways of a life cycle ask for."""
    model = queries.model(session, subjects.model_of(ctx, parameters.model))
    version = subjects.newest(session, model.id)
    in_hand.take(session, ctx.instance, str(version.ref))
    gaps = subjects.gaps(session, version.ref)
    return {
        "version": str(version.ref),
        "kind": model.kind,
        "affects_people": model.affects_people,
        "decisions_per_year": model.decisions_per_year,
        "protected": bool(model.metadata.protected),
        "needs_training": version.state == "draft" and kinds.get(model.kind).trained,
        "environment": model.environment,
        "tool": model.tool,
        "target": model.metadata.served_by,
        "approver_roles": list(model.metadata.approvers),
        "complete": not gaps,
        "gaps": [f"{gap.name}: {gap.reason}" for gap in gaps],
    }
