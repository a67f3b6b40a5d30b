"""Tables counted by whole arrays: the same counts as value by value, whatever the type, the file and its parts."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.monitoring import exact, scans
from engine.monitoring.batches import Counting
from engine.monitoring.drift import Bounds, compare
from engine.statistics.columns import Column, fit
from engine.statistics.tallies import Reference, refer
from engine.training.frames import TableRefused

WHOLE = (pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.int64(), pa.uint64())
COLUMNS = (
    fit("codes", [1, 2, 3, 250])[0],
    fit("halves", [0.5, 1.0, -2.0])[0],
    fit("texts", ["a", "b", "7"])[0],
    fit("mixed", ["a", "a", "b", 4])[0],
    fit("cells", np.linspace(-3, 1e6, 1000))[0],
    Column(name="score", low=0.0, high=1.0, cells=65_536, bits=40),
)


def small(kind: pa.DataType) -> st.SearchStrategy[int]:
    """Numbers that the type holds, the small ones often."""
    info = np.iinfo(kind.to_pandas_dtype())
    return st.integers(max(info.min, -5), 5) | st.integers(int(info.min), int(info.max))


arrays = st.one_of(
    *(st.lists(st.none() | small(kind), max_size=30).map(lambda v, k=kind: pa.array(v, k)) for kind in WHOLE),
    st.lists(st.none() | st.floats() | st.sampled_from([0.5, 1.0, 2.0, 1e6]), max_size=30).map(
        lambda v: pa.array(v, pa.float64())
    ),
    st.lists(st.none() | st.floats(width=32), max_size=30).map(lambda v: pa.array(v, pa.float32())),
    st.lists(st.none() | st.booleans(), max_size=30).map(lambda v: pa.array(v, pa.bool_())),
    st.lists(st.none() | st.sampled_from(["a", "b", "7", "other", ""]), max_size=30).map(
        lambda v: pa.array(v, pa.string())
    ),
    st.lists(st.none() | st.sampled_from(["a", "b"]), max_size=30).map(
        lambda v: pa.array(v, pa.string()).dictionary_encode()
    ),
    st.lists(st.none() | st.dates(), max_size=5).map(lambda v: pa.array(v, pa.date32())),
    st.lists(st.none() | st.decimals(-9, 9, places=2), max_size=5).map(lambda v: pa.array(v, pa.decimal128(9, 2))),
)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
@settings(max_examples=60, deadline=None)
@given(arrays, arrays)
@example(pa.array([2**63, 2**64 - 1], pa.uint64()), pa.array([1.7e308, 5e-324, -0.0], pa.float64()))
def test_an_array_is_counted_as_its_values_are(column: Column, one: pa.Array, other: pa.Array) -> None:
    """Numbers, texts, nulls, nan, infinity, dictionaries; a date or a decimal is of another type."""
    counting = Counting(column)
    counting.add(one)
    counting.add(other)
    values = [column.count(each.to_pylist()) for each in (one, other)]
    assert counting.counts() == values[0] + values[1]


def rows(n: int, seed: int = 0, **changed: Any) -> pa.Table:
    """A table of five columns."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "age": rng.integers(17, 90, n).astype(np.int8),
            "income": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(10, 1, n)),
            "degree": rng.choice(["none", "BSc", "MSc"], n).tolist(),
            "score": rng.beta(2, 3, n),
            **changed,
        }
    )


def referred(table: pa.Table) -> Reference:
    """The reference of a table."""
    return refer({name: table.column(name).to_pylist() for name in table.column_names})


def test_a_folder_a_file_and_its_chunks_are_the_same_rows(tmp_path: Path) -> None:
    """Parquet in three files, one CSV, chunks of a thousand: all add up to the tally of the values."""
    table, folder = rows(5_000), tmp_path / "folder"
    reference = referred(rows(3_000, seed=1))
    folder.mkdir()
    for at in range(3):
        pq.write_table(table.slice(at * 2_000, 2_000), folder / f"{at}.parquet", row_group_size=700)
    pyarrow.csv.write_csv(table, tmp_path / "all.csv")
    of_values = reference.tallies({name: table.column(name).to_pylist() for name in reference.names()}, [0] * 5_000)[0]
    for source in (folder, tmp_path / "all.csv"):
        assert scans.count(reference, scans.sources(source)).tally == of_values
    chunks = [each.tally for each in scans.chunks(reference, scans.sources(folder), 1_000)]
    assert [each.rows for each in chunks] == [1_000] * 5
    assert sum((reference.counts("income", each) for each in chunks[1:]), reference.counts("income", chunks[0])) == (
        reference.counts("income", of_values)
    )
    assert [each.tally.rows for each in scans.chunks(reference, scans.sources(folder), 4_999)] == [4_999, 1]


def test_columns_that_lack_and_further_ones_are_named(tmp_path: Path) -> None:
    """Nothing is said of a column that is not there; the output may have another name."""
    table = rows(400).drop(["income"]).append_column("colour", pa.array(["red"] * 400))
    pq.write_table(table, tmp_path / "one.parquet")
    reference = referred(rows(3_000, seed=1).rename_columns(["age", "income", "degree", "(output)"]))
    found = scans.count(reference, scans.sources(tmp_path / "one.parquet"), named={"(output)": "score"})
    assert (found.absent, found.further, found.tally.rows) == (("income",), ("colour",), 400)
    states = {each.name: each.state for each in compare(found.reference, found.tally, Bounds())}
    assert states == {"age": "healthy", "degree": "healthy", "(output)": "healthy"}
    with pytest.raises(scans.NothingToCount, match=r"one\.parquet holds none"):
        scans.count(referred(pa.table({"x": [1]})), scans.sources(tmp_path / "one.parquet"))


@pytest.mark.parametrize("content", [b"", b"PAR1 cut off", b"a,b\n1,2,3\n", b"\xff\xfe\x00,\x00"])
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.csv").write_bytes(content)
    with pytest.raises(TableRefused, match=r"broken\.csv"):
        scans.count(referred(rows(10)), scans.sources(tmp_path / "broken.csv"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(scans.NoTables):
        scans.sources(tmp_path / "empty")


def test_a_file_that_is_cut_or_spoilt_inside_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "spoilt.parquet"
    pq.write_table(rows(20_000), path)
    content = bytearray(path.read_bytes())
    content[100:4_000] = bytes(3_900)
    path.write_bytes(content)
    with pytest.raises(TableRefused, match=r"spoilt\.parquet"):
        scans.count(referred(rows(100)), scans.sources(path))


def test_an_upload_of_one_value_repeated_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    with pq.ParquetWriter(path, pa.schema([("age", pa.int8())])) as writer:
        for _ in range(13):
            writer.write_table(pa.table({"age": pa.repeat(pa.scalar(1, pa.int8()), 10_000_000)}))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(TableRefused, match="at most 128,000,000"):
        scans.refuse_large(scans.sources(path))


def test_the_exact_form_is_scipys_and_the_cells_lie_within_the_bound_they_print(tmp_path: Path) -> None:
    """A skewed column, where half of the rows share a few cells: the bound is then worth reading."""
    rng = np.random.default_rng(2)
    before, now = rng.lognormal(0, 3, 4_000), rng.lognormal(0.1, 3, 6_000)
    for name, values in (("before", before), ("now", now)):
        pq.write_table(pa.table({"x": values}), tmp_path / f"{name}.parquet")
    tables = [scans.sources(tmp_path / f"{name}.parquet") for name in ("before", "now")]
    reference = refer({"x": before})
    (of_values,) = exact.distances(reference, *tables)
    theirs = scipy.stats.ks_2samp(before, now, method="asymp")
    assert of_values.kolmogorov_smirnov.value == pytest.approx(theirs.statistic, rel=1e-9)
    assert of_values.p == pytest.approx(theirs.pvalue, abs=0.03)  # the limit law's stated error
    assert of_values.wasserstein.value == pytest.approx(scipy.stats.wasserstein_distance(before, now), rel=1e-9)
    scan = scans.count(reference, tables[1])
    (of_cells,) = compare(scan.reference, scan.tally, Bounds())
    assert of_cells.error > 0.1
    assert of_cells.effect.value <= of_values.kolmogorov_smirnov.value <= of_cells.effect.value + of_cells.error


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_no_sample_leaves_the_bound(before: list[float], now: list[float]) -> None:
    column = Column(name="x", high=1.0, cells=4, bits=30)
    reference = Reference(columns=(column,), tally=refer({"x": before}, fixed=(column,)).tally)
    tally = reference.tallies({"x": now}, [0] * len(now))[0]
    (found,) = compare(reference, tally, Bounds())
    truth = scipy.stats.ks_2samp(before, now, method="asymp").statistic
    assert found.effect.value - 1e-12 <= truth <= found.effect.value + found.error + 1e-12


MEMORY = """
import json, sys
from pathlib import Path
from engine.monitoring import scans
from engine.monitoring.drift import Bounds, compare
from engine.statistics.tallies import Reference
reference = Reference.from_bytes(Path(sys.argv[1]).read_bytes())
found = scans.count(reference, scans.sources(Path(sys.argv[2])))
compare(found.reference, found.tally, Bounds())
# Of this program alone: what getrusage tells begins with the memory of whoever started it.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([found.tally.rows, int(peak.split()[1]) / 1024]))
"""


def _peak(tmp_path: Path, times: int) -> tuple[int, float]:
    """(rows, peak of memory in MB) of a process that measures 17 columns of that many times 200,000 rows."""
    rng = np.random.default_rng(3)
    n = 200_000
    columns = {f"c{at}": rng.integers(0, at + 2, n).astype(np.int16) for at in range(16)}
    table = pa.table({**columns, "score": rng.random(n)})
    (tmp_path / "reference").write_bytes(
        refer({name: table[name].to_numpy() for name in table.column_names}).as_bytes()
    )
    with pq.ParquetWriter(tmp_path / "rows.parquet", table.schema) as writer:
        for _ in range(times):
            writer.write_table(table)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path / "reference", tmp_path / "rows.parquet"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    found: tuple[int, float] = json.loads(done.stdout)
    return found


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """A fifth of the rows of the long form."""
    assert _peak(tmp_path, 10)[1] < 450


@pytest.mark.long
def test_ten_million_rows_take_at_most_450_mb(tmp_path: Path) -> None:
    rows_counted, peak = _peak(tmp_path, 50)
    assert rows_counted == 10_000_000
    assert peak < 450


def test_dates_and_decimals_of_a_csv_file_are_texts(tmp_path: Path) -> None:
    """A file without types: what reads as a number is one, for a column of numbers; else it is a text."""
    table = pa.table({"age": ["1", "x", None], "when": [dt.date(2026, 1, 1)] * 3, "sum": [Decimal("1.5")] * 3})
    pyarrow.csv.write_csv(table, tmp_path / "a.csv")
    reference = referred(pa.table({"age": [1, 2], "when": ["2026-01-01", "b"], "sum": [1.5, 2.5]}))
    tally = scans.count(reference, scans.sources(tmp_path / "a.csv")).tally
    assert [reference.counts(name, tally).groups.tolist() for name in reference.names()] == [
        [1, 0, 1, 0, 1],
        [3, 0, 0, 0, 0],
        [3, 0, 0, 0, 0],
    ]
