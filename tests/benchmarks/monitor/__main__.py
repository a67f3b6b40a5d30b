"""Drift of 17 columns of a Parquet file: ours, evidently's default preset and nannyml's, in one interleaved run.

    python -m tests.benchmarks.monitor [--json FILE] [--rows 2088920] [--large 10000000] [--rounds 3] [--only NAME]

The table: the demo's census rows of 2016 to 2018, repeated, with a score from a beta distribution; the reference: those
of 2015. Types are those of the source: age a number, the other 15 codes as texts in a dictionary, which pandas calls
categories. Each measurement is a process of its own, warm, and its time holds the reading of the file; those of a round
follow each other, so that what else the machine does meets all of them; a ratio is the median of the rounds'. The
others are installed into environments of their own below the system's temporary folder; one that cannot be is left out
and said. `--large` measures ours on so many rows, with its peak of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.statistics.tallies import refer
from engine.training.references import SCORE

REPOSITORY = Path(__file__).parents[3]
DATA = REPOSITORY / "web" / "demo" / "data"
CHUNKS = 20
EVIDENTLY = ("evidently==0.7.23", "pandas<3", "pyarrow")
NANNYML = ("nannyml==0.13.1", "pandas<3", "statsmodels", "pyarrow")
#: what is measured -> (program, chunks, what it needs beside our own environment)
PROGRAMS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "decoding": ("decoding", 0, ()),
    "ours": ("gatewright", 0, ()),
    f"ours, {CHUNKS} chunks": ("gatewright", CHUNKS, ()),
    "evidently": ("with_evidently", 0, EVIDENTLY),
    f"nannyml, {CHUNKS} chunks": ("with_nannyml", CHUNKS, NANNYML),
}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write everything that was measured into this file")
    parser.add_argument("--rows", type=int, default=2_088_920)
    parser.add_argument("--large", type=int, nargs="?", const=10_000_000, help="rows of the larger table, ours alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], help="what to measure, by a part of its name")
    given = parser.parse_args()
    wanted = {
        name: program
        for name, program in PROGRAMS.items()
        if not given.only or any(part in name for part in given.only)
    }
    with tempfile.TemporaryDirectory(prefix="gatewright-benchmark-") as folder:
        reference = referred(Path(folder))
        found: dict[str, Any] = {"machine": f"{os.cpu_count()} cores", "rows": given.rows}
        found["measured"] = compare(reference, table(Path(folder), given.rows), given.rows, wanted, given.rounds)
        tell(found)
        if given.large:
            ours = {name: program for name, program in PROGRAMS.items() if not program[2]}
            found["large"] = {
                "rows": given.large,
                "measured": compare(reference, table(Path(folder), given.large), given.large, ours, 1),
            }
            tell(found["large"])
    if given.json:
        given.json.write_text(json.dumps(found, indent=2))


def referred(folder: Path) -> Path:
    """The rows of 2015, and their counts beside them."""
    path, rows = folder / "reference.parquet", _rows("employment-2015.parquet", 0)
    pq.write_table(rows, path)
    features = refer({name: rows.column(name).to_pylist() for name in rows.column_names if name != "score"})
    fixed = type(SCORE)(name="score", low=0.0, high=1.0, cells=SCORE.cells, bits=SCORE.bits)
    scores = refer({"score": rows.column("score").to_numpy()}, fixed=(fixed,))
    path.with_suffix(".counts").write_bytes(features.beside(scores).as_bytes())
    return path


def table(folder: Path, n: int) -> Path:
    """The rows of 2016 to 2018, repeated until they are n."""
    path = folder / f"{n}.parquet"
    rows = _rows("employment-2016-2018.parquet", 1)
    with pq.ParquetWriter(path, rows.schema) as writer:
        waiting: list[pa.Table] = []
        for start in range(0, n, rows.num_rows):
            waiting.append(rows.slice(0, min(rows.num_rows, n - start)))
            if sum(each.num_rows for each in waiting) > 1 << 20:  # as large a row group as pyarrow makes by itself
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
    return path


def _rows(name: str, seed: int) -> pa.Table:
    rows = pq.read_table(DATA / name).drop(["id", "year", "employed"])
    for place, column in enumerate(rows.column_names):
        values = rows.column(column).combine_chunks()
        values = values.cast(pa.float64()) if column == "AGEP" else values.cast(pa.string()).dictionary_encode()
        rows = rows.set_column(place, column, values)
    return rows.append_column("score", pa.array(np.random.default_rng(seed).beta(2, 3, rows.num_rows)))


def compare(
    reference: Path, window: Path, n: int, wanted: dict[str, tuple[str, int, tuple[str, ...]]], rounds: int
) -> dict[str, list[dict[str, float]]]:
    """By name what each round measured."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in wanted}
    for _ in range(rounds):
        for name, (program, chunks, needs) in wanted.items():
            try:
                words = [
                    _python_for(needs),
                    "-m",
                    f"tests.benchmarks.monitor.peers.{program}",
                    reference,
                    window,
                    str(chunks),
                    str(n),
                ]
                done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=REPOSITORY)
            except (OSError, subprocess.SubprocessError) as reason:
                told = getattr(reason, "stderr", "") or reason
                print(f"left out: {name}: {str(told).strip().splitlines()[-1:]}", flush=True)
                continue
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    return found


def _python_for(needs: tuple[str, ...]) -> str:
    if not needs:
        return sys.executable
    folder = Path(tempfile.gettempdir()) / "gatewright-benchmark-peers" / needs[0].replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *needs], check=True)
        (folder / "made").touch()
    return str(python)


def tell(found: dict[str, Any]) -> None:
    """Print what was measured, and the demands beside it."""
    measured: dict[str, list[dict[str, float]]] = found["measured"]
    print(f"\n{found['rows']:,} rows of 17 columns\n\n{'':24}{'s':>8}{'s of CPU':>10}{'peak MB':>9}")
    for name, rounds in measured.items():
        if rounds:
            middle = {key: statistics.median(each[key] for each in rounds) for key in ("seconds", "cpu", "peak_mb")}
            print(f"{name:24}{middle['seconds']:8.2f}{middle['cpu']:10.2f}{middle['peak_mb']:9.0f}")
    chunked = f"ours, {CHUNKS} chunks"
    demands = [
        ("times decoding", _ratio(measured, "ours", "decoding"), 3, "most"),
        ("peak MB", max((each["peak_mb"] for each in measured.get("ours", [])), default=float("nan")), 450, "most"),
        ("evidently's preset, times ours", _ratio(measured, "evidently", "ours"), 25, "least"),
        (
            "nannyml by chunks, times ours by chunks",
            _ratio(measured, f"nannyml, {CHUNKS} chunks", chunked),
            15,
            "least",
        ),
    ]
    print()
    for what, value, bound, side in demands:
        if value == value:
            met = value <= bound if side == "most" else value >= bound
            print(f"{what:44}{value:8.2f}  at {side} {bound}: {'met' if met else 'missed'}")
    found["demands"] = [
        {"what": what, "value": value, "bound": bound, "at": side} for what, value, bound, side in demands
    ]


def _ratio(measured: dict[str, list[dict[str, float]]], one: str, other: str) -> float:
    """How many times as much CPU one takes as the other: the median of the rounds' ratios."""
    pairs = zip(measured.get(one, []), measured.get(other, []), strict=False)
    found = [a["cpu"] / b["cpu"] for a, b in pairs]
    return statistics.median(found) if found else float("nan")


if __name__ == "__main__":
    main()
