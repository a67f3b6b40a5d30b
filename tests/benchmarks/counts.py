"""What a report over a window costs from stored counts, whatever the rows: `python -m tests.benchmarks.counts`.

Drift of 17 columns, performance with its intervals, and fairness by two protected columns and their crossing; from the
packed bytes as they lie in the database, in processor time: the database's own is not among it. A window of some weeks
reads 40 spans, one of years that begins and ends at an odd hour 120. Moved: the window's columns lie elsewhere than the
reference's. Continuous: all 17 columns are in 65,536 cells each, the dearest case; drift alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.monitoring import drift, fairness, performance
from engine.statistics import named
from engine.statistics.named import Named, added
from engine.statistics.outcomes import DECLINED, NEGATIVE, POSITIVE, SELECTED, Cases, count
from engine.statistics.tallies import OUTPUT, SCORE, Reference, Tally, refer, total, total_of_packed

AT_ONCE = 100_000
SPANS = 40
MOST_SPANS = 120
RUNS = 20
SIZES = (2, 9, 100, 25, 5, 18, *[4] * 10)


def rows(rng: np.random.Generator, n: int, moved: float = 0.0) -> dict[str, Any]:
    """16 features of 2 to 100 values, and the score; moved: the share of rows that go to each feature's first value."""
    features = {f"f{at}": rng.integers(0, size, n) * (rng.random(n) >= moved) for at, size in enumerate(SIZES)}
    return {**features, OUTPUT: rng.beta(2, 3, n)}


def continuous(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """17 columns of any number."""
    return {f"f{at}": rng.normal(size=n) for at in range(17)}


def outcomes_of(values: dict[str, Any], rng: np.random.Generator) -> Named:
    """Their decisions and truths, without the sums, whose cost does not grow."""
    n, score = len(values[OUTPUT]), values[OUTPUT]
    cases = Cases(
        spans=np.zeros(n, np.int64),
        known=np.where(rng.random(n) < score, POSITIVE, NEGATIVE),
        decided=np.where(score >= 0.5, SELECTED, DECLINED),
        scores=score,
        groups={"f0": (values["f0"], ["0", "1"]), "f1": (values["f1"], [str(code) for code in range(9)])},
    )
    return count(cases)[0]


def milliseconds(act: Callable[[], object]) -> float:
    """The median of so many runs."""
    took = []
    for _ in range(RUNS):
        at = time.process_time()
        act()
        took.append(time.process_time() - at)
    return float(np.median(took)) * 1000


def spread(found: list[Tally], spans: int) -> list[bytes]:
    """So many spans over which the rows are spread: more rows make each of them fuller."""
    parts = min(spans, len(found))
    return [total(found[at::parts], 17).packed() for at in range(parts)]


def drift_of(reference: Reference, packed: list[bytes]) -> float:
    """Milliseconds of one drift report."""
    return milliseconds(lambda: drift.compare(reference, total_of_packed(packed, 17), drift.Bounds()))


def main() -> None:
    rng = np.random.default_rng(1)
    reference = refer(rows(rng, 50_000), fixed=[SCORE])
    print(f"{'':34} {'drift':>8} {'performance':>12} {'fairness':>9} {'together':>9}   ms, median of {RUNS}")
    for n, spans, moved in (
        (100_000, SPANS, 0.0),
        (10_000_000, SPANS, 0.0),
        (10_000_000, SPANS, 0.2),
        (12_000_000, MOST_SPANS, 0.0),
    ):
        tallies: list[Tally] = []
        truths: list[Named] = []
        for _ in range(n // AT_ONCE):
            values = rows(rng, AT_ONCE, moved)
            tallies.append(reference.tallies(values, [0] * AT_ONCE)[0])
            truths.append(outcomes_of(values, rng))
        packed = spread(tallies, spans)
        packed_truths = [added(truths[at :: len(packed)]).packed() for at in range(len(packed))]
        counts = named.total_of_packed(packed_truths)
        took = [
            drift_of(reference, packed),
            milliseconds(lambda given=packed_truths: performance.of_scores(named.total_of_packed(given))),
            milliseconds(lambda given=counts: fairness.groups(given, {"f0": "0", "f1": "0"})),
        ]
        name = f"{n:,} rows, {len(packed)} spans{', moved' if moved else ''}"
        print(f"{name:34} {took[0]:>8.2f} {took[1]:>12.2f} {took[2]:>9.2f} {sum(took):>9.2f}", flush=True)
    reference = refer(continuous(rng, 50_000))
    tallies = [reference.tallies(continuous(rng, AT_ONCE), [0] * AT_ONCE)[0] for _ in range(SPANS)]
    name = f"{SPANS * AT_ONCE:,} rows, {SPANS} spans, continuous"
    print(f"{name:34} {drift_of(reference, spread(tallies, SPANS)):>8.2f}")


if __name__ == "__main__":
    main()
