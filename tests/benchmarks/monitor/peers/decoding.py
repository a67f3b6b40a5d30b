"""The table decoded, and nothing done with it: what any measurement of a file costs at least."""

import sys

import pyarrow.parquet as pq

from tests.benchmarks.monitor.peers.measured import Clock

clock = Clock()
with pq.ParquetFile(sys.argv[2], pre_buffer=False, buffer_size=1 << 20) as file:
    rows = sum(batch.num_rows for batch in file.iter_batches(1 << 17, use_threads=False))
clock.tell(rows=rows)
