"""Service task `retire_model`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.governance import approvals, tiers
from engine.handlers import subjects
from engine.inventory import models, queries
from engine.runtime import requesters
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.serving import deployments


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")


@service_task("retire_model", kind="transactional")
def retire_model(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Ends every endpoint of the model, which answers 410 from the commit on; refuses without an approval of it."""
    model = queries.model(session, subjects.model_of(ctx, parameters.model))
    version = subjects.in_hand(session, ctx)
    given = approvals.require(
        session,
        str(version.ref),
        purpose="retirement",
        environment=model.environment,
        roles=tiers.retirement_approvers(model.tier),
        digests=subjects.approved_digests(session, version.ref),
        requesters={*requesters.of(session, ctx.instance), ctx.starter},
    )
    reason = given[0].comment or "approved"
    ended = deployments.retire(
        session,
        subjects.starter(ctx),
        model=model.id,
        reason=reason,
        instance=str(ctx.instance),
        task=str(ctx.task),
    )
    approvals.use(session, given, by=f"retirement of {model.id}", actor=ctx.starter)
    models.retire(session, model.id, actor=ctx.actor, reason=reason)
    return {"endpoints": len(ended)}
