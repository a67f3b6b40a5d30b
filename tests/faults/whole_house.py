"""A whole house as `gatewright up` runs it, with its own database, every process of which can be killed."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import IO

from engine.config import Settings
from engine.store.postgres import EmbeddedPostgres
from tests.conftest import place
from tests.faults import plugin
from tests.faults.recorder import Recorder
from tests.ports import free_port
from web.supervisor import HouseNotRunning, ask
from web.supervisor.children import environment

#: what is killed: the processes of the house, the process that owns them, and the database
KINDS = ("worker", "clock", "web", "scoring", "owner", "database")


def own_place() -> tuple[Path, IO[str]]:
    """A folder for a database that no other test session clears away while its owner is dead, and what guards it.

    Those of sessions that were killed are removed first: nobody holds their lock any more.
    """
    near = place().parent
    near.mkdir(parents=True, exist_ok=True)
    for left in near.glob("faults-*.lock"):
        with left.open() as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left.with_suffix(""), ignore_errors=True)
            left.unlink(missing_ok=True)
    folder = near / place().name.replace("tests-", "faults-")
    guard = folder.with_suffix(".lock").open("w")
    fcntl.flock(guard, fcntl.LOCK_EX)
    return folder, guard


class WholeHouse:
    """`gatewright up`, started again whenever its owner has ended."""

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        database, self._guard = own_place()
        self.settings = Settings(
            data_dir=folder / "data",
            database_dir=database,
            web_port=free_port(),
            scoring_port=free_port(),
            worker_silent_seconds=3.0,
        )
        python_path = [str(plugin.installed_in(folder / "installed")), os.environ.get("PYTHONPATH", "")]
        self._environment = {
            **environment(self.settings),
            plugin.RECORDER: recorder.address,
            "PYTHONPATH": os.pathsep.join(filter(None, python_path)),
        }
        self._log = folder / "up.log"
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.kills: Counter[str] = Counter()
        self._owner = self._start()
        threading.Thread(target=self._watch, name="whole house", daemon=True).start()

    @property
    def database(self) -> EmbeddedPostgres:
        """Names the database's addresses; runs nothing."""
        return EmbeddedPostgres.of(self.settings)

    def until_ready(self, seconds: float = 120) -> None:
        """Wait until every process takes work."""
        ends = time.monotonic() + seconds
        while self._status().get("phase") != "running":
            assert time.monotonic() < ends, self.logged()
            time.sleep(0.1)

    def kill(self, kind: str) -> bool:
        """SIGKILL this process, and nothing else; False where it does not live just now."""
        with self._lock:
            pid = self._pid(kind)
            if pid is None:
                return False
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.kills[kind] += 1
            return True

    def end(self) -> int:
        """SIGTERM to the owner; returns its exit code once all is ended and removed."""
        self._ended.set()
        with self._lock:
            self._owner.send_signal(signal.SIGTERM)
            try:
                code = self._owner.wait(90)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(self._owner.pid, signal.SIGKILL)
                shutil.rmtree(self.database.folder, ignore_errors=True)
                Path(self._guard.name).unlink(missing_ok=True)
                self._guard.close()
        return code

    def logged(self) -> str:
        """The last lines of each log, for a test that failed."""
        logs = [self._log, *sorted((self.settings.home / "logs").glob("*.log"))]
        return "\n".join(
            f"--- {file.name}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-20:])
            for file in logs
            if file.exists()
        )

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "web.cli", "up"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            with self._lock:
                if self._owner.poll() is not None and not self._ended.is_set():
                    self._owner = self._start()

    def _pid(self, kind: str) -> int | None:
        if kind == "owner":
            return self._owner.pid if self._owner.poll() is None else None
        status = self._status()
        if kind == "database":
            return status.get("database", {}).get("pid")
        return next((each["pid"] for each in status.get("processes", []) if each["name"] == kind), None)

    def _status(self) -> dict:
        try:
            return ask(self.settings, "status", seconds=2)
        except HouseNotRunning:
            return {}


class Kills(threading.Thread):
    """Kills what lives, at random moments, until so many have been killed."""

    def __init__(self, house: WholeHouse, kinds: list[str], seed: int, pause: float) -> None:
        super().__init__(name="kills", daemon=True)
        self._house, self._kinds, self._pause = house, kinds, pause
        self._random = random.Random(seed)

    def run(self) -> None:
        for kind in self._kinds:
            time.sleep(self._random.uniform(0.2, 1.8) * self._pause)
            ends = time.monotonic() + 120
            while not self._house.kill(kind) and time.monotonic() < ends:
                time.sleep(0.1)
