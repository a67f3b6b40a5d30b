"""A house in the background: started by a command that waits until it takes work, and hears what it tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any

from engine.config import Settings
from engine.errors import GatewrightError
from web.supervisor import bond
from web.supervisor.children import environment
from web.supervisor.house import Tell
from web.supervisor.places import Places

#: names, in the environment of a house in the background, the pipe to which it tells what happens until it takes work
_PIPE = "GATEWRIGHT_ANNOUNCE_TO"


class HouseDidNotStart(GatewrightError):
    """The house on {home} ended before it took work: {said}."""

    code = "house-start"
    hint = "`gatewright logs` says more."
    status = 503


class Background:
    """A supervisor that runs as a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], pipe: IO[str], settings: Settings, said_from: int) -> None:
        self.process, self._pipe, self._settings, self._said_from = process, pipe, settings, said_from

    def events(self) -> Iterator[tuple[str, Any]]:
        """What it tells, up to and with `ready`; raises HouseDidNotStart where it ends before."""
        with self._pipe as lines:
            for line in lines:
                kind, what = json.loads(line)
                yield kind, what
                if kind == "ready":
                    return
        self.process.wait()
        raise HouseDidNotStart(home=self._settings.home, said=self._last_word())

    def _last_word(self) -> str:
        log = Places.of(self._settings).log("supervisor")
        with log.open("rb") as said:
            said.seek(self._said_from)
            words = said.read().decode(errors="replace").strip().splitlines()
        return words[-1].rstrip(".") if words else f"exit code {self.process.returncode}"


def start(settings: Settings, words: Sequence[str] = (), *, tied: bool = False) -> Background:
    """Run `gatewright up` with these settings and words. tied: it ends with us; call from the main thread then."""
    places = Places.of(settings)
    places.make()
    read, write = os.pipe()
    surroundings = {**environment(settings), _PIPE: str(write)}
    if tied:
        surroundings[bond.PARENT] = str(os.getpid())
    log_path = places.log("supervisor")
    with log_path.open("ab") as log:
        said_from = log.tell()
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-P", "-m", "web.cli", "up", *words],
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[write],
            start_new_session=True,
        )
    os.close(write)
    return Background(process, os.fdopen(read), settings, said_from)


def announcing() -> Tell | None:
    """How to tell who started us what happens, where that was asked for; after `ready` nobody listens any more."""
    named = os.environ.pop(_PIPE, "")
    if not named.isdecimal():
        return None
    pipe: list[IO[str]] = [os.fdopen(int(named), "w")]
    os.set_inheritable(int(named), False)

    def tell(kind: str, what: Any) -> None:
        if kind == "line":
            print(what, flush=True)  # to the log as well
        if not pipe:
            return
        try:
            pipe[0].write(json.dumps([kind, what]) + "\n")
            pipe[0].flush()
        except BrokenPipeError:
            kind = "ready"
        if kind == "ready":
            pipe.pop().close()

    return tell
