"""Service task `record_rejection`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine import audit
from engine.handlers import deploy_model, subjects
from engine.inventory.references import stream
from engine.runtime.context import Context
from engine.runtime.registry import service_task


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")
    reason: str = Field(default="", description="Why it was rejected or given up.")


@service_task("record_rejection", kind="transactional")
def record_rejection(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Notes on the model why the version in hand does not go further; a deployment under way is stopped."""
    model = subjects.model_of(ctx, parameters.model)
    version = subjects.in_hand(session, ctx)
    deploy_model.withdraw_unanswered(session, model, ctx)
    audit.record(
        session,
        stream(model),
        "version.rejected",
        actor=ctx.actor,
        subject=str(version.ref),
        reason=parameters.reason,
        instance=str(ctx.instance),
        task=str(ctx.task),
    )
    return {"version": str(version.ref), "reason": parameters.reason}
