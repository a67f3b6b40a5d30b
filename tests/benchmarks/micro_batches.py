"""How many rows a second a monitor of micro-batches keeps up with: `python -m tests.benchmarks.micro_batches`.

On a PostgreSQL of its own, with its durable settings: answered requests of 100 rows and 16 census columns go through
the log, which writes and counts them in groups; a thread does what the clock does, adding counts up each 5 s and
judging the batches that are over each half second. After two thirds of the time the rows come from another
population. Told: rows a second from the first to the last commit, CPU of this process and of the server, the looks,
what one costs, and how long after the change the finding stood. Nothing is scored: `tests.benchmarks.scoring` tells
what that costs.
"""

from __future__ import annotations

import argparse
import itertools
import threading
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psutil

from engine import handlers
from engine.inferences import counts, outcomes
from engine.inferences.inference import Answered
from engine.inferences.log import InferenceLog
from engine.inferences.partitions import ensure_partitions
from engine.inventory.references import VersionRef
from engine.monitoring import micro_batches, monitors, queries
from engine.statistics.tallies import SCORE, refer
from engine.store import Store, new_id, now, transaction
from tests.benchmarks.portfolio import house
from tests.monitoring.census import people
from tests.monitoring.world import given_it_is_live

ROWS = 100  #: in a request


def main() -> None:
    """Run and print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--seconds", type=float, default=30.0)
    asked.add_argument("--batch-rows", type=int, default=2_000)
    given = asked.parse_args()
    handlers.load()
    with house() as (store, server):
        population = people(2015, 16, 49)
        n = len(next(iter(population.values())))
        fitted = refer({**population, SCORE.name: np.random.default_rng(1).beta(2, 3, n)}, fixed=[SCORE])
        ref = given_it_is_live(
            store, fitted, monitoring={"measures": ["drift"], "batch_rows": given.batch_rows, "batch_seconds": 1}
        )
        with transaction(store) as session:
            ensure_partitions(session, now(session))
            monitors.start(session, "worker", ref.model, "production", timezone="UTC")
        clock = Clock(store)
        began, mine, of_server = time.monotonic(), _cpu(psutil.Process()), _cpu_of_server(server)
        clock.start()
        log = InferenceLog(store)
        log.start()
        changed = _answer(log, ref, given.seconds)
        written = log.drain().written
        took = time.monotonic() - began
        clock.end()
        mine, of_server = _cpu(psutil.Process()) - mine, _cpu_of_server(server) - of_server
        with transaction(store) as session:
            hours = micro_batches.hours(session, clock.monitor(session))
            found = queries.findings(session, model=ref.model).items
    print(f"{'rows written, counted and judged':36} {written:,} in {took:.1f} s: {written / took:,.0f} a second")
    print(f"{'CPU a row, ours and the server':36} {mine / written * 1e6:.0f} us and {of_server / written * 1e6:.0f} us")
    looks = [each for each in clock.looks if each[0]]
    print(f"{'looks':36} {sum(each.looks for each in hours)}, {sum(each.rows for each in hours):,} rows seen")
    print(f"{'a look, median of CPU and of clock':36} {np.median([each[1] for each in looks]) * 1e3:.1f} ms, "
          f"{np.median([each[2] for each in looks]) * 1e3:.1f} ms")  # fmt: skip
    early = [each for each in found if each.first_seen.timestamp() < changed]
    later = [each.first_seen.timestamp() - changed for each in found if each.first_seen.timestamp() >= changed]
    print(f"{'findings before anything moved':36} {len(early)}")
    print(f"{'first finding after the change':36} {f'{min(later):.1f} s' if later else 'none'}, {len(later)} in all")


class Clock(threading.Thread):
    """What the clock does of it: counts added up, batches judged."""

    def __init__(self, store: Store) -> None:
        super().__init__(daemon=True)
        self._store, self._ended = store, threading.Event()
        self.looks: list[tuple[int, float, float]] = []  #: (batches judged, CPU, seconds)

    def run(self) -> None:
        """Until `end`."""
        folded = time.monotonic()
        while not self._ended.wait(0.5):
            cpu, at = time.thread_time(), time.monotonic()
            judged = micro_batches.look_at_all(self._store)
            self.looks.append((judged, time.thread_time() - cpu, time.monotonic() - at))
            if time.monotonic() - folded >= 5:
                with transaction(self._store) as session:
                    counts.fold(session)
                    outcomes.fold(session)
                folded = time.monotonic()
        micro_batches.look_at_all(self._store)

    def end(self) -> None:
        """The last look, and no more."""
        self._ended.set()
        self.join()

    def monitor(self, session: Any) -> Any:
        """The one that there is."""
        return monitors.named(session, "employment", "production", "standard").id


def _answer(log: InferenceLog, ref: VersionRef, seconds: float) -> float:
    """Requests as fast as the log takes them; returns when their population changed."""
    before, after = (_requests(ref, people(*which)) for which in ((2016, 16, 49), (2017, 16)))
    began, changed = time.monotonic(), 0.0
    while (passed := time.monotonic() - began) < seconds:
        if not changed and passed > seconds * 2 / 3:
            before, changed = after, time.time()
        request = next(before)
        while not log.offer(request):
            time.sleep(0.005)
    return changed


def _requests(ref: VersionRef, population: Any) -> Any:
    rng, names = np.random.default_rng(2), list(population)
    n = len(population[names[0]])
    given = []
    for _ in range(50):
        chosen = rng.integers(0, n, ROWS)
        columns = [population[name][chosen].tolist() for name in names]
        given.append(([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)], rng.beta(2, 3, ROWS)))
    for inputs, scores in itertools.cycle(given):
        yield Answered(
            request=new_id(),
            logged_at=datetime.now(UTC),
            model=ref.model,
            version=ref.number,
            environment="production",
            deployment=new_id(),
            caller="benchmark",
            latency_us=100,
            ids=[new_id() for _ in range(ROWS)],
            event_times=[None] * ROWS,
            references=[None] * ROWS,
            inputs=inputs,
            scores=scores.tolist(),
            decisions=["yes"] * ROWS,
        )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _cpu_of_server(server: Any) -> float:
    """Of its processes that live, and of those that ended."""
    postmaster = psutil.Process(server.pid)
    ended = postmaster.cpu_times()
    alive = sum(_cpu(each) for each in postmaster.children(recursive=True))
    return float(alive + ended.children_user + ended.children_system)


if __name__ == "__main__":
    main()
