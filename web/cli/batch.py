"""`gatewright batch`: files of rows, scored as a whole."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from web.cli.acting import As, Json

app = typer.Typer(no_args_is_help=True, help="Score files of rows, list them, fetch results.")

Id = Annotated[UUID, typer.Argument(help="The batch's id.")]


@app.command()
def score(
    model: Annotated[str, typer.Argument(help="The model's id.")],
    file: Annotated[Path, typer.Argument(help="Parquet, or CSV with a header line.", exists=True, dir_okay=False)],
    environment: Annotated[str, typer.Option(help="Where its live version scores them.")] = "production",
    out: Annotated[Path | None, typer.Option(help="Wait, and write the answers into this Parquet file.")] = None,
    place: Annotated[str, typer.Option(help="Where the result shall lie too, below the exchange folder.")] = "",
    seconds: Annotated[float, typer.Option(help="How long to wait with --out.")] = 3600.0,
    as_: As = "",
) -> None:
    """Hand in a file of rows; a worker scores it and logs each row. The exit code is 1 where the file is refused."""
    from engine.serving import batches
    from engine.store import transaction
    from web.cli import acting

    with acting.acting(as_, "batch score") as (store, person):
        source = store.files.put(file)
        with transaction(store) as session:
            found = batches.request(
                session, person, model=model, environment=environment, source=source, name=file.name, place=place
            )
        typer.echo(f"{found.id}  {found.reference} in {found.environment}", err=out is not None)
        if out is None:
            return
        ends = time.monotonic() + seconds
        while found.state not in ("done", "failed") and time.monotonic() < ends:
            time.sleep(0.2)
            with transaction(store) as session:
                found = batches.get(session, found.id)
        if found.state == "failed" and found.problem is not None:
            for line in (found.problem["message"], *found.problem["faults"]):
                typer.echo(line, err=True)
            raise typer.Exit(1)
        with transaction(store) as session:
            result = batches.result_of(session, found.id).result or ""
        out.write_bytes(store.files.read(result))
        typer.echo(f"{found.rows} rows in {out}")


@app.command(name="list")
def list_(
    model: Annotated[str, typer.Option(help="Of this model alone.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    json_: Json = False,
    as_: As = "",
) -> None:
    """List the batches, the newest first."""
    from engine.serving import batches
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "deployment.view") as (session, _):
        found = batches.listing(session, model=model or None, limit=limit)
    output.rows(
        [{**plain(each), "version": each.reference, "problem": (each.problem or {}).get("message")} for each in found],
        ["id", "version", "environment", "name", "rows", "state", "requested_by", "requested_at", "problem"],
        as_json=json_,
        empty="No batch yet: gatewright batch score MODEL FILE",
    )


@app.command()
def show(id: Id, json_: Json = False, as_: As = "") -> None:
    """Show a batch: how far it is, and what is wrong with its file where it failed."""
    from engine.serving import batches
    from web.cli import acting, output
    from web.plain import plain

    with acting.reading(as_, "deployment.view") as (session, _):
        found = plain(batches.get(session, id))
    output.facts(found, as_json=json_)
