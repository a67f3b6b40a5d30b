"""The whole demo while its processes are killed at random: it comes to the same end, and says so honestly."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine.config import Settings
from tests.demo.running import command, database_of, surroundings
from web.supervisor import NAMES, HouseNotRunning, ask


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty folder; the database of a demo in it is removed afterwards."""
    yield tmp_path
    shutil.rmtree(database_of(tmp_path), ignore_errors=True)


class Kills(threading.Thread):
    """Kills a process of the demo's house every few seconds, until it is told to stop."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(name="kills", daemon=True)
        self._settings = Settings(data_dir=folder / ".gatewright-demo")
        self._random = random.Random(seed)
        self.over = threading.Event()
        self.kills: Counter[str] = Counter()

    def run(self) -> None:
        while not self.over.wait(self._random.uniform(2, 12)):
            try:
                status = ask(self._settings, "status", seconds=2)
            except HouseNotRunning:
                continue
            name = self._random.choice([*NAMES, "database"])
            pids = {each["name"]: each["pid"] for each in status["processes"]} | {"database": status["database"]["pid"]}
            if status["phase"] == "running" and pids[name]:
                with suppress(ProcessLookupError):
                    os.kill(pids[name], signal.SIGKILL)
                    self.kills[name] += 1


def told(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("--no-serve", "--json", "demo.json"),
        cwd=folder,
        env=surroundings(GATEWRIGHT_WORKER_SILENT_SECONDS="3"),
        capture_output=True,
        text=True,
        timeout=3_000,
    )


def predictions(output: str) -> str:
    """The digest of the predictions, as the summary tells it."""
    found = re.search(r"predictions ([0-9a-f]{16})", output)
    assert found, output
    return found[1]


@pytest.mark.long
@pytest.mark.timeout(6_000)
def test_the_demo_comes_to_the_same_end_while_its_processes_are_killed(folder: Path) -> None:
    """Short form: the lives under twelve kills in tests/faults, and the undisturbed demo of this room."""
    calm = folder / "calm"
    calm.mkdir()
    undisturbed = told(calm)
    shutil.rmtree(database_of(calm), ignore_errors=True)
    assert undisturbed.returncode == 0, undisturbed.stdout + undisturbed.stderr
    kills = Kills(folder, seed=int(os.environ.get("GATEWRIGHT_TEST_SEED", "1")))
    kills.start()
    done = told(folder)
    kills.over.set()
    kills.join()
    assert done.returncode == 0, f"{dict(kills.kills)}\n{done.stdout}{done.stderr}"
    assert predictions(done.stdout) == predictions(undisturbed.stdout)
    assert kills.kills.total() >= 5
    report, before = (json.loads((each / "demo.json").read_text()) for each in (folder, calm))
    assert report["audit"]["verified"] is True
    assert report["auc"] == before["auc"]
    assert report["scored"] == before["scored"] == before["logged"]
    # A request whose answer was lost was sent again: logged twice, never not at all.
    assert report["logged"] >= report["scored"]
    print(f"{dict(kills.kills)}: {report['logged'] - report['scored']} rows logged twice, {report['seconds']} s")
