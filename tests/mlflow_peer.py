"""A real MLflow in an environment of its own: a tracking server with a registry, and `mlflow models serve`.

The environment is made once a machine, in the user's cache, under a name that its pins give; so is an empty database,
since its migrations take longer than the server's start.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from tests.ports import free_port

SECONDS = 90
SURROUNDINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}


def pins() -> list[str]:
    """What is installed; the libraries of the models are those that run here."""
    same = [f"{name}=={metadata.version(name)}" for name in ("scikit-learn", "numpy")]
    return ["mlflow==3.17.2", "pandas<3", *same]


def environment() -> Path:
    """The folder of the environment, made where it is not there yet."""
    name = hashlib.sha256("\n".join([sys.version, *pins()]).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "gatewright-tests" / f"mlflow-{name}"
    if not (folder / "made").exists():
        venv.create(folder, with_pip=True, clear=True)
        # Most of it is never imported, and so never worth compiling.
        installing = [folder / "bin" / "python", "-m", "pip", "install", "-q", "--no-compile", *pins()]
        subprocess.run(installing, check=True)
        empty = f"sqlite:///{folder / 'empty.db'}"
        with_mlflow = [folder / "bin" / "python", "-m", "mlflow", "db", "upgrade", empty]
        subprocess.run(with_mlflow, check=True, env=surroundings(folder), capture_output=True)
        (folder / "made").touch()
    return folder


def example() -> Path:
    """Folders `skops` and `cloudpickle`: a fitted model as `mlflow.sklearn` saves it in each, with an input example."""
    folder = environment()
    if not (folder / "example" / "made").exists():
        shutil.rmtree(folder / "example", ignore_errors=True)
        command = [folder / "bin" / "python", "-c", SAVE, str(folder / "example")]
        subprocess.run(command, check=True, env=surroundings(folder), capture_output=True)
        (folder / "example" / "made").touch()
    return folder / "example"


SAVE = """
import sys, mlflow.sklearn, numpy, pandas
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

random = numpy.random.default_rng(0)
frame = pandas.DataFrame({"age": random.integers(18, 80, 400), "income": random.normal(3, 1, 400).round(2)})
fitted = LogisticRegression().fit(frame, frame.age + 9 * frame.income > 75)
for form in ("skops", "cloudpickle"):
    mlflow.sklearn.save_model(
        fitted,
        path=f"{sys.argv[1]}/{form}",
        serialization_format=form,
        signature=infer_signature(frame, fitted.predict(frame)),
        input_example=frame.head(20),
    )
"""


def surroundings(folder: Path) -> dict[str, str]:
    """The environment variables of its processes."""
    return {**os.environ, **SURROUNDINGS, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}


@contextmanager
def server(place: Path) -> Iterator[str]:
    """The address of a tracking server that keeps everything below the place; gone at the end."""
    folder = environment()
    shutil.copyfile(folder / "empty.db", place / "mlflow.db")
    # As `mlflow server` starts it, without that command's own seconds.
    told = {
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{place / 'mlflow.db'}",
        "_MLFLOW_SERVER_REGISTRY_STORE": f"sqlite:///{place / 'mlflow.db'}",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(place / "artefacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    }
    command = ["-m", "uvicorn", "--log-level", "warning", "mlflow.server.fastapi_app:app", "--port"]
    with _running(command, place, told) as port:
        until_it_answers(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def serving(model: str, place: Path, tracking: str = "") -> Iterator[str]:
    """The address of `mlflow models serve` for a folder, or for an alias such as `models:/credit@production`."""
    # As `mlflow models serve --env-manager local` starts it, without that command's own seconds.
    told = {"__pyfunc_model_path__": model, **({"MLFLOW_TRACKING_URI": tracking} if tracking else {})}
    command = ["-m", "uvicorn", "--log-level", "warning", "mlflow.pyfunc.scoring_server.app:app", "--port"]
    with _running(command, place, told) as port:
        until_it_answers(f"http://127.0.0.1:{port}/ping")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(command: Sequence[str], place: Path, told: dict[str, str]) -> Iterator[int]:
    folder = environment()
    port = free_port()
    with (place / f"log-{port}").open("wb") as log:
        process = subprocess.Popen(
            [folder / "bin" / "python", *command, str(port)],
            env={**surroundings(folder), "OMP_NUM_THREADS": "1", **told},
            cwd=place,
            start_new_session=True,
            stdout=log,
            stderr=log,
        )
    try:
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def until_it_answers(address: str) -> None:
    """Return when a GET is answered."""
    ends = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own address
                return
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)
