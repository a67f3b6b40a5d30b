"""The demo as a visitor runs it, and the one telling of the story that all tests look at."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import requests

from engine.config import Settings
from engine.store.postgres import EmbeddedPostgres


def command(*words: str) -> list[str]:
    """The demo with these words, on whatever ports are free."""
    return [sys.executable, "-P", "-m", "web.cli", "demo", "--port", "0", *words]


def surroundings(**more: str) -> dict[str, str]:
    """An environment without settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWRIGHT_")}
    # The other port is looked for, too: several demos may run on this machine.
    return {**kept, "COLUMNS": "120", "GATEWRIGHT_SCORING_PORT": "0", **more}


def database_of(folder: Path) -> Path:
    """Where the demo that runs in a folder has its database."""
    return EmbeddedPostgres.of(Settings(data_dir=folder / ".gatewright-demo")).folder


def strays(since: float, folder: Path) -> list[str]:
    """Files that came after that time where a program may be tempted to write; caches and other tests are left out.

    The folder for temporary files is the demo's own; what still lies there once the story is told is not counted here.
    """
    ours = database_of(folder)
    found = []
    for root in {Path.home(), Path("/etc"), Path("/opt"), Path("/usr/local"), Path("/var/lib"), Path("/var/tmp")}:
        for place, folders, files in os.walk(root):
            here = Path(place)
            skipped = {name for name in folders if name in _NOT_OURS or (here / name) in (ours, folder)}
            folders[:] = [name for name in folders if name not in skipped]
            for name in files:
                with suppress(OSError):
                    if (here / name).lstat().st_ctime > since:
                        found.append(str(here / name))
    return sorted(found)


#: caches of package managers and interpreters; the databases of this house and of others
_NOT_OURS = frozenset({".cache", ".npm", "__pycache__", "gatewright"})


@dataclass(slots=True)
class Told:
    """A demo that has told its story and serves."""

    process: subprocess.Popen[str]
    folder: Path
    output: str
    report: dict[str, Any]
    left: set[str]  #: what lies in the folder in which it was called
    strays: list[str]  #: files outside of the demo's own folders that came while it told its story
    address: str
    password: str
    approval: str  #: the id of the task that waits for the visitor

    def token(self, person: str) -> str:
        """A fresh token of somebody of the demo."""
        body = {"id": person, "password": self.password}
        answer = requests.post(f"{self.address}/api/v1/sign-in", json=body, timeout=30)
        assert answer.ok, answer.text
        token: str = answer.json()["token"]
        return token

    def ask(self, person: str, method: str, path: str, **words: Any) -> requests.Response:
        """The API's answer to somebody."""
        headers = {"Authorization": f"Bearer {_tokens(self, person)}"}
        return requests.request(method, f"{self.address}/api/v1{path}", headers=headers, timeout=60, **words)

    def get(self, person: str, path: str, **query: Any) -> Any:
        """What the API tells somebody."""
        answer = self.ask(person, "GET", path, params=query)
        assert answer.ok, answer.text
        return answer.json()

    def instance_of(self, model: str, process: str = "model_life_cycle") -> dict[str, Any]:
        """A model's life cycle, with all that went before."""
        found = self.get("otto", "/instances", process=process, subject=model)["items"]
        detail: dict[str, Any] = self.get("otto", f"/instances/{found[0]['id']}")
        return detail

    def audit(self, **query: Any) -> list[dict[str, Any]]:
        """Rows of the log, the oldest first."""
        rows: list[dict[str, Any]] = self.get("otto", "/audit", limit=500, **query)["items"]
        return rows[::-1]


_known: dict[tuple[int, str], str] = {}


def _tokens(told: Told, person: str) -> str:
    key = (told.process.pid, person)
    if key not in _known:
        _known[key] = told.token(person)
    return _known[key]


@cache
def once() -> Told:
    """The story, told once for all tests of this run; the house serves until `end`."""
    folder = Path(tempfile.mkdtemp(prefix="demo-"))
    begun = time.time()
    (folder / "temporary").mkdir(mode=0o777)
    (folder / "temporary").chmod(0o1777)  # model code works there as a user of its own
    folder.chmod(0o755)
    process = subprocess.Popen(
        command("--serve", "--json", "demo.json"),
        cwd=folder,
        env=surroundings(TMPDIR=str(folder / "temporary")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell that put us into the background ignores Ctrl-C, and so would what we start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    watchdog = threading.Timer(240, process.kill)
    watchdog.start()
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    watchdog.cancel()
    output = "".join(lines)
    assert process.poll() is None, f"the demo ended with {process.returncode}:\n{output}"
    found = {name: re.search(pattern, output) for name, pattern in _PATTERNS.items()}
    missing = [name for name, match in found.items() if match is None]
    assert not missing, f"the demo does not tell {missing}:\n{output}"
    return Told(
        process=process,
        folder=folder,
        output=output,
        report=json.loads((folder / "demo.json").read_text()),
        left={each.name for each in folder.iterdir()},
        strays=strays(begun, folder),
        **{name: match[1] for name, match in found.items() if match is not None},
    )


_PATTERNS = {
    "address": r"Look around: (http://\S+)",
    "password": r"password is (\S+)\. ",
    "approval": r"/tasks/([0-9a-f-]{36})",
}


def end() -> None:
    """Ctrl-C: every process of the demo ends, and the exit code is good."""
    if not once.cache_info().currsize:
        return
    told = once()
    once.cache_clear()
    below = psutil.Process(told.process.pid).children(recursive=True)
    assert len(below) > 8
    told.process.send_signal(signal.SIGINT)
    assert told.process.wait(60) == 0
    database = database_of(told.folder)
    deadline = time.monotonic() + 10
    while [each for each in below if each.is_running() and each.status() != "zombie"]:
        assert time.monotonic() < deadline, "processes of the demo outlived Ctrl-C"
        time.sleep(0.1)
    shutil.rmtree(told.folder)
    shutil.rmtree(database)
