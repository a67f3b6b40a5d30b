"""`gatewright instance`: life cycles that run."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from web.cli.acting import As, Json

app = typer.Typer(no_args_is_help=True, help="See and operate life cycles that run.")

Id = Annotated[UUID, typer.Argument(help="The instance's id.")]
Reason = Annotated[str, typer.Option(help="Why; it goes into the audit log.", prompt=True)]


@app.command(name="list")
def list_(
    state: Annotated[str, typer.Option(help="running, finished, cancelled or suspended.")] = "",
    search: Annotated[str, typer.Option(help="In life cycle, subject and starter.")] = "",
    incident: Annotated[bool, typer.Option("--incident", help="Only those with an open incident.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json_: Json = False,
    as_: As = "",
) -> None:
    """List instances, the newest first."""
    from engine.runtime import queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "instance.view") as (session, _):
        found = queries.instances(session, state=state, search=search, incident=incident, limit=limit).rows
    output.rows(
        [plain(each) for each in found],
        ["id", "process", "version", "subject", "state", "starter", "started_at"],
        as_json=json_,
        empty="No instance matches.",
    )


@app.command()
def show(id: Id, json_: Json = False, as_: As = "") -> None:
    """Show an instance: where it stands, what it waits for and who owes it, what went before."""
    from engine.runtime import queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "instance.view") as (session, _):
        found = queries.instance(session, id)
        variables = queries.variables(session, id)
    if json_:
        output.facts({**plain(found), "variables": variables}, as_json=True)
        return
    one = found.instance
    output.facts(
        {
            "life_cycle": f"{one.process} v{one.version}",
            "subject": one.subject,
            "state": "suspended" if one.suspended else one.state,
            "started": f"{one.started_at:%Y-%m-%d %H:%M:%S} by {one.starter}",
            "moved": one.moved_at,
            "outcome": one.outcome,
        },
        as_json=False,
    )
    for each in found.waiting:
        typer.echo(f"waits     {each.name} ({each.kind}), owed by {each.owed_by}: {each.next_act}")
    for step in found.steps:
        left = "" if step.left_at is None else f", {step.outcome or 'left'}{f' by {step.actor}' if step.actor else ''}"
        typer.echo(f"{step.entered_at:%H:%M:%S}  {step.process}: {step.name or step.element} ({step.kind}){left}")


@app.command()
def retry(
    id: Id,
    task: Annotated[UUID | None, typer.Option(help="Only the step with this task id.")] = None,
    as_: As = "",
) -> None:
    """Try the failed steps of an instance again."""
    from engine.runtime import instances
    from web.cli import acting

    with acting.acting(as_, "instance retry") as (store, person):
        typer.echo(f"Tried again: {instances.retry(store, person, id, task)}")


@app.command()
def suspend(id: Id, reason: Reason, as_: As = "") -> None:
    """Hold an instance until it is resumed."""
    from engine.runtime import instances
    from web.cli import acting

    with acting.acting(as_, "instance suspend") as (store, person):
        instances.suspend(store, person, id, reason)


@app.command()
def resume(id: Id, reason: Reason, as_: As = "") -> None:
    """Let a suspended instance go on."""
    from engine.runtime import instances
    from web.cli import acting

    with acting.acting(as_, "instance resume") as (store, person):
        instances.resume(store, person, id, reason)


@app.command()
def cancel(id: Id, reason: Reason, as_: As = "") -> None:
    """End an instance for good, with all that it waits for."""
    from engine.runtime import instances
    from web.cli import acting

    with acting.acting(as_, "instance cancel") as (store, person):
        instances.cancel(store, person, id, reason)
