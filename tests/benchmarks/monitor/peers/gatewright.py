"""Ours: the reference as it is stored with a version, the table from its file; whole, or chunk by chunk.

Each column: PSI, Jensen-Shannon, total variation, missing, unseen and out of range; Kolmogorov-Smirnov and Wasserstein
of numbers in cells, chi-square of codes; each with its interval, and p after Benjamini-Hochberg.
"""

import sys
from pathlib import Path

from engine.monitoring import scans
from engine.monitoring.drift import Bounds, compare
from engine.statistics.jensen_shannon import jensen_shannon
from engine.statistics.tallies import Reference
from engine.statistics.total_variation import total_variation
from engine.statistics.wasserstein import wasserstein
from tests.benchmarks.monitor.peers.measured import Clock


def measure(scan):
    """How many columns moved."""
    reference = scan.reference
    before, now = reference.coarse.before, reference.coarse.of(scan.tally.places, scan.tally.times)
    for at, column in enumerate(reference.columns):
        jensen_shannon(before[at], now[at])
        total_variation(before[at], now[at])
        if column.cells:
            edges = column.edges()
            cells = [reference.counts(column.name, each).groups[1:-3] for each in (None, scan.tally)]
            wasserstein(*cells, (edges[1:] + edges[:-1]) / 2)
    return sum(each.state != "healthy" for each in compare(scan.reference, scan.tally, Bounds()))


reference = Reference.from_bytes(Path(sys.argv[1]).with_suffix(".counts").read_bytes())
chunks = int(sys.argv[3])
table = scans.sources(Path(sys.argv[2]))
measure(scans.count(reference, scans.sources(Path(sys.argv[1]))))  # imports and first calls, as those of the others
clock = Clock()
if chunks:
    moved = [measure(each) for each in scans.chunks(reference, table, -(-int(sys.argv[4]) // chunks))]
    clock.tell(chunks=len(moved), moved=sum(moved))
else:
    clock.tell(moved=measure(scans.count(reference, table)))
