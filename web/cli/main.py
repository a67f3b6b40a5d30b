"""The entry point of the console script."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gatewright {version('gatewright')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def gatewright(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Model life cycles drawn as BPMN, executed, gated and proven."""


def run() -> None:
    """Run the command named on the command line."""
    app()
