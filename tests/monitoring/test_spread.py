"""Beyond one machine: a real cluster of two workers counts what one process counts."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine.monitoring import scans, spread
from tests.monitoring.test_scans import referred, rows


def test_two_workers_count_what_one_process_counts(tmp_path: Path) -> None:
    """Processes of their own; four files, one of which lacks a column."""
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    table = rows(8_000)
    for at in range(4):
        part = table.slice(at * 2_000, 2_000)
        pq.write_table(part.drop(["degree"]) if at == 3 else part, tmp_path / f"{at}.parquet")
    reference, tables = referred(rows(3_000, seed=1)), scans.sources(tmp_path)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=str(tmp_path / "work")
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = spread.count(client, reference, tables)
    alone = scans.count(reference, tables)
    assert found.tally == alone.tally
    assert (found.tally.rows, found.files, found.absent) == (8_000, 4, alone.absent)
