"""The engines' processes and the database server beside them: started, asked, measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir

import psycopg

from engine.store.postgres import EmbeddedPostgres

REPOSITORY = Path(__file__).parents[3]
_TICKS = os.sysconf("SC_CLK_TCK")
SETTINGS = (
    "server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_compression", "wal_level", "commit_delay",
    "shared_buffers", "max_wal_size",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine that runs process P, and how often it is asked to."""

    name: str
    module: str
    #: clients -> (instances a round, processes over which the clients are spread)
    loads: dict[int, tuple[int, int]]
    needs: tuple[str, ...] = ()  #: what pip installs for it, in an environment of its own
    ours: bool = False  #: works on Gatewright's own database


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one engine under one load."""

    per_second: float
    cpu: float  #: milliseconds of CPU an instance: the engine's processes and the server's
    own_cpu: float  #: those of the engine's processes alone


@dataclass(slots=True)
class Running:
    """An engine's processes, ready to be asked."""

    engine: Engine
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def round(self, clients: int, server: EmbeddedPostgres, *, part: float = 1.0) -> Measured:
        """Run its instances once; `part` of them where it only warms up."""
        count, spread = self.engine.loads[clients]
        each = max(1, int(count * part) // spread)
        asked = self.processes[:spread]
        began, own, whole = time.perf_counter(), self._cpu(), cpu_of_server(server)
        for process in asked:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"instances": each, "clients": clients // spread}) + "\n")
            process.stdin.flush()
        for process in asked:
            answer(process)
        seconds, own = time.perf_counter() - began, self._cpu() - own
        done = each * spread
        whole = own + cpu_of_server(server) - whole
        return Measured(done / seconds, 1000 * whole / done, 1000 * own / done)

    def _cpu(self) -> float:
        return sum(_cpu(session=process.pid) for process in self.processes)

    def end(self) -> None:
        """Let its processes go."""
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def running(engine: Engine, url: str) -> Iterator[Running]:
    """The engine's processes, started and ready; ended behind the block."""
    found = Running(engine)
    python = _python_for(engine)
    try:
        for _ in range(max(spread for _, spread in engine.loads.values())):
            found.processes.append(
                subprocess.Popen(
                    [python, "-m", f"tests.benchmarks.engines.peers.{engine.module}"],
                    cwd=REPOSITORY,
                    env={**os.environ, "BENCHMARK_DATABASE_URL": url},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    start_new_session=True,
                )
            )
            answer(found.processes[-1])
        yield found
    finally:
        found.end()


def answer(process: subprocess.Popen[str]) -> None:
    """Wait for one line of an engine's process; raises RuntimeError where it ended instead."""
    assert process.stdout is not None
    if not process.stdout.readline():
        raise RuntimeError(f"{process.args} ended with {process.wait()}")


def _python_for(engine: Engine) -> str:
    if not engine.needs:
        return sys.executable
    folder = Path(gettempdir()) / "gatewright-benchmark-peers" / engine.needs[0].replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *engine.needs], check=True)
        (folder / "made").touch()
    return str(python)


def commits_a_second(server: EmbeddedPostgres, n: int = 400) -> float:
    """One-row commits a second of one client on this server: what its disk allows."""
    with psycopg.connect(server.url("admin"), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS public.yardstick (n integer)")
        began = time.perf_counter()
        for number in range(n):
            connection.execute("INSERT INTO public.yardstick VALUES (%s)", (number,))
        return n / (time.perf_counter() - began)


def shown(server: EmbeddedPostgres) -> dict[str, str]:
    """The settings of the server that decide what a commit costs."""
    with psycopg.connect(server.url("admin")) as connection:
        return {name: str(connection.execute(f"SHOW {name}").fetchone()[0]) for name in SETTINGS}  # type: ignore[index]


def cpu_of_server(server: EmbeddedPostgres) -> float:
    """Seconds of CPU that the server and all its sessions have used."""
    assert server.pid is not None
    return _cpu(parent=server.pid) + _cpu(of=server.pid)


def exact_cpu_of_server(server: EmbeddedPostgres) -> float:
    """The same to the microsecond, but for sessions that have ended, whose ticks are counted: each has one thread."""
    assert server.pid is not None
    seconds = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = path.read_text().rpartition(")")[2].split()
            if server.pid == int(path.parent.name):
                seconds += (int(rest[13]) + int(rest[14])) / _TICKS
            elif server.pid != int(rest[1]):
                continue
            seconds += int((path.parent / "schedstat").read_text().split()[0]) / 1e9
        except OSError:
            continue  # it has just ended
    return seconds


def _cpu(*, session: int | None = None, parent: int | None = None, of: int | None = None) -> float:
    # Not 0 for "none": the kernel's own threads are of session 0.
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = path.parent.name, path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if of == int(pid) or parent == int(rest[1]) or session == int(rest[3]):
            ticks += int(rest[11]) + int(rest[12])
            if parent is None:
                ticks += int(rest[13]) + int(rest[14])  # of children that have ended
    return ticks / _TICKS
