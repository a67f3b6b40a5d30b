"""evidently's DataDriftPreset as it comes: one statistic a column, by its own choice."""

import sys

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

from tests.benchmarks.monitor.peers.measured import Clock

reference = pd.read_parquet(sys.argv[1])
Report([DataDriftPreset()]).run(reference.head(2000), reference.head(2000)).dict()  # imports and first calls
clock = Clock()
found = Report([DataDriftPreset()]).run(pd.read_parquet(sys.argv[2]), reference).dict()
clock.tell(metrics=len(found["metrics"]))
