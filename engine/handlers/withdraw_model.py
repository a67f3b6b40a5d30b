"""Service task `withdraw_model`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine import events
from engine.governance import in_hand
from engine.handlers import deploy_model
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.serving import queries as serving


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")
    reason: str = Field(default="", description="Why the version in hand is withdrawn.")


@service_task("withdraw_model", kind="transactional")
def withdraw_model(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Withdraws the version in hand; tells how many endpoints answer with another, which it then takes in hand."""
    ref = deploy_model.stop_version(session, ctx, parameters.model, "version.withdrawn", parameters.reason)
    events.emit(session, "version.withdrawn", str(ref), reason=parameters.reason)
    routes = serving.routes(session, model=ref.model)
    if routes:
        in_hand.take(session, ctx.instance, routes[0].deployment.reference)
    return {"version": str(ref), "live": len(routes)}
