"""`gatewright audit`: proving and handing out the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from web.cli.acting import As

app = typer.Typer(no_args_is_help=True, help="Verify and export the audit log.")


@app.command()
def verify(
    export: Annotated[
        Path | None, typer.Option(help="Verify this export instead; no database is needed.", exists=True)
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The public key that you trust, as a PEM file.", exists=True)] = None,
    as_: As = "",
) -> None:
    """Recompute every hash and check every checkpoint; exit code 1 where the log is not intact."""
    from engine import audit
    from engine.audit import keys
    from engine.identity import require
    from web.cli import acting

    if export is not None:
        report = audit.verify_export(export, trusted=keys.read_public(key) if key else None)
    else:
        with acting.acting(as_, "audit verify") as (store, person):
            require(person, "audit.verify")
            report = audit.verify(store)
    for line in report.lines():
        typer.echo(line)
    if not report.intact:
        raise typer.Exit(1)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    stream: Annotated[
        list[str] | None, typer.Option(help="Only this stream (`model:<id>`, `instance:<id>`); may be repeated.")
    ] = None,
    as_: As = "",
) -> None:
    """Write the log into a folder that proves itself."""
    from engine import audit
    from engine.identity import require
    from web.cli import acting

    with acting.acting(as_, "audit export") as (store, person):
        require(person, "audit.export")
        made = audit.export(store, folder, streams=stream)
    typer.echo(f"{made.folder}: {made.rows} rows in {made.streams} streams, {made.checkpoints} checkpoints")
