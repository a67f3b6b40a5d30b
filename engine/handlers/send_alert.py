"""Service task `send_alert`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from engine.integrations import notifiers
from engine.integrations.notifiers import Notice
from engine.monitoring import alerts
from engine.monitoring.alerts import queries
from engine.runtime.context import Context
from engine.runtime.registry import service_task

_SHOWN = 20


class Parameters(BaseModel):
    alert: UUID = Field(description="The id of the alert.")
    channel: str = Field(description="The channel that is told: a name of GATEWRIGHT_ALERT_CHANNELS.")
    severity: str = Field(description="How bad it was when its telling began: breach, warn or no data.")


# No breaker: each channel is a tool of its own, and one that is away must not hold back the others.
@service_task("send_alert", kind="job", attempts=6, backoff_seconds=10, breaker=None)
def send_alert(parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Tells an alert by one channel; the notice carries the same id at each attempt."""
    known = ctx.prepared
    if known is not None:
        channel = ctx.settings.alert_channels.get(parameters.channel)
        if channel is None:
            raise notifiers.ChannelRefused(channel=parameters.channel, reason="it is not set up any more")
        notice = Notice(
            id=f"{parameters.alert}-{parameters.severity.replace(' ', '-')}",
            kind="alert.opened",
            at=known["at"],
            title=known["title"],
            text=known["text"],
            severity=parameters.severity,
            facts=known["facts"],
        )
        notifiers.get(channel.kind).send(parameters.channel, channel, notice)
    return {"channel": parameters.channel, "delivered": known is not None}


@send_alert.prepare
def words(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any] | None:
    """What is told; None where the alert is closed by now, and nobody needs to hear of it."""
    alert = queries.alert(session, parameters.alert)
    if alert.closed_at is not None:
        return None
    still = [each for each in alert.findings if each.closed_at is None]
    lines = [f"{each.model}: {each.title} ({each.severity})" for each in still[:_SHOWN]]
    if len(still) > _SHOWN:
        lines.append(f"and {len(still) - _SHOWN} more")
    return {
        "at": alert.opened_at,
        "title": f"[{parameters.severity}] {alert.title}",
        "text": "\n".join([*lines, "", f"Since {alert.opened_at:%Y-%m-%d %H:%M} UTC. Cause: {alert.cause}"]),
        "facts": {
            "alert": str(parameters.alert),
            "cause": alert.cause,
            "models": list(alert.models),
            "findings": [str(each.finding) for each in still],
        },
    }


@send_alert.apply
def record(session: Session, parameters: Parameters, ctx: Context, result: dict[str, Any]) -> None:
    """Note that the channel took it, in the transaction that takes the result."""
    if result["delivered"]:
        alerts.delivered(session, parameters.alert, parameters.channel, parameters.severity)


@send_alert.preview
def assumed(session: Session, parameters: Parameters, ctx: Context) -> dict[str, Any]:
    """Assumes that the channel takes it."""
    return {"channel": parameters.channel, "delivered": True}
