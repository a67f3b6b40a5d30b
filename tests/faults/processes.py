"""The processes of a house, started by the test so that it can kill them and start them again at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

from engine.config import Settings
from web.supervisor.children import commands, environment


class Processes:
    """web, worker, clock and scoring on one database."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        self._environment = environment(settings)
        self._commands = {command.name: list(command.arguments) for command in commands(settings)}
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.kills: dict[str, int] = {}
        for name in self._commands:
            self.start(name)
        threading.Thread(target=self._watch, daemon=True).start()

    def start(self, name: str) -> None:
        """Start a process; what it prints goes to its log."""
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._commands[name],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL a process with all that it started, as its supervisor would, and start it again at once."""
        with self._lock:
            self._kill(name)
            self.kills[name] = self.kills.get(name, 0) + 1
            self.start(name)

    def end(self) -> None:
        """Kill them all."""
        self._ended.set()
        with self._lock:
            for name in self._running:
                self._kill(name)

    def _kill(self, name: str) -> None:
        process = self._running[name]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _watch(self) -> None:
        """Start again what ended by itself, as a supervisor does: the database or a port was not there yet."""
        while not self._ended.wait(0.5):
            with self._lock:
                for name, process in list(self._running.items()):
                    if process.poll() is not None and not self._ended.is_set():
                        self.start(name)

    def logged(self) -> str:
        """The last lines of each log, for a test that failed."""
        return "\n".join(
            f"--- {file.name}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-15:])
            for file in sorted(self._logs.glob("*.log"))
        )


class Killer(threading.Thread):
    """Kills one of the named processes at random, again and again."""

    def __init__(self, processes: Processes, names: list[str], kills: int, seed: int, pause: float) -> None:
        super().__init__(name="killer", daemon=True)
        self._processes, self._names, self._kills, self._pause = processes, names, kills, pause
        self._random = random.Random(seed)

    def run(self) -> None:
        for _ in range(self._kills):
            time.sleep(self._random.uniform(0.3, 1.7) * self._pause)
            self._processes.kill(self._random.choice(self._names))
