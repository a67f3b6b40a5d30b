"""`gatewright task`: what waits for people."""

from __future__ import annotations

import json
from typing import Annotated
from uuid import UUID

import typer

from web.cli.acting import As, Json
from web.cli.process import json_object

app = typer.Typer(no_args_is_help=True, help="See and decide what waits for you.")

Id = Annotated[UUID, typer.Argument(help="The task's id, as `task list` shows it.")]


@app.command(name="list")
def list_(
    search: Annotated[str, typer.Option(help="In name, subject and life cycle.")] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Only those in your own hands.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    json_: Json = False,
    as_: As = "",
) -> None:
    """List the open tasks of your roles, your own first."""
    from engine.runtime import queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "task.view") as (session, person):
        found = queries.inbox(session, person, search=search, mine=mine, limit=limit).rows
    output.rows(
        [plain(each) for each in found],
        ["id", "name", "subject", "role", "assignee", "due_at"],
        as_json=json_,
        empty="Nothing waits for you.",
    )


@app.command()
def show(id: Id, json_: Json = False, as_: As = "") -> None:
    """Show a task: what it is about, its evidence by digest, and what a decision on it may tell of what was shown."""
    from engine.runtime import queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "task.view") as (session, _):
        found = queries.task(session, id)
    shown = {each["name"]: each["digest"] for each in found.evidence} | {"variables": found.variables_digest}
    if json_:
        output.facts({**plain(found), "shown": shown}, as_json=True)
        return
    names = ("name", "process", "subject", "role", "state", "assignee", "opened_at", "due_at", "closed_by")
    output.facts({name: getattr(found, name) for name in names} | {"shown": json.dumps(shown)}, as_json=False)


@app.command()
def claim(id: Id, as_: As = "") -> None:
    """Take a task into your own hands."""
    from engine.runtime import user_tasks
    from web.cli import acting

    with acting.acting(as_, "task claim") as (store, person):
        user_tasks.claim(store, person, id)


@app.command()
def complete(
    id: Id,
    answer: Annotated[str, typer.Option(metavar="JSON", help="The answer to its form.")] = "{}",
    shown: Annotated[
        str,
        typer.Option(metavar="JSON", help="What `task show` gave as shown; asked for once an operator changed it."),
    ] = "",
    as_: As = "",
) -> None:
    """Decide a task, on the evidence that was frozen when it opened: look at it first."""
    from engine.runtime import instances
    from web.cli import acting

    with acting.acting(as_, "task complete") as (store, person):
        instance = instances.complete(store, person, id, json_object(answer), json_object(shown) if shown else None)
    typer.echo(f"Decided; the life cycle went on: gatewright instance show {instance}")
