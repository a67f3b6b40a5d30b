"""What a report over a window costs from stored counts, whatever the rows: `python -m tests.benchmarks.counts`.

Drift of 17 columns, performance with its intervals, and fairness by two protected columns and their crossing; from the
packed bytes as they lie in the database, in processor time: the database's own is not among it.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from engine.monitoring import drift, fairness, performance
from engine.statistics.named import Named, added
from engine.statistics.outcomes import DECLINED, NEGATIVE, POSITIVE, SELECTED, Cases, count
from engine.statistics.tallies import OUTPUT, SCORE, Tally, refer, total

AT_ONCE = 100_000
SPANS = 40  #: what a window of some weeks reads
RUNS = 20


def rows(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """16 features of 2 to 100 values, and the score."""
    features = {f"f{at}": rng.integers(0, size, n) for at, size in enumerate([2, 9, 100, 25, 5, 18] + [4] * 10)}
    return {**features, OUTPUT: rng.beta(2, 3, n)}


def outcomes_of(values: dict[str, Any], rng: np.random.Generator) -> Named:
    """Their decisions and truths, without the sums, whose cost does not grow."""
    n, score = len(values[OUTPUT]), values[OUTPUT]
    cases = Cases(
        spans=np.zeros(n, np.int64),
        known=np.where(rng.random(n) < score, POSITIVE, NEGATIVE),
        decided=np.where(score >= 0.5, SELECTED, DECLINED),
        scores=score,
        groups={"f0": (values["f0"], ["0", "1"]), "f1": (values["f1"], [str(code) for code in range(9)])},
        sums=[()] * n,
    )
    return count(cases)[0]


def main() -> None:
    rng = np.random.default_rng(1)
    reference = refer(rows(rng, 50_000), fixed=[SCORE])
    print(f"{'rows':>12} {'drift':>10} {'performance':>12} {'fairness':>10} {'together':>10}   ms, median of {RUNS}")
    for n in (100_000, 10_000_000):
        tallies: list[Tally] = []
        truths: list[Named] = []
        for _ in range(n // AT_ONCE):
            values = rows(rng, AT_ONCE)
            tallies.append(reference.tallies(values, [0] * AT_ONCE)[0])
            truths.append(outcomes_of(values, rng))
        # A window of so many spans: the rows are spread over them, so that more rows make each of them fuller.
        parts = min(SPANS, len(tallies))
        packed = [(total(tallies[at::parts], 17).packed(), added(truths[at::parts]).packed()) for at in range(parts)]
        took: dict[str, list[float]] = {"drift": [], "performance": [], "fairness": []}
        for _ in range(RUNS):
            at = time.process_time()
            window = total([Tally.unpacked(each) for each, _ in packed], 17)
            drift.compare(reference, window, drift.Bounds())
            took["drift"].append(time.process_time() - at)
            at = time.process_time()
            counts = added([Named.unpacked(each) for _, each in packed])
            performance.of_scores(counts)
            took["performance"].append(time.process_time() - at)
            at = time.process_time()
            fairness.groups(counts, {"f0": "0", "f1": "0"})
            took["fairness"].append(time.process_time() - at)
        each_ms = [float(np.median(took[name])) * 1000 for name in took]
        print(f"{n:>12,} {each_ms[0]:>10.2f} {each_ms[1]:>12.2f} {each_ms[2]:>10.2f} {sum(each_ms):>10.2f}")


if __name__ == "__main__":
    main()
