"""A limit holds over several workers that are killed at work, and nothing is left in line."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from engine.runtime import instances, limiting, lines, worker
from engine.runtime.limits import Limits
from engine.runtime.tables import JobRow
from engine.store import Store, transaction
from tests.runtime import worlds as w
from tests.runtime.test_lines import a_process

#: works for a moment and writes when it began and when it ended
_WORKER = """
import os, sys, time
from engine.config import Settings
from engine.runtime import worker
from engine.store import open_store
import tests.runtime.worlds as w
from tests.runtime import test_lines
def asked(name):
    if name == "few":
        with open(sys.argv[1], "a") as recorder:
            recorder.write(f"began {os.getpid()} {time.monotonic()}\\n"); recorder.flush()
            time.sleep(0.1)
            recorder.write(f"ended {os.getpid()} {time.monotonic()}\\n")
w.RECORDER.asked = asked
worker.run(open_store(Settings.load(), application="worker"), concurrency=3)
"""


@pytest.mark.long  # its short form: tests/runtime/test_lines.py, with threads instead of processes that are killed
@pytest.mark.parametrize(("jobs", "kills"), [(12, 1), (200, 40)])
@pytest.mark.timeout(1800)
def test_a_limit_holds_over_workers_that_are_killed(store: Store, tmp_path: Path, jobs: int, kills: int) -> None:
    limiting.set_limits(store, w.BEN, "few_for_tests", Limits(concurrency=2), "one licence each")
    w.given_a_published(store, a_process("few_for_tests"))
    for n in range(jobs):
        instances.start(store, w.ADA, "one_step", f"m{n}")
    recorder = tmp_path / "recorder"
    environment = {
        **os.environ,
        "GATEWRIGHT_DATABASE_URL": store.settings.database_url.get_secret_value(),
        "GATEWRIGHT_DATA_DIR": str(store.settings.home),
        "GATEWRIGHT_WORKER_SILENT_SECONDS": "3",
    }

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", _WORKER, str(recorder)], env=environment)

    workers, killed = [start(), start()], []
    try:
        done, moved = 0, time.monotonic()
        while (found := states(store)).keys() != {"done"}:
            if found.get("done", 0) > done:
                done, moved = found["done"], time.monotonic()
            # However slow the machine is, somebody gets on.
            assert time.monotonic() - moved < 90, found
            worker.rescue_stalled(store, silent_seconds=3)
            lines.advance(store)
            assert at_work(store) <= 2
            began = [each for each in told(recorder) if each[0] == "began"]
            if len(killed) < kills and len(began) > (len(killed) + 1) * jobs / (kills + 1) / 2:
                one = random.choice(workers)
                one.send_signal(signal.SIGKILL)
                killed.append(one.pid)
                workers[workers.index(one)] = start()
            time.sleep(0.2)
    finally:
        for each in workers:
            each.kill()
            each.wait()
    assert len(killed) == kills
    assert overlap(recorder, killed) <= 2
    with transaction(store) as session:
        assert session.scalars(select(JobRow).where(JobRow.held_since.is_not(None))).all() == []


def states(store: Store) -> dict[str, int]:
    """State -> how many jobs are in it."""
    with transaction(store) as session:
        return Counter(session.scalars(select(JobRow.state)))


def at_work(store: Store) -> int:
    with transaction(store) as session:
        running: list[UUID] = list(session.scalars(select(JobRow.task).where(JobRow.state == "running")))
    return len(running)


def told(recorder: Path) -> list[tuple[str, int, float]]:
    """(began or ended, process, moment), in order."""
    lines_ = recorder.read_text().splitlines() if recorder.exists() else []
    found = [each.split() for each in lines_ if len(each.split()) == 3]
    return sorted(((what, int(pid), float(at)) for what, pid, at in found), key=lambda each: each[2])


def overlap(recorder: Path, killed: list[int]) -> int:
    """How many were at work at once; what a killed process began and never ended stopped with it."""
    ended = {pid: sum(1 for what, each, _ in told(recorder) if each == pid and what == "ended") for pid in killed}
    most, now = 0, 0
    for what, pid, _ in told(recorder):
        if what == "began":
            if pid in ended:
                if ended[pid] == 0:
                    continue
                ended[pid] -= 1
            now += 1
        else:
            now -= 1
        most = max(most, now)
    return most
