"""Each file is judged in a child process of its own, so that nothing a file does can stop the others."""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.bpmn import Vocabulary, check
from tests.conformance.judging import Options, judge

# The rules are loaded once, and not by each child.
check({}, Vocabulary())


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one file may cost, and how many are judged at a time."""

    seconds: int = 60
    megabytes: int = 2_000
    jobs: int = 2


@dataclass
class Child:
    """A file being judged."""

    path: Path
    pid: int
    pipe: int
    until: float
    said: bytearray = field(default_factory=bytearray)
    killed: bool = False


def judged(paths: Iterator[Path], options: Options, limits: Limits) -> Iterator[dict[str, Any]]:
    """What became of each file, as they are done. A child that takes too long is killed and told as stuck."""
    running: dict[int, Child] = {}
    waiting = iter(paths)
    with selectors.DefaultSelector() as selector:
        while True:
            while len(running) < limits.jobs and (path := next(waiting, None)) is not None:
                child = _start(path, options, limits)
                running[child.pipe] = child
                selector.register(child.pipe, selectors.EVENT_READ)
            if not running:
                return
            for key, _ in selector.select(timeout=1):
                child = running[key.fd]
                data = os.read(child.pipe, 1 << 16)
                if data:
                    child.said += data
                    continue
                selector.unregister(child.pipe)
                del running[child.pipe]
                yield _ended(child, limits)
            for child in running.values():
                if time.monotonic() > child.until and not child.killed:
                    child.killed = True
                    with suppress(ProcessLookupError):
                        os.kill(child.pid, signal.SIGKILL)


def _start(path: Path, options: Options, limits: Limits) -> Child:
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reading)
            _limit(limits)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(json.dumps(judge(path, options)).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    # By the clock a child gets more than by its CPU: others may be at work on the machine.
    return Child(path, pid, reading, time.monotonic() + 5 * limits.seconds)


def _limit(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds))
    resource.setrlimit(resource.RLIMIT_AS, (limits.megabytes * 1_000_000,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silent, stream)


def _ended(child: Child, limits: Limits) -> dict[str, Any]:
    os.close(child.pipe)
    _, status = os.waitpid(child.pid, 0)
    with suppress(ValueError):
        found: dict[str, Any] = json.loads(child.said)
        return found
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if child.killed or number in {signal.SIGXCPU, signal.SIGKILL}:
        outcome, reason = "stuck", f"It was not done after {limits.seconds} s of CPU time, and was killed."
    else:
        outcome, reason = "traceback", f"Its process died ({signal.Signals(number).name if number else status})."
    return {"file": str(child.path), "outcome": outcome, "reason": reason, "processes": [], "bound": {}}
