"""`gatewright feed`: where rows of models come from beside the scoring service."""

from __future__ import annotations

from typing import Annotated

import typer

from web.cli.acting import As, Json
from web.cli.process import json_object

app = typer.Typer(no_args_is_help=True, help="Define feeds, and look at what came.")


@app.command()
def define(
    name: Annotated[str, typer.Argument(help="A name of its own.")],
    model: Annotated[str, typer.Argument(help="The model whose rows it carries.")],
    kind: Annotated[str, typer.Argument(help="log, folder, sql or http.")],
    owner: Annotated[str, typer.Option(help="Who is asked when it does not come.")],
    environment: Annotated[str, typer.Option(help="Where the model answers.")] = "production",
    origin: Annotated[str, typer.Option(help="internal or external.")] = "internal",
    cadence: Annotated[str, typer.Option(help="The length of its windows, in ISO 8601.")] = "P1D",
    grace: Annotated[str, typer.Option(help="How long after its end a window may come.")] = "PT1H",
    columns: Annotated[str, typer.Option(metavar="JSON", help="Column to family of its type, in order.")] = "{}",
    output: Annotated[str, typer.Option(help="The column of what the model answered.")] = "",
    settings: Annotated[str, typer.Option(metavar="JSON", help="Of its kind; secrets are named, never given.")] = "{}",
    paused: Annotated[bool, typer.Option("--paused", help="Do not read it for now.")] = False,
    as_: As = "",
) -> None:
    """Make a feed, or change it."""
    from engine.monitoring.feeds import definitions
    from engine.store import transaction
    from web.cli import acting

    with acting.acting(as_, "feed define") as (store, person), transaction(store) as session:
        definitions.define(
            session,
            person,
            name=name,
            model=model,
            environment=environment,
            kind=kind,
            owner=owner,
            origin=origin,
            cadence=cadence,
            grace=grace,
            columns=json_object(columns),
            output=output,
            settings=json_object(settings),
            paused=paused,
        )


@app.command(name="list")
def list_(json_: Json = False, as_: As = "") -> None:
    """List the feeds."""
    from engine.monitoring.feeds import definitions
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "feed.view") as (session, _):
        found = definitions.listed(session)
    output.rows(
        [plain(each) for each in found],
        ["name", "model", "environment", "kind", "owner", "origin", "cadence", "paused"],
        as_json=json_,
        empty="No feed yet.",
    )


@app.command()
def arrivals(name: Annotated[str, typer.Argument(help="The feed's name.")], json_: Json = False, as_: As = "") -> None:
    """Tell what came of a feed's windows, the newest first."""
    from engine.monitoring.feeds import arrivals, definitions
    from web.api.feeds import came
    from web.cli import acting, output

    with acting.reading(as_, "feed.view") as (session, _):
        definitions.get(session, name)
        found = [came(each) for each in arrivals.last(session, name)]
    output.rows(found, ["since", "state", "rows", "problem"], as_json=json_, empty="Nothing was read yet.")


@app.command()
def read(name: Annotated[str, typer.Argument(help="The feed's name.")], as_: As = "") -> None:
    """Read the last window that is due now; exit code 1 where it did not come."""
    from engine import identity
    from engine.monitoring.feeds import arrivals
    from web.cli import acting

    with acting.acting(as_, "feed read") as (store, person):
        identity.require(person, "feed.edit")
        found = arrivals.read(store, name)
    typer.echo(f"{name} {found.since:%Y-%m-%d %H:%M}: {found.state}, {found.rows:,} rows. {found.problem}".strip())
    if found.state not in arrivals.CAME:
        raise typer.Exit(1)
