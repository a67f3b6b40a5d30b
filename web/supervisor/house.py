"""The supervisor: takes the lock, starts the database, then the processes, and keeps both alive until told to stop."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO, Any

import psutil

from engine.config import Settings
from engine.errors import GatewrightError
from engine.store.postgres import EmbeddedPostgres
from web.supervisor.children import Child, Command, environment
from web.supervisor.control import Listener
from web.supervisor.places import Places

_log = logging.getLogger("gatewright.supervisor")

#: told of what happens: ("line", text), ("admin", {...}), ("ready", status)
Tell = Callable[[str, Any], None]
Prepare = Callable[[Settings, Tell], None]
Conclude = Callable[[Settings], None]

_GRACE_SECONDS = 25.0
_LOOK_SECONDS = 0.2
_ROTATE_SECONDS = 60.0


class HouseRunning(GatewrightError):
    """A house runs on the data folder {home} already (process {pid})."""

    code = "house-running"
    hint = "Use it (`gatewright status`), end it (`gatewright stop`), or set GATEWRIGHT_DATA_DIR to another folder."
    status = 409


class _Asked(Exception):
    """The supervisor was told to stop while it was starting."""


class Supervisor:
    """The one owner of a data folder's processes."""

    def __init__(
        self, settings: Settings, children: Sequence[Command], *, prepare: Prepare, conclude: Conclude, tell: Tell
    ) -> None:
        """prepare: called once the database answers. conclude: called once every other process has ended."""
        self._settings, self._places = settings, Places.of(settings)
        self._prepare, self._conclude, self._tell = prepare, conclude, tell
        self._prepared = False
        self._database = EmbeddedPostgres.of(settings) if settings.database_url is None else None
        surroundings = environment(settings)
        self._children = [Child(each, self._places.log(each.name), surroundings) for each in children]
        self._phase, self._since = "starting", datetime.now(UTC)
        self._stop = threading.Event()
        self._watcher = _Watcher()
        self._lock: IO[str] | None = None

    def run(self) -> None:
        """Run the house until SIGINT, SIGTERM, SIGHUP or `stop`; every process has ended when this returns.

        To be called from the main thread. Raises HouseRunning, and what the database or `prepare` raises.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked)
        self._places.make()
        self._take_lock()
        listener = Listener(self._places.socket, self._answer)
        try:
            self._watcher.start()
            self._begin()
            self._watch_over()
        except _Asked:
            pass
        finally:
            self._phase = "stopping"
            self._end()
            listener.close()
            self._watcher.stop()
            if self._lock is not None:
                self._lock.close()

    # Beginning

    def _begin(self) -> None:
        if self._database is not None:
            self._phase = "starting the database"
            self._database.start(self._progress)
            self._follow()
        self._phase = "preparing the database"
        self._prepare(self._settings, self._tell)
        self._prepared = True
        self._phase = "starting the processes"
        for child in self._children:
            if self._stop.is_set():
                raise _Asked
            child.start()
        self._follow()

    def _take_lock(self) -> None:
        lock = self._places.lock.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            lock.seek(0)
            pid = lock.read().strip()
            lock.close()
            raise HouseRunning(home=self._places.home, pid=pid) from taken
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _progress(self, line: str) -> None:
        self._say(line)
        if self._stop.is_set():
            raise _Asked

    # While it runs

    def _watch_over(self) -> None:
        told_ready, rotated, database_pause, database_next = False, time.monotonic(), 0.5, 0.0
        while not self._stop.wait(_LOOK_SECONDS):
            if self._database is not None and time.monotonic() >= database_next:
                try:
                    if self._database.ensure(self._progress):
                        self._say("The database runs again")
                        self._follow()
                    database_pause = 0.5
                except GatewrightError as trouble:
                    database_pause = min(database_pause * 2, 30.0)
                    database_next = time.monotonic() + database_pause
                    self._say(f"{trouble} It is tried again in {database_pause:.0f} s")
            before = [child.process for child in self._children]
            for child in self._children:
                if said := child.look():
                    self._say(said)
                child.probe()
            if [child.process for child in self._children] != before:
                self._follow()
            self._watcher.ensure()
            if not told_ready and all(child.ready for child in self._children):
                told_ready, self._phase = True, "running"
                self._tell("ready", self._status())
            if time.monotonic() - rotated > _ROTATE_SECONDS:
                rotated = time.monotonic()
                for child in self._children:
                    child.rotate()

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["act"] == "stop":
            self._stop.set()
            return self._status()
        # Asked here, in the thread of whoever asks: the loop that starts processes again does not wait for any.
        with ThreadPoolExecutor(max(len(self._children), 1)) as asking:
            return self._status(list(asking.map(Child.health, self._children)))

    def _status(self, health: Sequence[dict[str, Any] | None] = ()) -> dict[str, Any]:
        health = health or [None] * len(self._children)
        database: dict[str, Any] = {"embedded": self._database is not None}
        if self._database is not None:
            database |= {
                "folder": str(self._database.folder),
                "log": str(self._database.log),
                "running": self._database.running(),
                "pid": self._database.pid,
            }
        return {
            "pid": os.getpid(),
            "phase": self._phase,
            "since": self._since.isoformat(),
            "data": str(self._places.home),
            "logs": str(self._places.logs),
            "database": database,
            "processes": [child.as_json(said) for child, said in zip(self._children, health, strict=True)],
        }

    def _follow(self) -> None:
        """Tell the watcher who is to end with us."""
        wards = [(child.process.pid, signal.SIGTERM, signal.SIGKILL) for child in self._children if child.process]
        if self._database is not None and self._database.pid is not None:
            wards.append((self._database.pid, signal.SIGINT, signal.SIGQUIT))
        self._watcher.follow(wards)

    def _say(self, line: str) -> None:
        _log.info(line)
        self._tell("line", line)

    # The end

    def _end(self) -> None:
        """End the processes, do what is to be done last, end the database; in this order."""
        for child in self._children:
            child.ask_to_end()
        deadline = time.monotonic() + _GRACE_SECONDS
        for child in self._children:
            if not child.wait(deadline - time.monotonic()):
                self._say(f"{child.command.name} did not end within {_GRACE_SECONDS:.0f} s and is killed")
            child.kill()
        if self._prepared:
            try:
                self._conclude(self._settings)
            except Exception as trouble:
                # The house must end all the same: what was left undone is done by the next one.
                _log.exception("The house ended with something left undone")
                self._say(f"Left undone: {trouble}")
        if self._database is not None:
            self._database.stop()


class _Watcher:
    """Our end of the pipe to the process that ends the others when we are killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._wards: list[str] = []

    def start(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
        read, self._pipe = os.pipe()  # ours is not inherited: only our death closes it
        self._process = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", str(Path(__file__).with_name("watcher.py")), str(read)],
            pass_fds=[read],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(read)
        self._write()

    def ensure(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self.start()

    def follow(self, wards: Sequence[tuple[int, int, int]]) -> None:
        self._wards = []
        for pid, first, last in wards:
            try:
                born = psutil.Process(pid).create_time()
            except psutil.Error:
                continue  # it has died since, and is started again
            self._wards.append(f"{pid} {born} {int(first)} {int(last)}")
        self._write()

    def _write(self) -> None:
        try:
            os.write(self._pipe, "\n".join(["list", *self._wards, ""]).encode())
        except OSError:
            _log.info("The watcher is gone; it is started again")

    def stop(self) -> None:
        if self._process is None:
            return
        with suppress(OSError):
            os.write(self._pipe, b"bye\n")
        os.close(self._pipe)
        self._process.wait()
