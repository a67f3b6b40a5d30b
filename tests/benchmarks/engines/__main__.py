"""Process P in this engine and in others, in one interleaved run on one server; and our tables when they are large.

    python -m tests.benchmarks.engines [--json FILE] [--rounds 5] [--only NAME] [--large [1000000]]

P: start, service task, user task completed at once, exclusive gateway, service task, end. Ours keeps full history and
audit. Each round asks every engine in turn, so that what else the machine does meets all of them; a ratio is the
median of the rounds' ratios. CPU is that of the engine's processes and of the server's sessions. The other engines are
installed into environments of their own below the system's temporary folder; one that cannot be is left out and said.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from engine.config import Settings
from engine.runtime import wakeups
from engine.store import Store, migrations, open_store
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres, default_folder
from tests.benchmarks.engines import large, running
from tests.benchmarks.engines.running import Engine, Measured, Running
from tests.runtime import worlds as w

SPIFF, MEMORY, OURS, JOBS = "SpiffWorkflow, in memory", "ours, in memory", "ours", "ours, job handlers"
DBOS, VIEWFLOW, PREFECT = "DBOS", "viewflow", "Prefect"

ENGINES = (
    Engine(name=SPIFF, module="with_spiffworkflow", loads={1: (400, 1)}),
    Engine(name=MEMORY, module="gatewright_memory", loads={1: (400, 1)}),
    Engine(name=OURS, module="gatewright", loads={1: (100, 1), 8: (200, 2)}, ours=True),
    Engine(name=JOBS, module="gatewright_jobs", loads={1: (30, 1), 8: (80, 1)}, ours=True),
    Engine(name=DBOS, module="with_dbos", loads={1: (40, 1), 8: (80, 2)}, needs=("dbos==3.4.0",)),
    Engine(
        name=VIEWFLOW,
        module="with_viewflow",
        loads={1: (40, 1), 8: (80, 2)},
        needs=("django-viewflow==2.4.0", "psycopg[binary]>=3.2"),
    ),
    Engine(name=PREFECT, module="with_prefect", loads={1: (2, 1)}, needs=("prefect==3.9.1",)),
)
FAST_DISK = 2_000  #: one-row commits a second, from which on the demands against in-memory hold


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write everything that was measured into this file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", default=[], help="engines to run, by a part of their names")
    parser.add_argument("--large", type=int, nargs="?", const=1_000_000, help="finished instances to load and compare")
    given = parser.parse_args()
    folder = default_folder(Path(f"benchmark-{os.getpid()}-{secrets.token_hex(4)}"))
    server = EmbeddedPostgres(folder)
    server.start()
    data = Path(tempfile.mkdtemp(prefix="gatewright-benchmark-"))
    try:
        migrations.upgrade(server.url("owner"), application=APPLICATION, eraser=ERASER)
        house = open_store(Settings(data_dir=data, database_url=SecretStr(server.url("application"))))
        w.given_a_published(house, w.process_p())
        w.given_a_published(house, w.process_p("process_p_jobs", handler="work_for_tests"))
        found: dict[str, Any] = {"machine": f"{os.cpu_count()} cores", "server": running.shown(server)}
        print(", ".join(f"{name} {value}" for name, value in found["server"].items()), flush=True)
        wanted = [each for each in ENGINES if not given.only or any(part in each.name for part in given.only)]
        found["engines"], found["commits_a_second"] = compare(server, wanted, given.rounds)
        tell(found)
        if given.large is not None:
            found["large"] = large.compare(server, house, given.large)
        if given.json:
            given.json.write_text(json.dumps(found, indent=2))
        close(house)
    finally:
        server.stop()
        shutil.rmtree(folder)
        shutil.rmtree(data)


def close(house: Store) -> None:
    """Give back what the house holds."""
    wakeups.close()
    house.close()


def compare(
    server: EmbeddedPostgres, engines: list[Engine], rounds: int
) -> tuple[dict[str, dict[int, list[Measured]]], list[float]]:
    """By engine and number of clients what each round measured, and each round's one-row commits a second."""
    found: dict[str, dict[int, list[Measured]]] = {}
    commits: list[float] = []
    with ExitStack() as stack:
        ready: list[Running] = []
        for engine in engines:
            try:
                url = server.url("application") if engine.ours else database(server, engine)
                ready.append(stack.enter_context(running.running(engine, url)))
            except (OSError, RuntimeError, running.subprocess.SubprocessError) as reason:
                print(f"left out: {engine.name}: {reason}", flush=True)
                continue
            found[engine.name] = {clients: [] for clients in engine.loads}
            for clients in engine.loads:
                ready[-1].round(clients, server, part=0.5)  # until caches are full and statements prepared
        for _ in range(rounds):
            commits.append(running.commits_a_second(server))
            for each in ready:
                for clients in each.engine.loads:
                    found[each.engine.name][clients].append(each.round(clients, server))
    return found, commits


def database(server: EmbeddedPostgres, engine: Engine) -> str:
    """The URL of a new database for another engine, on the same server and disk."""
    name = engine.module
    with psycopg.connect(server.url("admin", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.url("admin", name)


def tell(found: dict[str, Any]) -> None:
    """Print what was measured, and the demands beside it."""
    engines: dict[str, dict[int, list[Measured]]] = found["engines"]
    commits = statistics.median(found["commits_a_second"])
    print(f"\none-row commits: {commits:,.0f} a second (median of {len(found['commits_a_second'])} rounds)\n")
    print(f"{'engine':28}{'clients':>8}{'P a second':>12}{'ms CPU a P':>12}{'of it its own':>15}{'in memory = 1/':>16}")
    for name, loads in engines.items():
        for clients, rounds in loads.items():
            behind = ratio(engines, SPIFF, 1, name, clients)
            print(
                f"{name:28}{clients:8}{middle(rounds, 'per_second'):12,.1f}{middle(rounds, 'cpu'):12.2f}"
                f"{middle(rounds, 'own_cpu'):15.2f}{behind:16.1f}"
            )
    demands = [
        ("one client, in memory is at most 10 times as fast", ratio(engines, SPIFF, 1, OURS, 1), 10, "most"),
        ("eight clients, in memory is at most 6 times as fast", ratio(engines, SPIFF, 1, OURS, 8), 6, "most"),
        ("one client, times DBOS", ratio(engines, OURS, 1, DBOS, 1), 3, "least"),
        ("eight clients, times DBOS", ratio(engines, OURS, 8, DBOS, 8), 3, "least"),
        ("job handlers, one client, times DBOS", ratio(engines, JOBS, 1, DBOS, 1), 1, "least"),
        ("job handlers, eight clients, times DBOS", ratio(engines, JOBS, 8, DBOS, 8), 1, "least"),
        ("ms CPU a P", middle(engines.get(OURS, {}).get(1, []), "cpu"), 5, "most"),
    ]
    print()
    for what, value, bound, side in demands:
        met = value <= bound if side == "most" else value >= bound
        said = "met" if met else "missed"
        if "in memory" in what and commits < FAST_DISK:
            said += f" (asked for from {FAST_DISK:,} commits a second on)"
        print(f"{what:56}{value:8.2f}  at {side} {bound}: {said if value == value else 'not measured'}")
    found["demands"] = [
        {"what": what, "value": value, "bound": bound, "at": side} for what, value, bound, side in demands
    ]
    found["engines"] = {
        name: {clients: [[m.per_second, m.cpu, m.own_cpu] for m in rounds] for clients, rounds in loads.items()}
        for name, loads in engines.items()
    }


def middle(rounds: list[Measured], name: str) -> float:
    """The median over the rounds; nan where there is none."""
    return statistics.median(getattr(each, name) for each in rounds) if rounds else float("nan")


def ratio(
    engines: dict[str, dict[int, list[Measured]]], one: str, clients: int, other: str, other_clients: int
) -> float:
    """How many times as fast one is as the other: the median of the rounds' ratios."""
    pairs = zip(engines.get(one, {}).get(clients, []), engines.get(other, {}).get(other_clients, []), strict=False)
    found = [a.per_second / b.per_second for a, b in pairs]
    return statistics.median(found) if found else float("nan")


if __name__ == "__main__":
    main()
