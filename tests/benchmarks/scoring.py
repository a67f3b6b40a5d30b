"""What a scoring request costs, measured against the model alone in the same run.

    .venv/bin/python -m tests.benchmarks.scoring

CPU is that of the service and of its sandbox child, from /proc, over all requests of a line; PostgreSQL's and the
client's are not in it. The model alone is the same child, asked in this process without HTTP, checks or log. Figures of
a shared machine: trust the ratios.
"""

from __future__ import annotations

import json
import logging
import random
import secrets
import shutil
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import SecretStr

from engine.config import Settings
from engine.inventory import kinds
from engine.sandbox import Child
from engine.store import Store, migrations, open_store
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres, default_folder
from tests.serving.house import (
    Scoring,
    classifier,
    given_a_classifier,
    given_a_token,
    given_an_environment,
    given_rules,
    when_it_goes_live,
    when_it_is_requested,
)

ONE_ROW_REQUESTS = 3_000
BATCH_ROWS = 500
BATCH_REQUESTS = 60


@dataclass(frozen=True)
class Line:
    """One measured line."""

    name: str
    requests: int
    rows: int
    parent_us: float
    child_us: float
    p50_ms: float
    p99_ms: float
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.name:42} {self.parent_us:9.0f} {self.child_us:9.0f} {self.p50_ms:8.2f} {self.p99_ms:8.2f} "
            f"{self.requests / self.seconds:8.0f} {self.requests * self.rows / self.seconds:9.0f}"
        )


HEAD = f"{'':42} {'service':>9} {'child':>9} {'p50':>8} {'p99':>8} {'req/s':>8} {'rows/s':>9}\n" + (
    f"{'':42} {'us/req':>9} {'us/req':>9} {'ms':>8} {'ms':>8}"
)


def cpu(processes: list[psutil.Process]) -> float:
    """Processor seconds of the processes so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure(name: str, service: Scoring, path: str, rows: list[dict[str, object]], *, total: int, clients: int) -> Line:
    """A closed loop of clients on keep-alive connections that do nothing but send and receive."""
    body = json.dumps(rows).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {service.headers['Authorization']}\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    latencies: list[float] = []

    def ask(n_requests: int) -> None:
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(n_requests):
                began = time.perf_counter()
                connection.sendall(request)
                answer = connection.recv(1 << 20)
                top, _, rest = answer.partition(b"\r\n\r\n")
                if not top.startswith(b"HTTP/1.1 200"):
                    raise SystemExit(answer.decode())
                length = int(top.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                while len(rest) < length:
                    rest += connection.recv(1 << 20)
                latencies.append(time.perf_counter() - began)

    ask(50 if len(rows) == 1 else 3)
    latencies.clear()
    parent = psutil.Process(service.process.pid)
    children = parent.children(recursive=True)
    before = cpu([parent]), cpu(children)
    began = time.perf_counter()
    threads = [threading.Thread(target=ask, args=(total // clients,)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    time.sleep(0.2)  # the last group of the log belongs to these requests
    after = cpu([parent]), cpu(children)
    latencies.sort()
    return Line(
        name=name,
        requests=len(latencies),
        rows=len(rows),
        parent_us=(after[0] - before[0]) / len(latencies) * 1e6,
        child_us=(after[1] - before[1]) / len(latencies) * 1e6,
        p50_ms=statistics.median(latencies) * 1e3,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1e3,
        seconds=seconds,
    )


def alone(name: str, n_rows: int, total: int, *, probe: bool) -> Line:
    """The classifier in its child, asked directly: the model and the frames of the socket, nothing else."""
    artefact, columns = classifier()
    options = {"probe": columns} if probe else None
    dice = random.Random(0)
    asked = {name: [round(dice.gauss(0, 1), 3) for _ in range(n_rows)] for name in columns}
    with Child.start(artefact, kinds.get("sklearn"), columns=list(columns), options=options) as child:
        ours = psutil.Process()
        theirs = psutil.Process(child.pid).children(recursive=True)
        latencies = []
        child.score_columns(asked)
        before = cpu([ours]), cpu(theirs)
        for _ in range(total):
            began = time.perf_counter()
            child.score_columns(asked)
            latencies.append(time.perf_counter() - began)
        after = cpu([ours]), cpu(theirs)
    seconds = sum(latencies)
    latencies.sort()
    return Line(
        name=name,
        requests=total,
        rows=n_rows,
        parent_us=(after[0] - before[0]) / total * 1e6,
        child_us=(after[1] - before[1]) / total * 1e6,
        p50_ms=statistics.median(latencies) * 1e3,
        p99_ms=latencies[int(total * 0.99)] * 1e3,
        seconds=seconds,
    )


@contextmanager
def a_store() -> Iterator[Store]:
    """A store on a durable PostgreSQL of its own, gone at the end."""
    folder = default_folder(Path(f"benchmark-{secrets.token_hex(4)}"))
    server = EmbeddedPostgres(folder)
    server.start()
    try:
        migrations.upgrade(server.url("owner"), application=APPLICATION, eraser=ERASER)
        with tempfile.TemporaryDirectory() as data:
            opened = open_store(
                Settings(data_dir=Path(data), database_url=SecretStr(server.url("application"))), application="scoring"
            )
            yield opened
            opened.close()
    finally:
        server.stop()
        shutil.rmtree(folder)


def main() -> None:
    """Print the lines."""
    logging.disable(logging.WARNING)
    with a_store() as store:
        given_an_environment(store, "production", position=2)
        given_an_environment(store, "durable", position=1, settings={"durable": True})
        employed, (credit,) = given_a_classifier(store), given_rules(store)
        scopes = [f"score:{model}:{place}" for model in ("employed", "credit") for place in ("production", "durable")]
        service = Scoring(store, given_a_token(store, scopes))
        try:
            for version in (employed, credit):
                for place in ("production", "durable"):
                    deployment = when_it_is_requested(store, version, place)
                    service.until(deployment, "running")
                    when_it_goes_live(store, deployment)
            dice = random.Random(0)
            rows: list[dict[str, object]] = [
                {f"x{n}": round(dice.gauss(0, 1), 3) for n in range(16)} for _ in range(BATCH_ROWS)
            ]
            loan: list[dict[str, object]] = [{"age": 40, "job": "cook"}]
            path, durable = "/models/employed/score", "/environments/durable/models/employed/score"
            print(HEAD)
            print(alone("classifier alone, 1 row", 1, 500, probe=True))
            print(alone("classifier alone, 500 rows", BATCH_ROWS, BATCH_REQUESTS, probe=True))
            for name, where, what, total, clients in (
                ("classifier, 1 row, 1 connection", path, rows[:1], ONE_ROW_REQUESTS, 1),
                ("classifier, 1 row, 8 connections", path, rows[:1], ONE_ROW_REQUESTS, 8),
                ("classifier, 1 row, durable, 1 connection", durable, rows[:1], 300, 1),
                ("classifier, 1 row, durable, 8 connections", durable, rows[:1], ONE_ROW_REQUESTS, 8),
                ("classifier, 500 rows, 1 connection", path, rows, BATCH_REQUESTS, 1),
                ("classifier, 500 rows, 4 connections", path, rows, BATCH_REQUESTS, 4),
                ("rules, 1 row, 1 connection", "/models/credit/score", loan, ONE_ROW_REQUESTS, 1),
                ("rules, 1 row, 8 connections", "/models/credit/score", loan, ONE_ROW_REQUESTS, 8),
            ):
                print(measure(name, service, where, what, total=total, clients=clients), flush=True)
            memory = psutil.Process(service.process.pid).memory_info().rss >> 20
            print(f"service: {memory} MB resident; exit code after SIGTERM: {service.end()}")
        finally:
            service.close()


if __name__ == "__main__":
    main()
