"""nannyml's univariate drift by chunks: KS, Jensen-Shannon, Wasserstein of numbers; chi-square, JS of categories."""

import sys
import warnings

import nannyml
import pandas as pd

from tests.benchmarks.monitor.peers.measured import Clock

warnings.filterwarnings("ignore")
reference = pd.read_parquet(sys.argv[1])
calculator = nannyml.UnivariateDriftCalculator(
    column_names=list(reference.columns),
    continuous_methods=["kolmogorov_smirnov", "jensen_shannon", "wasserstein"],
    categorical_methods=["chi2", "jensen_shannon"],
    chunk_number=int(sys.argv[3]),
).fit(reference)
clock = Clock()
found = calculator.calculate(pd.read_parquet(sys.argv[2]))
clock.tell(chunks=len(found.filter(period="analysis").to_df()))
