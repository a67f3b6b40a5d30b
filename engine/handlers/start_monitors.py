"""Service task `start_monitors`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.handlers import monitoring, subjects
from engine.runtime.context import Context
from engine.runtime.registry import service_task


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")
    environment: str = Field(description="The environment in which it answers.")


@service_task("start_monitors", kind="transactional")
def start_monitors(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Has the model looked at in its environment, as often and over the window that it declares, until it retires."""
    model = subjects.model_of(ctx, parameters.model)
    started = monitoring.start(session, ctx.actor, model, parameters.environment, timezone=ctx.settings.timezone)
    return {"monitor": started.name, "timing": started.timing, "window": started.window}
