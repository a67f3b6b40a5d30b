"""Evidence `risk_record`."""

from __future__ import annotations

from sqlalchemy.orm import Session

from engine.governance import tiers
from engine.inventory import queries
from engine.runtime.context import Context
from engine.runtime.registry import Evidence, evidence


@evidence("risk_record")
def risk_record(session: Session, ctx: Context) -> Evidence:
    """The model's tier, what it demands, and its open risks with owner and due day."""
    model = queries.model(session, ctx.subject)
    return Evidence(
        title="Risk record",
        content={
            "tier": model.tier,
            "approvers": tiers.approvers(model.tier, model.metadata.approvers),
            "open_risks": [
                {
                    "level": risk.level,
                    "title": risk.title,
                    "description": risk.description,
                    "owner": risk.owner,
                    "due": risk.due.isoformat(),
                }
                for risk in queries.risks(session, model.id, is_open=True)
            ],
        },
    )
