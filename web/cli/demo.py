"""`gatewright demo`: the whole story, on real people's data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Put the command beside the groups."""
    app.command(rich_help_panel="The house")(demo)


def demo(
    serve: Annotated[
        bool | None, typer.Option("--serve/--no-serve", help="Go on serving after the story; default: in a terminal.")
    ] = None,
    json_: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write what happened as JSON.")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Other census data than the shipped.", exists=True)
    ] = None,
    port: Annotated[int, typer.Option(help="The port of the pages; a free one if it is taken.", min=0)] = 8470,
    without: Annotated[
        list[str] | None, typer.Option(metavar="PROCESS", help="Leave out a process, to see that it is needed.")
    ] = None,
) -> None:
    """Watch two models go through their life cycles, from training to retirement; then look around in the browser.

    It has a data folder of its own, .gatewright-demo, made anew at each start.
    """
    from web.demo import show

    raise typer.Exit(show.run(serve=serve, report=json_, data=data, port=port, without=tuple(without or ())))
