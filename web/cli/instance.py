"""`gatewright instance`: life cycles that run."""

from __future__ import annotations

import json
from typing import Annotated, Any
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
        task = f" [task {each.task}]" if each.kind == "incident" and each.task else ""
        typer.echo(f"waits     {each.name} ({each.kind}), owed by {each.owed_by}: {each.next_act}{task}")
    for step in found.steps:
        left = "" if step.left_at is None else f", {step.outcome or 'left'}{f' by {step.actor}' if step.actor else ''}"
        typer.echo(f"{step.entered_at:%H:%M:%S}  {step.process}: {step.name or step.element} ({step.kind}){left}")


@app.command()
def waits(id: Id, json_: Json = False, as_: As = "") -> None:
    """Show what an instance waited for, for whom and how long, element by element."""
    from engine.runtime import queries
    from engine.runtime import waits as history
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "instance.view") as (session, _):
        queries.instance(session, id)
        found = history.of_instance(session, id)
    output.rows(
        [plain(each) for each in found],
        ["element", "part", "owed_by", "since", "until", "seconds"],
        as_json=json_,
        empty="It waited for nothing yet.",
    )


@app.command()
def retry(
    id: Id,
    task: Annotated[UUID | None, typer.Option(help="Only the step with this task id.")] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=JSON", help="Another parameter for the step of --task; may be given again."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; asked for with --parameter, kept in the audit log.")] = "",
    as_: As = "",
) -> None:
    """Try the failed steps of an instance again, one of them with other parameters if need be."""
    from engine.runtime import instances
    from web.cli import acting

    edited = values(parameter or [])
    if edited and task is None:
        raise typer.BadParameter("--parameter goes with the --task whose parameter it is")
    with acting.acting(as_, "instance retry") as (store, person):
        if edited and task:
            instances.retry_edited(store, person, id, task, edited, reason)
            typer.echo("Tried again: 1")
        else:
            typer.echo(f"Tried again: {instances.retry(store, person, id, task, reason)}")


@app.command(name="set")
def set_(
    id: Id,
    variable: Annotated[list[str], typer.Argument(metavar="NAME=JSON...", help="Such as tier='\"low\"' or n=3.")],
    reason: Reason,
    as_: As = "",
) -> None:
    """Give variables other values; open tasks show them, approvals that were given on other values are void."""
    from engine.runtime import instances
    from web.cli import acting

    new = values(variable)
    with acting.acting(as_, "instance set") as (store, person):
        instances.set_variables(store, person, id, new, reason)


@app.command()
def tokens(id: Id, json_: Json = False, as_: As = "") -> None:
    """List the tokens of an instance that can be moved, and to which elements."""
    from engine.runtime import standing
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "instance.view") as (session, _):
        found = [{**plain(each), "targets": sorted(each.targets)} for each in standing.tokens(session, id)]
    output.rows(found, ["task", "element", "process", "targets"], as_json=json_, empty="No token of it can be moved.")


@app.command()
def move(
    id: Id,
    task: Annotated[UUID, typer.Argument(help="The token, as `instance tokens` lists it.")],
    element: Annotated[str, typer.Argument(help="The id of an element of the same process or subprocess.")],
    reason: Reason,
    as_: As = "",
) -> None:
    """Put a token at another element; refused unless every policy holds with a way drawn there."""
    from engine.runtime import instances
    from web.cli import acting

    with acting.acting(as_, "instance move") as (store, person):
        instances.move_token(store, person, id, task, element, reason)


def values(given: list[str]) -> dict[str, Any]:
    """NAME=JSON of each argument; a usage error where one is none."""
    found: dict[str, Any] = {}
    for each in given:
        name, _, text = each.partition("=")
        try:
            found[name] = json.loads(text)
        except ValueError as reason:
            raise typer.BadParameter(f"{each!r} is no NAME=JSON ({reason}): a text stands in quotes") from reason
    return found


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
