"""`gatewright user`: people."""

from __future__ import annotations

from typing import Annotated

import typer

from web.cli.acting import As, Json

app = typer.Typer(no_args_is_help=True, help="Add and list people.")


@app.command()
def add(
    id: Annotated[str, typer.Argument(help="The login name.")],
    name: Annotated[str, typer.Option(help="The name that others see.")] = "",
    email: Annotated[str, typer.Option(help="The address.")] = "",
    role: Annotated[list[str] | None, typer.Option(help="A role; may be repeated.")] = None,
    as_: As = "",
) -> None:
    """Add a person; prints a one-time password that has to be changed at the first sign-in."""
    from engine.identity import passwords, people
    from engine.store import transaction
    from web.cli import acting

    word = passwords.one_time()
    with acting.acting(as_, "user add") as (store, by), transaction(store) as session:
        people.add(session, by, id, name=name or id, email=email, roles=role or [], password=word)
    typer.echo(f"{id}, one-time password: {word}")


@app.command(name="list")
def list_(
    search: Annotated[str, typer.Option(help="In login name, name and address.")] = "",
    json_: Json = False,
    as_: As = "",
) -> None:
    """List people."""
    from engine.identity import queries
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "user.view") as (session, _):
        found = queries.listing(session, search=search, limit=1000)
    output.rows(
        [plain(each) for each in found], ["id", "name", "email", "roles", "disabled"], as_json=json_, empty="Nobody."
    )
