"""Service task `withdraw_model`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine import audit, events
from engine.handlers import deploy_model, subjects
from engine.inventory.references import stream
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.serving import queries as serving


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")
    reason: str = Field(default="", description="Why the newest version is withdrawn.")


@service_task("withdraw_model", kind="transactional")
def withdraw_model(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Withdraws the newest version; tells how many endpoints of the model still answer with an older one."""
    model = subjects.model_of(ctx, parameters.model)
    version = subjects.newest(session, model)
    deploy_model.withdraw_unanswered(session, model, ctx)
    audit.record(
        session,
        stream(model),
        "version.withdrawn",
        actor=ctx.actor,
        subject=str(version.ref),
        reason=parameters.reason,
        instance=str(ctx.instance),
        task=str(ctx.task),
    )
    events.emit(session, "version.withdrawn", str(version.ref), reason=parameters.reason)
    return {"version": str(version.ref), "live": len(serving.routes(session, model=model))}
