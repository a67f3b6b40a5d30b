"""`gatewright monitor`: versions that are relied on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from web.cli.acting import As, Json

app = typer.Typer(no_args_is_help=True, help="Look at versions that are relied on, and at the monitors that do.")

_COLUMNS = ("column", "state", "psi", "statistic", "effect", "error")
_AFTER = ("p_adjusted", "missing", "outside")


@app.command()
def drift(
    path: Annotated[Path, typer.Argument(help="A Parquet or CSV file, or a folder of them.", exists=True)],
    model: Annotated[str, typer.Option(metavar="VERSION", help="The version whose reference it is, as model@number.")],
    output: Annotated[str, typer.Option(help="The column that holds what the model answered.")] = "",
    rows: Annotated[int, typer.Option(min=0, help="Compare each so many rows by themselves; 0: all at once.")] = 0,
    exact: Annotated[
        bool, typer.Option("--exact", help="Also from the values themselves, by one sort a column; takes their memory.")
    ] = False,
    json_: Json = False,
    as_: As = "",
) -> None:
    """Hold the rows of a table against the reference of a version, in constant memory."""
    from engine.inferences import counts
    from engine.inventory.references import VersionRef
    from engine.monitoring import drift, scans
    from engine.statistics.tallies import OUTPUT
    from web.cli import acting

    ref, named = VersionRef.parse(model), {OUTPUT: output} if output else None
    with acting.reading(as_, "model.view") as (session, _):
        digest, reference = counts.reference_of(session, ref)
    tables = scans.sources(path)
    if rows:
        found = (drift.of_scan(ref, digest, each) for each in scans.chunks(reference, tables, rows, named=named))
        _tell_chunks(found, json_)
        return
    whole = drift.of_scan(ref, digest, scans.count(reference, tables, named=named))
    _tell(whole, _exact(as_, ref, reference, tables) if exact else (), json_)


def _exact(as_: str, ref: Any, reference: Any, tables: Any) -> Any:
    """From the values of the training data; none where the version has no such table."""
    from engine.inventory import queries
    from engine.monitoring import exact, scans
    from web.cli import acting

    with acting.opened() as store:
        with acting.reading(as_, "model.view") as (session, _):
            assets = queries.asset_digests(session, ref)
        digest = assets.get("training_data", assets.get("test_data"))
        if digest is None:
            return ()
        with store.files.local(digest) as before:
            return exact.distances(reference, scans.sources(before, "reference"), tables)


def _tell(found: Any, exact: Any, as_json: bool) -> None:
    from web.cli import output
    from web.plain import plain

    if as_json:
        output.facts({**plain(found), "exact": plain(list(exact))}, as_json=True)
        return
    typer.echo(f"{found.version}: {found.state}, {found.rows:,} rows against {found.reference_rows:,}")
    of_values = {each.name: each.kolmogorov_smirnov.value for each in exact}
    output.rows(
        [
            {
                "column": each.name,
                "state": each.state,
                "psi": f"{each.psi.value:.4f}",
                "statistic": each.statistic,
                "effect": f"{each.effect.value:.4f}",
                "error": f"{each.error:.1g}" if each.error else "0",
                "exact": f"{of_values[each.name]:.6f}" if each.name in of_values else "",
                "p_adjusted": f"{each.adjusted:.2g}",
                "missing": f"{each.missing.value:.2%}",
                "outside": f"{each.outside.value:.2%}",
            }
            for each in found.columns
        ],
        [*_COLUMNS, *(["exact"] if exact else []), *_AFTER],
        as_json=False,
        empty="No column.",
    )
    if found.absent:
        typer.echo(f"not in the table: {', '.join(found.absent)}")
    if found.further:
        typer.echo(f"not in the reference: {', '.join(found.further)}")


def _tell_chunks(found: Any, as_json: bool) -> None:
    from web.cli import output
    from web.plain import plain

    rows = []
    for each in found:
        told = {"from_row": sum(row["rows"] for row in rows), "rows": each.rows, "state": each.state}
        rows.append({**told, "moved": list(each.moved), **({"columns": plain(each.columns)} if as_json else {})})
    output.rows(rows, ["from_row", "rows", "state", "moved"], as_json=as_json, empty="No rows.")
