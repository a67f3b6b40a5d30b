"""The processes of the house: how each is started, told to end, and started again when it has died."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from pydantic import SecretStr

from engine.config import Settings
from web.supervisor import bond

#: names of the house's processes, in the order in which they are started
NAMES = ("scoring", "worker", "clock", "web")

_LOG_LIMIT = 16 << 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
#: a process that lived this long is not in trouble: its next death is answered at once
_SOUND_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a process of the house is, before it runs."""

    name: str
    arguments: Sequence[str]
    address: str = ""  #: where it answers, if it does
    ready_path: str = ""  #: answered with 200 once it takes work


def commands(settings: Settings, *, without: frozenset[str] = frozenset()) -> list[Command]:
    """The processes of a whole house on this machine, less those that run elsewhere."""
    addresses = {
        "web": (f"http://{_shown(settings.web_host)}:{settings.web_port}", "/api/v1/ready"),
        "scoring": (f"http://{_shown(settings.scoring_host)}:{settings.scoring_port}", "/v2/health/ready"),
        "worker": (f"http://{_shown(settings.worker_host)}:{settings.worker_port}", "/ready"),
        "clock": (f"http://{_shown(settings.clock_host)}:{settings.clock_port}", "/ready"),
    }
    found = []
    for name in NAMES:
        if name not in without:
            address, path = addresses[name]
            # -P: the folder we are called in must not lend us its modules.
            arguments = [sys.executable, "-P", "-m", "web.cli", name]
            found.append(Command(name=name, arguments=arguments, address=address, ready_path=path))
    return found


def environment(settings: Settings) -> dict[str, str]:
    """Our environment with the settings written out, so that a child sees exactly these."""
    found = dict(os.environ)
    for name in Settings.model_fields:
        value = getattr(settings, name)
        key = f"GATEWRIGHT_{name.upper()}"
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _written(value)
    found["GATEWRIGHT_DATA_DIR"] = str(settings.home)
    return found


def _written(value: object) -> str:
    """A setting as its variable holds it: one of several values is JSON."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value) if isinstance(value, tuple | list | dict) else str(value)


@dataclass(slots=True)
class Child:
    """A process of the house, alive or to be started again."""

    command: Command
    log: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0  #: how often it ended unasked
    last_exit: int | None = None
    ready: bool = False
    _pause: float = field(default=_FIRST_PAUSE)
    _began: float = 0.0
    _next: float = 0.0

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it; its output goes to the end of its log."""
        self.rotate()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                list(self.command.arguments),
                env={**self.environment, bond.PARENT: str(os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C reaches the supervisor alone, who ends the rest in order.
                start_new_session=True,
            )
        self._began, self.ready = time.monotonic(), False

    def look(self) -> str:
        """Start it again where it has died and its pause is over; returns what there is to tell, or nothing."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self.last_exit, self.deaths = self.process.returncode, self.deaths + 1
            self.kill()  # what it had started would hold its port and its files
            lived, self.process, self.ready = now - self._began, None, False
            self._pause = _FIRST_PAUSE if lived > _SOUND_SECONDS else min(self._pause * 2, _LONGEST_PAUSE)
            self._next = now + self._pause
            how = f"signal {-self.last_exit}" if self.last_exit < 0 else f"exit code {self.last_exit}"
            return f"{self.command.name} ended ({how}); it is started again in {self._pause:.0f} s, see {self.log}"
        if self.process is None and now >= self._next:
            self.start()
        return ""

    def probe(self) -> None:
        """Find out whether it takes work: at its address, or, having none, by living for a second."""
        if self.ready or not self.alive:
            return
        if not self.command.ready_path:
            self.ready = time.monotonic() - self._began > 1
            return
        try:
            with urlopen(self.command.address + self.command.ready_path, timeout=1) as answer:  # noqa: S310 - http, ours
                self.ready = answer.status == 200
        except (URLError, OSError, ValueError):
            self.ready = False

    def health(self) -> dict[str, Any]:
        """What it says of itself now: `status` and its checks; empty where it does not answer, or has no address."""
        if not self.alive or not self.command.ready_path:
            return {}
        try:
            with urlopen(self.command.address + self.command.ready_path, timeout=3) as answer:  # noqa: S310 - http, ours
                told: dict[str, Any] = json.load(answer)
        except HTTPError as refused:
            with refused, suppress(ValueError):
                return dict(json.load(refused))
            return {}
        except (URLError, OSError, ValueError):
            return {}
        return told

    def ask_to_end(self) -> None:
        """SIGTERM: finish what is under way and end."""
        if self.alive and self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within this time."""
        if self.process is None:
            return True
        try:
            self.process.wait(max(seconds, 0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it and the processes of its group at once."""
        if self.process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def rotate(self) -> None:
        """Put a long log aside; it is emptied in place, since the process goes on writing to it."""
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)

    def as_json(self, health: dict[str, Any] | None = None) -> dict[str, object]:
        """What `status` tells of it. health: what it said when it was just asked; left out where it was not."""
        state = "ready" if self.ready and self.alive else "starting" if self.alive else "waiting to be started again"
        if state == "ready" and health is not None and self.command.ready_path:
            told = str(health.get("status", "live" if health.get("ready") else ""))
            state = "ready" if health.get("ready") or told == "ready" else told or "does not answer"
        return {
            "name": self.command.name,
            "pid": self.process.pid if self.alive and self.process else None,
            "state": state,
            "address": self.command.address,
            "deaths": self.deaths,
            "last_exit": self.last_exit,
            "log": str(self.log),
            "checks": (health or {}).get("checks", {}),
            "role": (health or {}).get("role", ""),
        }


def _shown(host: str) -> str:
    """A host as a URL shows it; every address is reached at this machine's own."""
    if host in ("0.0.0.0", ""):  # noqa: S104 - compared, not listened at
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host
