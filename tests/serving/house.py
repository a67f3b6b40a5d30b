"""What the tests of this room build on: a registered rules model with versions, environments, people, a token."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import requests

from engine.identity import Person, people, tokens
from engine.identity import queries as identity
from engine.inventory import kinds, metadata, models, versions
from engine.inventory.references import VersionRef
from engine.serving import deployments, environments
from engine.serving.deployment import Deployment
from engine.serving.environments import Environment
from engine.statistics import tallies
from engine.store import Files, Store, transaction
from engine.training import compiled, scorers
from engine.training.references import SCORE

ADA = Person(id="ada", name="Ada", roles=frozenset({"data_scientist"}))
OPS = Person(id="olga", name="Olga", roles=frozenset({"it_operations"}))
ADMIN = Person(id="root", name="Root", roles=frozenset({"admin"}))
SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0}, "job": {"type": ["string", "null"]}},
    "required": ["age"],
    "additionalProperties": False,
}


def table(grown_up: int) -> bytes:
    """A decision table as it is kept: who is younger is refused."""
    young = {"id": "young", "when": {"age": {"below": grown_up}}, "score": 0.1, "decision": "refuse", "reason": "young"}
    return json.dumps(
        {"rules": [young], "otherwise": {"score": 0.9, "decision": "grant", "reason": "old enough"}}
    ).encode()


def given_an_environment(store: Store, name: str = "production", **changed: Any) -> Environment:
    """An environment on the local target."""
    facts: dict[str, Any] = {
        "title": name.title(),
        "target": "local",
        "position": 10,
        "promoters": ["risk_manager"],
        "settings": {},
    }
    with transaction(store) as session:
        return environments.define(session, OPS, name=name, **(facts | changed))


def given_a_model(store: Store, id: str = "credit", *, kind: str = "rules", **changed: Any) -> None:
    """A registered model without versions."""
    declared = {
        "id": id,
        "name": id.title(),
        "kind": kind,
        "owner": "ada",
        "team": "Lending",
        "purpose": "Decides about loans.",
        "affects_people": True,
        "decisions_per_year": 1000,
    }
    with transaction(store) as session:
        models.register(session, ADA, metadata.read(declared | changed))


def given_a_version(store: Store, model: str = "credit", **assets: bytes) -> VersionRef:
    """The model's next version, of these files by role."""
    digests = {role: store.files.put(content) for role, content in assets.items()}
    with transaction(store) as session:
        return versions.add(session, ADA, model, digests).ref


def given_rules(store: Store, *, n_versions: int = 1, model: str = "credit") -> list[VersionRef]:
    """A rules model; version n refuses who is younger than 17 + n."""
    given_a_model(store, model)
    return [
        given_a_version(store, model, artefact=table(17 + n), input_schema=json.dumps(SCHEMA).encode())
        for n in range(1, n_versions + 1)
    ]


def given_a_remote(store: Store, address: str, model: str = "credit", **changed: Any) -> VersionRef:
    """A version of a model behind an API, which tells score and label of an age."""
    described = {
        "url": address,
        "columns": ["age"],
        "request": {"at": "rows"},
        "response": {"at": "predictions", "number": "score", "decision": "label"},
        **changed,
    }
    given_a_model(store, model, kind="remote")
    artefact = kinds.get("remote").accept(json.dumps(described).encode(), "api.json")
    return given_a_version(store, model, artefact=artefact, input_schema=json.dumps(SCHEMA).encode())


def given_a_token(store: Store, scopes: Sequence[str] = ("score:credit:production",)) -> str:
    """The secret of a token of Ada's, who is made where she is not there yet."""
    with transaction(store) as session:
        if "ada" not in {person.id for person in identity.listing(session)}:
            people.add(session, ADMIN, "ada", name="Ada", roles=["data_scientist"])
    with transaction(store) as session:
        _, secret = tokens.issue(session, ADA, name="scoring", scopes=scopes)
    return secret


def when_it_is_requested(
    store: Store, version: VersionRef, environment: str = "production", key: str = ""
) -> Deployment:
    """A deployment that shall run."""
    with transaction(store) as session:
        return deployments.request(
            session,
            ADA,
            version=version,
            environment=environment,
            instance="i-1",
            task="deploy",
            key=key or f"{version} {environment}",
        )


def when_it_goes_live(store: Store, deployment: Deployment) -> Deployment:
    """The deployment, with all requests led to it."""
    with transaction(store) as session:
        return deployments.went_live(
            session,
            deployment.id,
            address=address(deployment.model, deployment.environment),
            person=ADA,
            instance="i-1",
            task="apply",
        )


def address(model: str, environment: str = "production") -> str:
    """Where a model answers."""
    return f"http://127.0.0.1:8471/environments/{environment}/models/{model}/score"


def when_it_is_retired(store: Store, model: str = "credit", reason: str = "superseded") -> list[Deployment]:
    """What was running of the model."""
    with transaction(store) as session:
        return list(deployments.retire(session, ADA, model=model, reason=reason, instance="i-9", task="retire"))


def parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    """Rows as a Parquet file."""
    import pyarrow
    import pyarrow.parquet

    written = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), written)
    return written.getvalue()


@cache
def classifier(compress: int = 0) -> tuple[bytes, dict[str, list[float]]]:
    """A real scikit-learn model (100 trees, 16 columns) as joblib writes it, and 50 of its rows by column.

    compress: the same model in another file, since a model file is registered once.
    """
    import joblib
    import numpy
    import pandas
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    random = numpy.random.default_rng(0)
    frame = pandas.DataFrame({f"x{n}": random.normal(size=2_000).round(3) for n in range(16)})
    labels = (frame.x0 + frame.x1 * frame.x2 + random.normal(size=2_000) > 0).astype(int)
    with threadpool_limits(1):  # on cores that others use too, its threads wait for each other, busily
        fitted = HistGradientBoostingClassifier(random_state=0, early_stopping=False).fit(frame, labels)
    written = io.BytesIO()
    joblib.dump(fitted, written, compress=compress)
    return written.getvalue(), {name: frame[name].head(50).tolist() for name in frame}


@cache
def compiled_form() -> dict[str, bytes]:
    """The compiled form of the classifier and its reference, by role, made as a training and a test make them."""
    with tempfile.TemporaryDirectory() as folder:
        files = Files(folder)
        artefact, probe = classifier(compress=1)
        assets = {
            "artefact": files.put(artefact),
            "probe": files.put(json.dumps({"columns": probe}).encode()),
            "input_schema": files.put(json.dumps(classifier_schema()).encode()),
        }
        with scorers.start(files, "sklearn", assets) as child:
            predictions = child.score_columns(probe)
            made = compiled.make(files, "sklearn", child, assets, predictions)
        form = files.read(made[compiled.ROLE])
    outputs = tallies.refer({tallies.OUTPUT: list(predictions.values)}, fixed=(SCORE,))
    counted = tallies.refer(probe).beside(outputs)
    return {compiled.ROLE: form, "reference": counted.as_bytes()}


def classifier_schema() -> dict[str, Any]:
    """The input schema of the classifier."""
    _, probe = classifier()
    return {
        "type": "object",
        "properties": {name: {"type": "number"} for name in probe},
        "required": list(probe),
        "additionalProperties": False,
    }


def given_a_classifier(store: Store, model: str = "employed", *, compiled_within: float | None = None) -> VersionRef:
    """A version of a real scikit-learn model; with its compiled form where that may serve."""
    artefact, probe = classifier(compress=0 if compiled_within is None else 1)
    thresholds = {"cut_off": 0.6}
    assets = {"artefact": artefact, "probe": json.dumps({"columns": probe}).encode()}
    if compiled_within is not None:
        thresholds["max_compiled_difference"] = compiled_within
        assets |= compiled_form()
    given_a_model(store, model, kind="sklearn", thresholds=thresholds)
    return given_a_version(store, model, input_schema=json.dumps(classifier_schema()).encode(), **assets)


class Scoring:
    """A scoring service in a process of its own, as `gatewright scoring` runs it, and a client of it."""

    def __init__(self, store: Store, secret: str, group_seconds: float = 0.05) -> None:
        settings = store.settings
        assert settings.database_url is not None
        environment = os.environ | {
            "GATEWRIGHT_DATA_DIR": str(settings.home),
            "GATEWRIGHT_DATABASE_URL": settings.database_url.get_secret_value(),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(group_seconds)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address, "the scoring service did not start"
        self.headers = {"Authorization": f"Bearer {secret}"}

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.address.rpartition(":")[2])

    def get(self, path: str) -> requests.Response:
        """An answer to a GET."""
        return requests.get(self.address + path, headers=self.headers, timeout=30)

    def post(self, path: str, content: Any) -> requests.Response:
        """An answer to a POST of JSON."""
        return requests.post(self.address + path, json=content, headers=self.headers, timeout=30)

    def until(self, deployment: Deployment, state: str) -> None:
        """Wait until the service says so of the deployment."""
        ends = time.monotonic() + 30
        while True:
            answer = self.get(f"/deployments/{deployment.id}")
            if answer.status_code == 200 and answer.json()["state"] == state:
                return
            assert time.monotonic() < ends, answer.text
            time.sleep(0.05)

    def until_status(self, path: str, content: Any, status: int) -> requests.Response:
        """Wait until a POST is answered with this status; the service follows the database within half a second."""
        ends = time.monotonic() + 20
        while (answer := self.post(path, content)).status_code != status:
            assert time.monotonic() < ends, answer.text
            time.sleep(0.05)
        return answer

    def end(self) -> int:
        """Its exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def close(self) -> None:
        """Make sure that nothing of it is left."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
import threading
from engine.config import Settings
from engine.inferences.log import InferenceLog
from engine.serving import usage
from engine.serving.scoring import serve
from engine.store import open_store

usage.SAMPLE_SECONDS = 0.5
store = open_store(Settings.load(), application="scoring")
log = InferenceLog(store, group_seconds=float(sys.argv[1]), group_rows=512 if sys.argv[1] == "0.05" else 10**9)
serve(store, "127.0.0.1", 0, threading.Event(), log=log, announce=lambda address: print(address, flush=True))
store.close()
"""
