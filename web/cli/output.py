"""What commands print: a table for a terminal, tab-separated lines for a pipe, JSON where it is asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import typer


def rows(found: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print a list; `columns` are the keys that a table shows, JSON has all."""
    from web.plain import plain

    if as_json:
        typer.echo(json.dumps([plain(row) for row in found], indent=2, ensure_ascii=False))
    elif not sys.stdout.isatty():
        typer.echo("\t".join(columns))
        for row in found:
            typer.echo("\t".join(_cell(row.get(column)) for column in columns))
    elif not found:
        typer.echo(empty)
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column.replace("_", " "), overflow="fold")
        for row in found:
            table.add_row(*(_escaped(_cell(row.get(column))) for column in columns))
        Console().print(table)


def facts(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing: a line for each fact, or JSON."""
    from web.plain import plain

    if as_json:
        typer.echo(json.dumps(plain(found), indent=2, ensure_ascii=False))
        return
    width = max((len(name) for name in found), default=0)
    for name, value in found.items():
        typer.echo(f"{name.replace('_', ' '):<{width}}  {_cell(value)}")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_cell(each)}" for name, each in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_cell(each) for each in (sorted(value) if isinstance(value, set | frozenset) else value))
    return " ".join(str(value).split())


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
