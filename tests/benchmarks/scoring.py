"""What a scoring request costs, measured against the model alone and against `mlflow models serve` in the same run.

    .venv/bin/python -m tests.benchmarks.scoring [--json FILE] [--quick]

CPU is that of the service and of its children, from /proc, over all requests of a line; PostgreSQL's and the client's
are not in it. The model alone is scikit-learn in its sandbox child, asked in this process without HTTP, checks or log.
Every line of ours has the log on and its counts kept. MLflow is installed into an environment of its own, serves the
same model and logs nothing. Figures of a shared machine: trust the ratios. --quick: fewer requests, for a first look.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import platform
import random
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
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
from tests import mlflow_peer
from tests.ports import free_port
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
BATCH_ROWS = 1_000
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

    @property
    def cpu_us(self) -> float:
        """CPU of one request, wherever it was spent."""
        return self.parent_us + self.child_us

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


@dataclass(frozen=True)
class Asked:
    """Who answers, and how it is asked."""

    pid: int
    port: int
    path: str
    headers: str = ""


def measure(name: str, asked: Asked, content: object, n_rows: int, *, total: int, clients: int) -> Line:
    """A closed loop of clients on keep-alive connections that do nothing but send and receive."""
    body = json.dumps(content).encode()
    head = f"POST {asked.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{asked.headers}"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    latencies: list[float] = []

    def ask(n_requests: int) -> None:
        with socket.create_connection(("127.0.0.1", asked.port)) as connection:
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

    ask(50 if n_rows == 1 else 3)
    latencies.clear()
    parent = psutil.Process(asked.pid)
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
        rows=n_rows,
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


@contextmanager
def mlflow() -> Iterator[Asked]:
    """`mlflow models serve` with the same model, installed and saved by an interpreter of its own."""
    folder = mlflow_peer.environment()
    python = folder / "bin" / "python"
    port = free_port()
    with tempfile.TemporaryDirectory() as work:
        artefact, _ = classifier()
        Path(work, "model.joblib").write_bytes(artefact)
        surroundings = mlflow_peer.surroundings(folder)
        subprocess.run([python, "-c", SAVE, work], check=True, env=surroundings, capture_output=True)
        serving = subprocess.Popen(
            [folder / "bin" / "mlflow", *f"models serve -m {work}/saved --env-manager local --port {port}".split()],
            env=surroundings,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            mlflow_peer.until_it_answers(f"http://127.0.0.1:{port}/ping")
            yield Asked(pid=serving.pid, port=port, path="/invocations")
        finally:
            os.killpg(serving.pid, signal.SIGTERM)
            serving.wait(20)


SAVE = """
import sys, joblib, mlflow.sklearn
model = joblib.load(sys.argv[1] + "/model.joblib")
saved = {"path": sys.argv[1] + "/saved", "pyfunc_predict_fn": "predict_proba", "serialization_format": "cloudpickle"}
mlflow.sklearn.save_model(model, **saved)
"""


def ours(service: Scoring, path: str) -> Asked:
    """The scoring service, asked at a path."""
    headers = f"Authorization: {service.headers['Authorization']}\r\n"
    return Asked(pid=service.process.pid, port=service.port, path=path, headers=headers)


def main() -> None:
    """Print the lines, and what they come to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write everything that was measured into this file")
    parser.add_argument("--quick", action="store_true", help="fewer requests")
    given = parser.parse_args()
    one, many = (600, 10) if given.quick else (ONE_ROW_REQUESTS, BATCH_REQUESTS)
    logging.disable(logging.WARNING)
    lines: dict[str, Line] = {}

    def put(line: Line) -> None:
        lines[line.name] = line
        print(line, flush=True)

    dice = random.Random(0)
    rows = [{f"x{n}": round(dice.gauss(0, 1), 3) for n in range(16)} for _ in range(BATCH_ROWS)]
    loan = [{"age": 40, "job": "cook"}]
    print(HEAD)
    put(alone("model alone, 1 row", 1, 500, probe=True))
    put(alone("model alone, 1,000 rows", BATCH_ROWS, many, probe=True))
    with mlflow() as peer:
        for clients in (1, 8):
            put(
                measure(f"mlflow, 1 row, {clients} conn.", peer, _records(rows[:1]), 1, total=one // 3, clients=clients)
            )
        put(measure("mlflow, 1,000 rows", peer, _records(rows), BATCH_ROWS, total=many // 2, clients=1))
    with a_store() as store:
        given_an_environment(store, "production", position=2)
        given_an_environment(store, "durable", position=1, settings={"durable": True})
        original, compiled = given_a_classifier(store), given_a_classifier(store, "compiled", compiled_within=0.0)
        (credit,) = given_rules(store)
        names = ("employed", "compiled", "credit")
        scopes = [f"score:{model}:{place}" for model in names for place in ("production", "durable")]
        service = Scoring(store, given_a_token(store, scopes))
        try:
            for version in (original, compiled, credit):
                for place in ("production", "durable"):
                    deployment = when_it_is_requested(store, version, place)
                    service.until(deployment, "running")
                    when_it_goes_live(store, deployment)
            for name, model, place, content, total, clients in (
                ("compiled, 1 row, 1 conn.", "compiled", "", rows[:1], one, 1),
                ("compiled, 1 row, 8 conn.", "compiled", "", rows[:1], one, 8),
                ("compiled, 1,000 rows", "compiled", "", rows, many, 1),
                ("compiled, 1 row, durable, 1 conn.", "compiled", "/environments/durable", rows[:1], one // 10, 1),
                ("compiled, 1 row, durable, 8 conn.", "compiled", "/environments/durable", rows[:1], one, 8),
                ("original, 1 row, 1 conn.", "employed", "", rows[:1], one, 1),
                ("original, 1 row, 8 conn.", "employed", "", rows[:1], one, 8),
                ("original, 1,000 rows", "employed", "", rows, many, 1),
                ("rules, 1 row, 1 conn.", "credit", "", loan, one, 1),
                ("rules, 1 row, 8 conn.", "credit", "", loan, one, 8),
            ):
                asked = ours(service, f"{place}/models/{model}/score")
                put(measure(name, asked, content, len(content), total=total, clients=clients))
            memory = psutil.Process(service.process.pid).memory_info().rss >> 20
            print(f"service: {memory} MB resident; exit code after SIGTERM: {service.end()}")
        finally:
            service.close()
    found = {
        "us_one_row_compiled": max(lines[f"compiled, 1 row, {n} conn."].cpu_us for n in (1, 8)),
        "mlflow_times": min(
            lines[f"mlflow, 1 row, {n} conn."].cpu_us / lines[f"compiled, 1 row, {n} conn."].cpu_us for n in (1, 8)
        ),
        "batch_times_model_alone": lines["compiled, 1,000 rows"].cpu_us / lines["model alone, 1,000 rows"].cpu_us,
    }
    print(
        f"one row, compiled, log on: {found['us_one_row_compiled']:.0f} us CPU at most; "
        f"mlflow models serve: {found['mlflow_times']:.1f} times as much, at least; "
        f"1,000 rows: {found['batch_times_model_alone']:.2f} times the model alone"
    )
    if given.json:
        written = {
            "python": sys.version.split()[0],
            "machine": platform.platform(),
            "cores": os.cpu_count(),
            "found": found,
            "lines": [dataclasses.asdict(line) for line in lines.values()],
        }
        given.json.write_text(json.dumps(written, indent=2) + "\n")


def _records(rows: list[dict[str, float]]) -> dict[str, object]:
    return {"dataframe_records": rows}


if __name__ == "__main__":
    main()
