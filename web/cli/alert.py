"""`gatewright alert`: what people have to know of."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from web.cli.acting import As, Json

app = typer.Typer(no_args_is_help=True, help="See what people have to know of, and try the ways to tell them.")


@app.command(name="list")
def list_(
    state: Annotated[str, typer.Option(help="open, acknowledged or closed; all where it is left out.")] = "",
    model: Annotated[str, typer.Option(help="Alerts of this model alone.")] = "",
    json_: Json = False,
    as_: As = "",
) -> None:
    """List the alerts, those that wait for somebody first."""
    from engine.monitoring.alerts import queries
    from web.cli import acting, output
    from web.plain import plain

    if state not in ("", *queries.STATES):
        raise typer.BadParameter(f"--state is one of {', '.join(queries.STATES)}")
    with acting.reading(as_, "alert.view") as (session, _):
        found = queries.alerts(session, state=state, model=model, limit=500).rows
    output.rows(
        [plain(each) for each in found],
        ["id", "severity", "state", "title", "cause", "models", "opened_at", "acknowledged_by"],
        as_json=json_,
        empty="No alert.",
    )


@app.command()
def acknowledge(
    alert: Annotated[UUID, typer.Argument(help="The alert's id.")],
    note: Annotated[str, typer.Option(help="What is being done.")] = "",
    as_: As = "",
) -> None:
    """Take an alert in hand: it is told again only where it becomes worse."""
    from engine.monitoring import alerts
    from engine.store import transaction
    from web.cli import acting

    with acting.acting(as_, "alert acknowledge") as (store, person), transaction(store) as session:
        alerts.acknowledge(session, person, alert, note)


@app.command(name="test")
def try_(
    channel: Annotated[str, typer.Argument(help="A name of GATEWRIGHT_ALERT_CHANNELS.")],
    as_: As = "",
) -> None:
    """Send a notice by one channel, to see that it comes through."""
    from datetime import UTC, datetime

    from engine.identity import require
    from engine.integrations import notifiers
    from engine.integrations.notifiers import Notice
    from engine.store import new_id
    from web.cli import acting

    with acting.acting(as_, "alert test") as (store, person):
        require(person, "settings.edit")
        known = store.settings.alert_channels.get(channel)
        if known is None:
            there = ", ".join(sorted(store.settings.alert_channels)) or "none"
            raise notifiers.ChannelRefused(channel=channel, reason=f"it is not set up; there are: {there}")
        notice = Notice(
            id=str(new_id()),
            kind="alert.tested",
            at=datetime.now(UTC),
            title="A test of Gatewright's alerts",
            text=f"{person.name} tried the channel {channel}. Nothing has happened.",
            severity="warn",
        )
        notifiers.get(known.kind).send(channel, known, notice)
    typer.echo(f"The channel {channel} took the notice.")
