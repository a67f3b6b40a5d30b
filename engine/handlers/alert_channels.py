"""Service task `alert_channels`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.config import Settings
from engine.runtime.context import Context
from engine.runtime.registry import service_task


class Parameters(BaseModel):
    severity: str = Field(description="How bad the alert is: breach, warn or no data.")


@service_task("alert_channels", kind="transactional")
def alert_channels(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """The channels by which an alert as bad as this is told: one for breaches alone hears of nothing milder."""
    return {"channels": listening(ctx.settings, parameters.severity)}


def listening(settings: Settings, severity: str) -> list[str]:
    """The names of the channels that are told of this severity, sorted."""
    return sorted(
        name for name, channel in settings.alert_channels.items() if channel.least == "warn" or severity == "breach"
    )
