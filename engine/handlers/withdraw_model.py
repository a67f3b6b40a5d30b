"""Service task `withdraw_model`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine import audit, events
from engine.governance import in_hand
from engine.handlers import deploy_model, subjects
from engine.inventory.references import stream
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.serving import queries as serving


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")
    reason: str = Field(default="", description="Why the version in hand is withdrawn.")


@service_task("withdraw_model", kind="transactional")
def withdraw_model(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Withdraws the version in hand; tells how many endpoints answer with another, which it then takes in hand."""
    model = subjects.model_of(ctx, parameters.model)
    version = subjects.in_hand(session, ctx)
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
    routes = serving.routes(session, model=model)
    if routes:
        in_hand.take(session, ctx.instance, routes[0].deployment.reference)
    return {"version": str(version.ref), "live": len(routes)}
