"""One supervisor per data folder: what it owns lives and ends with it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from engine.config import Settings
from engine.store.postgres import default_folder
from web.supervisor import HouseNotRunning, Places, ask
from web.supervisor.children import environment


class House:
    """A house that runs as a process of its own, and all processes that were ever seen below it."""

    def __init__(self, tmp_path: Path, *kinds: str) -> None:
        self.folder = tmp_path
        self.settings = Settings(data_dir=tmp_path / "data", database_dir=default_folder(tmp_path))
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "tests.supervisor.house",
                str(self.settings.home),
                str(self.settings.database_dir),
                *kinds,
            ],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._seen: set[psutil.Process] = set()

    def until_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if json.loads(line)[0] == "ready":
                self.look()
                return
        raise AssertionError(f"the house ended with {self.process.wait()}")

    def look(self) -> set[psutil.Process]:
        """The processes below it now; remembered."""
        try:
            found = set(psutil.Process(self.process.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            found = set()
        self._seen |= found
        return found

    def left(self) -> list[str]:
        """What still lives of all that was seen."""
        alive = []
        for each in self._seen:
            try:
                if each.is_running() and each.status() != psutil.STATUS_ZOMBIE:
                    alive.append(f"{each.pid} {' '.join(each.cmdline())[:80]}")
            except psutil.NoSuchProcess:
                continue
        return alive

    def pid_of(self, name: str) -> int | None:
        status = ask(self.settings, "status")
        if name == "database":
            return status["database"]["pid"]
        return next(each["pid"] for each in status["processes"] if each["name"] == name)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes houses; ends what is left of them."""
    made: list[House] = []

    def make(*kinds: str) -> House:
        made.append(House(tmp_path, *kinds))
        return made[-1]

    yield make
    for each in made:
        if each.process.poll() is None:
            each.process.terminate()
        each.process.wait(60)
        shutil.rmtree(str(each.settings.database_dir), ignore_errors=True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for the tests of what comes back; the last of them stops it."""
    running = House(tmp_path_factory.mktemp("shared"), "tied", "plain")
    running.until_ready()
    yield running
    if running.process.poll() is None:
        running.process.terminate()
    running.process.wait(60)
    shutil.rmtree(str(running.settings.database_dir), ignore_errors=True)


def watcher_of(house: House) -> psutil.Process | None:
    """The watcher that lives now."""
    for each in house.look():
        try:
            if "watcher.py" in " ".join(each.cmdline()):
                return each
        except psutil.Error:
            continue  # it has just ended
    return None


def eventually(true: Callable[[], object], seconds: float = 20) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)


def test_ctrl_c_ends_every_process(house: Callable[..., House]) -> None:
    """Children, their own children, the database, the watcher: nothing is left, and the exit code is 0."""
    running = house("tied", "plain")
    running.until_ready()
    assert len(running.look()) > 6
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(30) == 0
    assert running.left() == []
    with pytest.raises(HouseNotRunning):
        ask(running.settings, "status")


def test_nothing_outlives_a_killed_supervisor(house: Callable[..., House]) -> None:
    """After kill -9 the bond ends those that have one, and the watcher all others, the database among them."""
    running = house("tied", "plain", "deaf")
    running.until_ready()
    running.process.kill()
    running.process.wait()
    eventually(lambda: not running.left(), 30)


def test_nothing_outlives_a_supervisor_killed_together_with_its_watcher(house: Callable[..., House]) -> None:
    """The bond is enough on Linux."""
    running = house("tied")
    running.until_ready()
    children = running.look()
    watcher = watcher_of(running)
    assert watcher is not None
    others = [each for each in children if each.ppid() == running.process.pid and each != watcher]
    os.kill(watcher.pid, signal.SIGKILL)
    running.process.kill()
    eventually(lambda: not any(each.is_running() and each.status() != "zombie" for each in others))


def test_one_supervisor_per_data_folder(shared: House) -> None:
    """A second one is refused in words, and the first is none the worse."""
    second = House(shared.folder, "tied")
    assert second.process.wait(30) != 0
    assert ask(shared.settings, "status")["phase"] == "running"


def test_a_killed_process_comes_back(shared: House) -> None:
    """With what it had started gone, and the death told by `status`."""
    before = shared.pid_of("tied")
    assert before is not None
    below = psutil.Process(before).children()
    os.kill(before, signal.SIGKILL)
    eventually(lambda: shared.pid_of("tied") not in (None, before))
    assert not any(each.is_running() and each.status() != "zombie" for each in below)
    told = ask(shared.settings, "status")["processes"][0]
    assert (told["deaths"], told["last_exit"]) == (1, -9)


def test_a_killed_database_comes_back(shared: House) -> None:
    """The supervisor starts it again, and everything else lives on."""
    before, child = shared.pid_of("database"), shared.pid_of("tied")
    assert before is not None
    os.kill(before, signal.SIGKILL)
    eventually(lambda: shared.pid_of("database") not in (None, before))
    assert shared.pid_of("tied") == child


def test_a_killed_watcher_comes_back(shared: House) -> None:
    """And is told again whom it has to end."""
    first = watcher_of(shared)
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    eventually(lambda: watcher_of(shared) not in (None, first))


def test_the_control_socket_is_ours_alone(shared: House) -> None:
    """Nobody else may open it, nor look into its folder."""
    places = Places.of(shared.settings)
    assert places.socket.stat().st_mode & 0o077 == 0
    assert places.run.stat().st_mode & 0o077 == 0


def test_nothing_outlives_a_house_whose_parts_have_come_back(shared: House) -> None:
    """Stopped through the control socket, after all that was done to it above."""
    shared.look()
    ask(shared.settings, "stop")
    assert shared.process.wait(30) == 0
    assert shared.left() == []


def test_a_child_sees_exactly_the_settings_of_its_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets, folders, and what holds several values."""
    settings = Settings(
        data_dir=tmp_path, database_url=SecretStr("postgresql:///x"), remote_hosts=("a.internal", "b:8000"), web_port=8
    )
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings.load() == settings


def test_a_long_data_folder_gets_a_short_socket(tmp_path: Path) -> None:
    """A socket's path has an end; the data folder's has not."""
    places = Places(tmp_path / ("long" * 40))
    places.make()
    assert len(os.fsencode(places.socket)) <= 103
    assert places.socket.parent.stat().st_mode & 0o077 == 0
    places.socket.parent.rmdir()
