"""The parent's end of a sandbox child: start it, call it, collect its files, end it."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from engine.errors import GatewrightError
from engine.sandbox.limits import Limits

RUNNER = Path(__file__).with_name("runner.py")
#: One thread a numeric library: sums come out in the same order, so the same seed gives the same bits.
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")}
LARGEST_FRAME = 1 << 30
FOLDER_PREFIX = "gatewright-sandbox-"


class SandboxRefused(GatewrightError):
    """Model code did not start, because this kernel cannot shut it in: {reason}."""

    code = "sandbox-refused"
    hint = (
        "Allow user namespaces to this account (or CAP_SYS_ADMIN to the container), "
        "or set GATEWRIGHT_SANDBOX_ALLOW_NETWORK=true; such runs are marked in their record."
    )
    status = 503


class ModelCodeFailed(GatewrightError):
    """The model's code failed in {what}: {kind}: {reason}"""

    code = "model-code-failed"
    hint = "Mend the code or its input; the trace in the record shows the line."
    status = 422


class MemoryExceeded(GatewrightError):
    """The model's code asked for more than its {memory_mb} MB of memory in {what}."""

    code = "sandbox-memory"
    hint = "Raise the memory in the model's service levels, or make the model smaller."
    status = 422


class TimeExceeded(GatewrightError):
    """The model's code was ended after {seconds} {clock} seconds in {what}."""

    code = "sandbox-time"
    hint = "Raise the time limit, or find what keeps the code from coming back."
    status = 504


class ChildDied(GatewrightError):
    """The sandbox child ended in {what} ({how}). {output}"""

    code = "sandbox-died"
    hint = "Read its last lines; a signal 9 that nobody sent is often the machine running out of memory."
    status = 502


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """How a child was shut in, kept in the record of its run."""

    network: str  #: "none" or "open"
    files: str  #: "own" (interpreter, libraries, its work folder) or "shared" (what its user may read)
    processes: str  #: "own" (it sees and signals no other) or "shared"
    user: int  #: the user id it ran as
    refused: str | None = None  #: what the kernel refused, where a setting let the child start all the same

    def as_json(self) -> dict[str, Any]:
        """The facts as JSON."""
        return {
            "network": self.network,
            "files": self.files,
            "processes": self.processes,
            "user": self.user,
            "refused": self.refused,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a child has used since it started."""

    cpu_seconds: float
    peak_mb: int


class Process:
    """One running child. Calls are answered one at a time, from any thread; `close` ends it and removes its folder."""

    def __init__(
        self,
        program: str,
        *,
        files: Mapping[str, bytes | Path] | None = None,
        options: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
        interpreter: str | Path | None = None,
        allow_network: bool = False,
    ) -> None:
        """Start `program` and wait until its `start(options)` has returned.

        program: text of a self-contained Python file with `start(options)` and functions `name(state, request)`.
        files: relative path -> content, laid out in the child's working folder; `modules/` stands on its import path.
        After a failure nothing of the child is left. Costs about 0.1 s, and the program's own imports.
        """
        if sys.platform != "linux":
            raise SandboxRefused(reason=f"namespaces are Linux's, and this is {sys.platform}")
        self.limits = limits or Limits()
        self.pid = 0
        self._lock = threading.Lock()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
        self._ended = False
        self._output: collections.deque[bytes] = collections.deque(maxlen=64)
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        try:
            user = unprivileged_user()
            self._lay_out(files or {}, user)
            self._launch(str(interpreter or sys.executable))
            self._start(program, dict(options or {}), user, allow_network)
        except BaseException:
            self.close()
            raise

    # --- start

    def _lay_out(self, files: Mapping[str, bytes | Path], user: tuple[int, int] | None) -> None:
        work = self._folder / "work"
        for name in ("root", "work", "work/tmp", "work/out", "work/modules"):
            (self._folder / name).mkdir()
        for name, content in files.items():
            target = work / name
            if not target.resolve().is_relative_to(work.resolve()):
                raise ValueError(f"a file of the sandbox lies outside its folder: {name}")
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, target)
            else:
                target.write_bytes(content)
        if user is not None:
            self._folder.chmod(0o711)
            for path in [work, *work.rglob("*")]:
                os.chown(path, *user)

    def _launch(self, interpreter: str) -> None:
        ours, theirs = socket.socketpair()
        self._channel = ours
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", **ONE_THREAD}

        def popen() -> subprocess.Popen[bytes]:
            return subprocess.Popen(  # noqa: S603 - our runner, an interpreter by path, no shell
                [interpreter, "-I", "-B", str(RUNNER), str(theirs.fileno())],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

        try:
            # The kernel's "die with your parent" means the starting thread: so that thread must outlive the child.
            self._process = _launcher(os.getpid()).submit(popen).result()
        finally:
            theirs.close()
        self.pid = self._process.pid
        threading.Thread(target=self._drain, args=(self._process,), daemon=True, name="sandbox-output").start()

    def _drain(self, process: subprocess.Popen[bytes]) -> None:
        """Keep the last lines of what the child prints, so that a full pipe never stops it."""
        assert process.stdout is not None  # noqa: S101
        with contextlib.suppress(ValueError, OSError):
            while part := os.read(process.stdout.fileno(), 4096):
                self._output.append(part)

    def _start(self, program: str, options: dict[str, Any], user: tuple[int, int] | None, allow_network: bool) -> None:
        config = {
            "program": program,
            "options": options,
            "limits": self.limits.as_json(),
            "user": user,
            "work": str(self._folder / "work"),
            "root": str(self._folder / "root"),
            "parent": os.getpid(),
            "allow_network": allow_network,
        }
        answer = self._exchange(config, what="its start", seconds=self.limits.wall_seconds)
        if "refused" in answer:
            raise SandboxRefused(reason=answer["refused"])
        self.isolation = Isolation(**{"refused": None, **answer["ready"]})
        self.start_seconds = float(answer["seconds"])
        self.usage = Usage(**answer["usage"])

    # --- work

    def call(self, name: str, request: Any = None, *, seconds: float | None = None) -> Any:
        """What the program's function `name` returns for the request, a JSON value.

        ModelCodeFailed leaves the child alive; TimeExceeded and ChildDied are its end.
        """
        with self._lock:
            answer = self._exchange({"call": name, "request": request}, what=name, seconds=seconds)
        self.usage = Usage(**answer["usage"])
        return answer["value"]

    def _exchange(self, frame: dict[str, Any], *, what: str, seconds: float | None) -> dict[str, Any]:
        if self._ended or self._channel is None:
            raise ChildDied(what=what, how="it was closed before", output="")
        allowed = seconds if seconds is not None else self.limits.wall_seconds
        deadline = time.monotonic() + allowed
        try:
            text = json.dumps(frame, allow_nan=False, separators=(",", ":")).encode()
            self._channel.settimeout(allowed)
            self._channel.sendall(len(text).to_bytes(4, "big") + text)
            size = int.from_bytes(self._receive(4, deadline), "big")
            if size > LARGEST_FRAME:
                raise EOFError
            answer = json.loads(self._receive(size, deadline))
            if not isinstance(answer, dict):
                raise EOFError
        except TimeoutError:
            self.close()
            raise TimeExceeded(seconds=allowed, clock="wall", what=what) from None
        except (OSError, EOFError, ValueError) as error:
            raise self._death(what) from error
        if "failed" in answer:
            raise self._failure(answer["failed"], what)
        return answer

    def _receive(self, size: int, deadline: float) -> bytes:
        assert self._channel is not None  # noqa: S101
        received = bytearray()
        while len(received) < size:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._channel.settimeout(remaining)
            part = self._channel.recv(min(size - len(received), 1 << 20))
            if not part:
                raise EOFError
            received += part
        return bytes(received)

    def _failure(self, failed: dict[str, Any], what: str) -> GatewrightError:
        if failed.get("kind") == "MemoryError":
            return MemoryExceeded(memory_mb=self.limits.memory_mb, what=what)
        return ModelCodeFailed(
            what=what, kind=failed.get("kind"), reason=failed.get("message"), trace=failed.get("trace")
        )

    def _death(self, what: str) -> GatewrightError:
        assert self._process is not None  # noqa: S101
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = None
        output = self.output()[-2000:]
        self.close()
        if code == 128 + signal.SIGXCPU:
            return TimeExceeded(seconds=self.limits.cpu_seconds, clock="processor", what=what)
        if code is None:
            how = "it closed its socket and went on"
        elif code > 128 or code < 0:
            how = f"signal {code - 128 if code > 128 else -code}"
        else:
            how = f"exit code {code}"
        return ChildDied(what=what, how=how, output=output)

    def output(self) -> str:
        """The last lines that the child printed."""
        return b"".join(self._output).decode(errors="replace")

    def collect(self) -> dict[str, bytes]:
        """The plain files that the program left in `out/`; links and devices are not followed but refused."""
        collected: dict[str, bytes] = {}
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY
        folder = os.open(self._folder / "work" / "out", flags)
        try:
            for name in sorted(os.listdir(folder)):
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
                with os.fdopen(file, "rb") as stream:
                    facts = os.fstat(stream.fileno())
                    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
                        raise ChildDied(what="its results", how=f"out/{name} is not a plain file", output="")
                    if facts.st_size > self.limits.file_mb << 20:
                        raise ChildDied(what="its results", how=f"out/{name} is too large", output="")
                    collected[name] = stream.read()
        except OSError as error:
            raise ChildDied(what="its results", how=str(error), output="") from error
        finally:
            os.close(folder)
        return collected

    # --- end

    @property
    def alive(self) -> bool:
        """Whether the child still runs."""
        return not self._ended and self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End the child and everything that it started, and remove its folder; closing twice is harmless."""
        self._ended = True
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def _launcher(pid: int) -> ThreadPoolExecutor:
    """The thread that starts children, one a process; after a fork the new process gets its own."""
    _sweep()
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-launcher")


def _sweep() -> None:
    """Remove what a process that was killed left behind: its folders carry its number, and it is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*-*"):
        owner = folder.name.removeprefix(FOLDER_PREFIX).split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists() and folder.stat().st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)


@cache
def unprivileged_user() -> tuple[int, int] | None:
    """The user and group that a child becomes where we are root; None where we are not.

    A number that no account has: nothing on the machine belongs to it. `nobody` or `postgres` would share files,
    signals and, where the database runs as that user, the database with the model's code.
    """
    if os.geteuid() != 0:
        return None
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    free = next(number for number in range(65_533, 60_000, -1) if number not in taken)
    return free, free
