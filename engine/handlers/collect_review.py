"""Service task `collect_review`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.governance import in_hand
from engine.handlers import subjects
from engine.inferences import queries as inferences
from engine.inventory import queries
from engine.runtime.context import Context
from engine.runtime.registry import service_task
from engine.serving import queries as serving


class Parameters(BaseModel):
    model: str = Field(description="The model's id in the inventory.")


@service_task("collect_review", kind="transactional")
def collect_review(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Collects a model's figures in production: test metrics, inferences, errors, latency, open risks, labels."""
    model = queries.model(session, subjects.model_of(ctx, parameters.model))
    live = serving.live(session, model.id, model.environment)
    version = subjects.newest(session, model.id)
    if live is not None and live.version != version.ref.number:
        version = next(each for each in queries.versions(session, model.id) if each.ref.number == live.version)
    in_hand.take(session, ctx.instance, str(version.ref))
    logged = inferences.summary(session, inferences.Window(model=model.id))
    asked = inferences.requests(session, model.id)
    return {
        "version": str(version.ref),
        "live": live is not None,
        "metrics": {name: estimate.as_json() for name, estimate in version.metrics.items() if estimate.known},
        "inferences": logged.rows,
        "decisions": dict(logged.decisions),
        "first_event": logged.first_event.isoformat() if logged.first_event else None,
        "last_event": logged.last_event.isoformat() if logged.last_event else None,
        "errors": asked.failed,
        "refused": asked.refused,
        "p95_ms": logged.latency.p95_ms,
        "p95_ms_declared": model.metadata.service_levels.p95_ms,
        "open_risks": [
            {"title": risk.title, "level": risk.level, "owner": risk.owner, "due": risk.due.isoformat()}
            for risk in queries.risks(session, model.id, is_open=True)
        ],
        "labels": logged.label_state,
    }
