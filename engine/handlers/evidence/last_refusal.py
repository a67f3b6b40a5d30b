"""Evidence `last_refusal`."""

from __future__ import annotations

from sqlalchemy.orm import Session

from engine.runtime import queries
from engine.runtime.context import Context
from engine.runtime.registry import Evidence, evidence


@evidence("last_refusal")
def last_refusal(session: Session, ctx: Context) -> Evidence:
    """The step of this life cycle that was refused last, and the reason it was given."""
    refused = [job for job in queries.instance(session, ctx.instance).jobs if job.error and job.ended_at]
    last = max(refused, key=lambda job: job.ended_at or job.queued_at, default=None)
    shown = {"step": last.name, "handler": last.handler, "reason": last.error} if last else {}
    return Evidence(title="Why it was refused", content=shown)
