"""Service task `stop_monitors`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.handlers import monitoring, subjects
from engine.runtime.context import Context
from engine.runtime.registry import service_task


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")


@service_task("stop_monitors", kind="transactional")
def stop_monitors(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Stops the model's monitors and their schedules in every environment; what they saw stays readable."""
    model = subjects.model_of(ctx, parameters.model)
    return {"monitors": len(monitoring.stop(session, ctx.actor, model, reason="the model leaves service"))}
