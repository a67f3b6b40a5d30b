"""Whether a thousand models' hourly monitors finish within their hour, and what is found of what was made to move.

    .venv/bin/python -m tests.benchmarks.portfolio [--models 1000] [--workers 2] [--json FILE]

Every model is registered, deployed and has a monitor of its own with a schedule; each run goes the whole way: the
schedule starts an instance of the process `monitoring`, a worker process takes its job, measures, judges and records.
All are due at the same moment. The windows are samples of the census people of 2016, of the ages of the reference; a
tenth of the models has one column shifted, the same one, as by a feed that they share; a twentieth has no rows. Nothing
is extrapolated: every run is made. CPU is that of this process and its workers; PostgreSQL's is told beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pydantic import SecretStr
from sqlalchemy import func, insert, select, update

from engine import handlers
from engine.config import Settings
from engine.handlers import monitoring
from engine.identity import Person
from engine.inferences.tables import PieceRow
from engine.inventory import metadata, models, versions
from engine.monitoring import queries
from engine.monitoring.tables import RunRow
from engine.runtime import definitions, schedules
from engine.runtime.tables import ScheduleRow
from engine.serving import deployments, environments
from engine.statistics.tallies import Reference, refer
from engine.store import Store, migrations, new_id, open_store, transaction
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres, default_folder
from tests.monitoring.census import people
from web import shipped

ADA = Person(id="ada", name="Ada", roles=frozenset({"data_scientist"}))
OPS = Person(id="olga", name="Olga", roles=frozenset({"it_operations", "model_operator"}))
ROWS = 1_000  #: in a window
SHIFTED = "SCHL"
#: different windows; a model takes one of them
SAMPLES = 40


def main() -> None:
    """Set up, run, print."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--models", type=int, default=1_000)
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    with house() as (store, server):
        began = time.monotonic()
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        expected = _given_models(store, given.models, hour)
        print(f"{given.models:,} models stand, after {time.monotonic() - began:.0f} s", flush=True)
        with _workers(store, given.workers) as working:
            found = _run(store, working, server, given.models, hour)
        told = {"models": given.models, "workers": given.workers, **expected, **found, **_seen(store)}
    for name, value in told.items():
        print(f"{name.replace('_', ' '):<34} {value}")
    if given.json:
        given.json.write_text(json.dumps(told, indent=1, default=str) + "\n")


def _given_models(store: Store, n: int, hour: datetime) -> dict[str, int]:
    """Each with a version, a deployment, a monitor, and the counts of the hour before; what is to be found."""
    handlers.load()
    reference, draw = refer(people(2015, 16, 49)), random.Random(7)
    kept = store.files.put(reference.as_bytes())
    quiet, moved = _windows(reference, shifted=False), _windows(reference, shifted=True)
    schema = store.files.put(b'{"type": "object", "properties": {}}')
    with transaction(store) as session:
        definitions.publish_shipped(session, shipped.library())
        environments.define(
            session, OPS, name="production", title="Production", target="local", position=1, promoters=[]
        )
    shifts = {number for number in range(n) if number % 10 == 3}
    silent = {number for number in range(n) if number % 20 == 5}
    for number in range(n):
        id = f"model-{number:04d}"
        with transaction(store) as session:
            declared = {
                "id": id,
                "name": id,
                "kind": "rules",
                "owner": "ada",
                "team": f"team {number % 20}",
                "purpose": "Stands for a model.",
                "affects_people": False,
                "decisions_per_year": 1,
                "monitoring": {"timing": "0 * * * *", "window": "PT1H"},
            }
            models.register(session, ADA, metadata.read(declared))
            made = {"artefact": store.files.put(id.encode()), "input_schema": schema, "reference": kept}
            ref = versions.add(session, ADA, id, made).ref
            asked = deployments.request(
                session, OPS, version=ref, environment="production", instance="i", task="t", key=id
            )
            deployments.went_live(session, asked.id, address="http://127.0.0.1/", person=OPS)
            monitoring.start(session, "worker", id, "production", timezone="UTC")
            if number not in silent:
                tally = draw.choice(moved if number in shifts else quiet)
                session.execute(
                    insert(PieceRow),
                    [
                        {
                            "id": new_id(),
                            "model": id,
                            "version": ref.number,
                            "environment": "production",
                            "reference": kept,
                            "hour": hour - timedelta(hours=1),
                            "rows": ROWS,
                            "tally": tally,
                        }
                    ],
                )
    return {"models_with_a_shift": len(shifts), "models_without_rows": len(silent)}


def _windows(reference: Reference, *, shifted: bool) -> list[bytes]:
    draw, source = np.random.default_rng(11 + shifted), people(2016, 16, 49)
    found = []
    for _ in range(SAMPLES):
        rows = draw.integers(0, len(source["AGEP"]), ROWS)
        window = {name: values[rows] for name, values in source.items()}
        if shifted:
            commonest = np.bincount(window[SHIFTED]).argmax()
            window[SHIFTED] = np.where(draw.random(ROWS) < 0.5, commonest, window[SHIFTED])
        found.append(reference.tallies(window, [0] * ROWS)[0].packed())
    return found


def _run(
    store: Store, working: list[psutil.Process], server: EmbeddedPostgres, n: int, hour: datetime
) -> dict[str, Any]:
    """Make all due at once, start what is due, and wait for the last."""
    with transaction(store) as session:
        session.execute(update(ScheduleRow).where(ScheduleRow.process == "monitoring").values(next_due_at=hour))
    ours = [psutil.Process(), *working]
    databases = _postgres(server)
    before, theirs, began = _cpu(ours), _cpu(databases), time.monotonic()
    started = schedules.fire_due(store)
    fired = time.monotonic() - began
    while (ran := _ran(store)) < started:
        if time.monotonic() - began > 3600:
            break
        time.sleep(0.5)
    wall = time.monotonic() - began
    cpu = _cpu(ours) - before
    return {
        "started": started,
        "measured": ran,
        "all_started_after_s": round(fired, 1),
        "all_finished_after_s": round(wall, 1),
        "within_its_hour": ran == n and wall < 3600,
        "cpu_s": round(cpu, 1),
        "cpu_ms_a_run": round(1000 * cpu / max(ran, 1), 1),
        "postgres_cpu_s": round(_cpu(_postgres(server)) - theirs, 1),
    }


def _ran(store: Store) -> int:
    with transaction(store) as session:
        return session.scalar(select(func.count()).select_from(RunRow).where(RunRow.state == "measured")) or 0


def _seen(store: Store) -> dict[str, Any]:
    """What was found, by cause, with the tests of all models as one family."""
    with transaction(store) as session:
        began = time.monotonic()
        groups = queries.causes(session)
        took = time.monotonic() - began
        watched = queries.monitors(session, limit=10_000).items
        tests = sum(len(p) for p in session.scalars(select(RunRow.p)))
    return {
        "verdicts": dict(Counter(each.monitor.verdict for each in watched)),
        "tests_in_all": tests,
        "causes": {
            each.cause: f"{len(each.models)} models, {each.findings} findings, {each.by_chance} may be chance"
            for each in groups
        },
        "causes_read_in_ms": round(1000 * took, 1),
    }


def _cpu(processes: list[psutil.Process]) -> float:
    found = 0.0
    for each in processes:
        try:
            times = each.cpu_times()
            found += times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return found


def _postgres(server: EmbeddedPostgres) -> list[psutil.Process]:
    pid = int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


@contextmanager
def _workers(store: Store, n: int) -> Iterator[list[psutil.Process]]:
    settings = store.settings
    assert settings.database_url is not None
    known = {
        **os.environ,
        "GATEWRIGHT_DATA_DIR": str(settings.data_dir),
        "GATEWRIGHT_DATABASE_URL": settings.database_url.get_secret_value(),
    }
    command = [sys.executable, "-m", "web.cli", "worker"]
    begun = [
        subprocess.Popen(command, env=known, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for _ in range(n)
    ]
    try:
        yield [psutil.Process(each.pid) for each in begun]
    finally:
        for each in begun:
            each.terminate()
        for each in begun:
            each.wait()


@contextmanager
def house() -> Iterator[tuple[Store, EmbeddedPostgres]]:
    """A store on a PostgreSQL server of its own."""
    with tempfile.TemporaryDirectory() as data:
        folder = default_folder(Path(data))
        server = EmbeddedPostgres(folder)
        server.start()
        try:
            migrations.upgrade(server.url("owner"), application=APPLICATION, eraser=ERASER)
            opened = open_store(
                Settings(data_dir=Path(data), database_url=SecretStr(server.url("application"))), application="clock"
            )
            yield opened, server
            opened.close()
        finally:
            server.stop()
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
