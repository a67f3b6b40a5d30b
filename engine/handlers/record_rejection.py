"""Service task `record_rejection`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.handlers import deploy_model
from engine.runtime.context import Context
from engine.runtime.registry import service_task


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")
    reason: str = Field(default="", description="Why it was rejected or given up.")


@service_task("record_rejection", kind="transactional")
def record_rejection(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Notes on the model why the version in hand does not go further; a deployment under way is stopped."""
    ref = deploy_model.stop_version(session, ctx, parameters.model, "version.rejected", parameters.reason)
    return {"version": str(ref), "reason": parameters.reason}
