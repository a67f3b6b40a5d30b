"""Service task `record_risk_tier`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.governance import tiers
from engine.handlers import subjects
from engine.inventory import models, queries
from engine.runtime.context import Context
from engine.runtime.registry import service_task


class Parameters(BaseModel):
    version: str = Field(description="The version on whose record the tier was decided, as model@number.")
    tier: Literal["high", "medium", "low"] = Field(description="The risk tier.")


@service_task("record_risk_tier", kind="transactional")
def record_risk_tier(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Writes the tier to the model's risk record; tells the roles whose approval it demands."""
    ref = subjects.version_of(ctx, parameters.version)
    if queries.model(session, ref.model).tier != parameters.tier:
        models.give_tier(
            session, ref.model, parameters.tier, actor=ctx.actor, version=str(ref), instance=str(ctx.instance)
        )
    approvers = queries.model(session, ref.model).metadata.approvers
    return {"tier": parameters.tier, "roles": tiers.approvers(parameters.tier, approvers)}
