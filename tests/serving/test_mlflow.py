"""MLflow: a version in its registry, its alias, its endpoint, and what of a server is not believed."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas
import pytest
from pydantic import SecretStr

from engine.config import Settings
from engine.inventory import queries as inventory
from engine.inventory.references import VersionRef
from engine.sandbox import ModelCodeFailed
from engine.serving import bundles, deployments, endpoints, queries, targets
from engine.serving.deployment import Deployment
from engine.serving.endpoints import EndpointDiffers
from engine.serving.programs.gatewright_model import Model
from engine.serving.runner import Runner
from engine.serving.targets import TargetUnreachable
from engine.serving.targets import mlflow as target
from engine.store import Store, transaction
from engine.training import mlflow, scorers
from engine.training.mlflow import Mlflow, MlflowAway, MlflowRefused, MlflowUnset
from tests import mlflow_peer
from tests.serving.contexts import written
from tests.serving.house import (
    ADA,
    Scoring,
    classifier,
    given_a_classifier,
    given_a_token,
    given_an_environment,
    given_rules,
    parquet,
    when_it_goes_live,
    when_it_is_requested,
)
from tests.serving.test_batches import answers, given_a_batch, now_is


def given_a_house(store: Store, registry: str, *, scoring_port: int = 1) -> Store:
    """The store of a house that knows the MLflow server, and goes to endpoints of this machine."""
    changed = {"mlflow_url": registry, "remote_hosts": ("127.0.0.1",), "scoring_port": scoring_port}
    return dataclasses.replace(store, settings=store.settings.model_copy(update=changed))


def registered(house: Store, deployment: Deployment) -> str:
    """The deployment's version in MLflow, with the alias, as a start makes them before it asks the scoring service."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.serving.targets.local.AWAY_SECONDS", 0.0)
        with pytest.raises(TargetUnreachable, match="local"):
            targets.get("mlflow").start(deployment, house.settings, house.files)
    alias = Mlflow(house.settings).get("registered-models/alias", name=deployment.model, alias=deployment.environment)
    return str(alias["model_version"]["version"])


@pytest.mark.long
def test_r16_an_mlflow_endpoint_gives_identical_outputs_by_rest_and_by_batch(
    store: Store,
    scoring: Callable[..., Scoring],
    registry: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What `mlflow models serve` loads by the alias; one with another version or other answers is named."""
    monkeypatch.setenv("GATEWRIGHT_REMOTE_HOSTS", '["127.0.0.1"]')
    service = scoring(given_a_token(store, ["score:employed:production"]))
    house = given_a_house(store, registry, scoring_port=service.port)
    version, (_, probe) = given_a_classifier(store), classifier()
    rows = [dict(zip(probe, row, strict=True)) for row in zip(*probe.values(), strict=True)]
    server = Mlflow(house.settings)
    with scorers.start(house.files, "sklearn", assets_of(store, version)) as child:
        own = list(child.score_columns(probe).values)
        given_an_environment(store, target="mlflow")
        before = when_it_is_requested(store, version, key="before there is an endpoint")
        target._hold(server, before, target._registered(server, before, house.files))
        with mlflow_peer.serving("models:/employed@production", tmp_path, registry) as endpoint:
            given_an_environment(store, target="mlflow", settings={"endpoint": endpoint})
            deployment = when_it_is_requested(store, version)
            address = targets.get("mlflow").start(deployment, house.settings, house.files)
            when_it_goes_live(store, deployment)
            by_rest = service.until_status(address.removeprefix(service.address), rows, 200).json()["rows"]
            assert [row["score"] for row in by_rest] == own
            batch = given_a_batch(store, parquet(rows), model="employed")
            Runner(house).look()
            by_batch = answers(store, now_is(store, batch))
            assert by_batch["score"] == own
            assert by_batch["decision"] == [row["decision"] for row in by_rest]
            assert set(by_batch["decision"]) == {"positive", "negative"}

            other = dataclasses.replace(deployment, version=2)
            with pytest.raises(ModelCodeFailed, match="version is 'employed@1', not 'employed@2'"):
                endpoints.held(house.settings, house.files, other, endpoint, child)
            shifted = {**probe, "x0": [value + 1 for value in probe["x0"]]}
            monkeypatch.setattr(child, "score_columns", lambda _: type(child).score_columns(child, shifted))
            with pytest.raises(EndpointDiffers, match=r"answers probe row \d+ of employed@1 with"):
                endpoints.held(house.settings, house.files, deployment, endpoint, child)

    with transaction(store) as session:
        deployments.withdraw(session, deployment.id, person=ADA, reason="the end")
    Runner(house).look()
    with transaction(store) as session:
        ended = queries.deployment(session, deployment.id)
    assert (ended.observed, ended.ended_at is None) == ("stopped", False)
    model = server.get("registered-models/get", name="employed")["registered_model"]
    assert mlflow.version_by_alias(model, "production") is None


def assets_of(store: Store, version: VersionRef) -> dict[str, str]:
    with transaction(store) as session:
        return dict(inventory.asset_digests(session, version))


def test_an_alias_follows_what_is_deployed_and_goes_with_it(store: Store, registry: str) -> None:
    """Set by the start, set again where it is gone, named where somebody moved it, taken away by a worker."""
    house = given_a_house(store, registry)
    server = Mlflow(house.settings)
    given_an_environment(store, target="mlflow")
    first, second = given_rules(store, n_versions=2, model="aliased")
    old = when_it_is_requested(store, first)
    number = registered(house, old)
    assert registered(house, old) == number, "done again, it is the same version"
    new = when_it_is_requested(store, second)
    moved = registered(house, new)
    assert moved != number
    alias = {"name": "aliased", "alias": "production"}

    def leads_to() -> str | None:
        model = server.get("registered-models/get", name="aliased")["registered_model"]
        return mlflow.version_by_alias(model, "production")

    server.post("registered-models/alias", {**alias, "version": number})
    seen = targets.get("mlflow").observe(new, house.settings)
    assert (seen.state, seen.detail) == (
        "failing",
        f"The alias production leads to version {number} in MLflow, not to {moved}.",
    )
    server.post("registered-models/alias", alias, method="DELETE")
    with pytest.raises(TargetUnreachable, match="local"):
        targets.get("mlflow").observe(new, house.settings)
    assert leads_to() == moved

    with transaction(store) as session:
        for each in (old, new):
            deployments.withdraw(session, each.id, person=ADA, reason="the end")
    Runner(house).look()
    assert leads_to() is None


def test_a_version_whose_files_somebody_changed_is_not_taken_for_ours(store: Store, registry: str) -> None:
    """Its tag says what it is; anybody may set one."""
    house = given_a_house(store, registry)
    server = Mlflow(house.settings)
    given_an_environment(store, target="mlflow")
    deployment = when_it_is_requested(store, given_rules(store, model="changed")[0])
    number = target._registered(server, deployment, house.files)
    assert target._registered(server, deployment, house.files) == number
    version = server.get("model-versions/get", name="changed", version=number)["model_version"]
    place = version["source"].partition(":")[2].strip("/")
    server.put(f"{place}/code/gatewright_model.py", b"print('mine')")
    again = target._registered(server, deployment, house.files)
    assert again != number
    written = server.artefact("changed", again, "code/gatewright_model.py", 1 << 20)
    assert written == bundles.PROGRAM.read_bytes()


def test_what_stands_in_mlflow_is_loaded_without_gatewright_and_told_by_digest(store: Store, tmp_path: Path) -> None:
    """A frame's NaN is a missing value again, a file that was changed is refused."""
    given_an_environment(store, target="mlflow")
    deployment = when_it_is_requested(store, given_rules(store)[0])
    written(bundles.bundle(deployment, store.files), tmp_path)
    rows = pandas.DataFrame({"age": [17.0, 40.0], "job": [None, "cook"]})
    assert Model(tmp_path).predict(rows) == [
        {"score": 0.1, "decision": "refuse", "reasons": ["young", "rule young"], "version": "credit@1"},
        {"score": 0.9, "decision": "grant", "reasons": ["old enough"], "version": "credit@1"},
    ]
    (tmp_path / "artefact").write_bytes(b"{}")
    with pytest.raises(ValueError, match="artefact is not the file that was written for credit@1"):
        Model(tmp_path)


def test_types_in_mlflow_keep_a_missing_value_missing() -> None:
    """Its long refuses NaN, and its boolean turns None into False."""
    told = {
        "integer": "long",
        "number": "double",
        "boolean": "boolean",
        ("integer", "null"): "double",
        ("number", "null"): "double",
        ("string", "null"): "string",
        ("boolean", "null"): "any",
        ("integer", "string"): "any",
        ("null",): "any",
    }
    assert {given: target._mlflow_type(list(given) if isinstance(given, tuple) else given) for given in told} == told


# --- a server that is not to be believed


class Hostile:
    """Answers every request with what it is told to; `asked` holds path and credentials."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Authorization", "")))
                status, headers, body = outer.answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile()
    yield server
    server.close()


def test_credentials_come_from_a_setting_or_a_file_and_are_never_told(hostile: Hostile, tmp_path: Path) -> None:
    """Also where the server repeats them."""
    basic = f"Basic {base64.b64encode(b'ada:open-sesame').decode()}"
    by_setting = Settings(mlflow_url=hostile.address, mlflow_credentials=SecretStr("ada:open-sesame"))
    (tmp_path / "token").write_text("a-token\n")
    by_file = Settings(mlflow_url=hostile.address, mlflow_credentials_file=tmp_path / "token")
    for settings, sent in ((by_setting, basic), (by_file, "Bearer a-token")):
        words = f"no rights for {sent}, nor for {sent.partition(' ')[2]}"
        body = json.dumps({"error_code": "PERMISSION_DENIED", "message": words}).encode()
        hostile.answer = (403, {}, body)
        with pytest.raises(MlflowRefused, match="PERMISSION_DENIED no rights for") as refused:
            Mlflow(settings).get("registered-models/search")
        assert hostile.asked[-1][1] == sent
        assert sent.partition(" ")[2] not in str(refused.value)
    with pytest.raises(MlflowUnset, match="CREDENTIALS_FILE cannot be read"):
        Mlflow(Settings(mlflow_url=hostile.address, mlflow_credentials_file=tmp_path / "none"))


@pytest.mark.parametrize("url", ["", "ftp://host", "file:///etc/passwd", "http://ada:secret@host", "http://"])
def test_a_server_is_named_by_an_http_address_without_a_user(url: str) -> None:
    with pytest.raises(MlflowUnset):
        Mlflow(Settings(mlflow_url=url))


def test_it_is_sent_nowhere_else_and_takes_no_more_than_it_asked_for(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Mlflow(Settings(mlflow_url=hostile.address))
    hostile.answer = (302, {"Location": "http://169.254.169.254/latest/meta-data"}, b"")
    with pytest.raises(MlflowRefused, match="status 302"):
        server.artefact("credit", "1", "MLmodel", 1 << 20)
    assert len(hostile.asked) == 1
    hostile.answer = (200, {}, b"x" * (1 << 20) + b"x")
    with pytest.raises(MlflowRefused, match="larger than 1 MiB"):
        server.artefact("credit", "1", "MLmodel", 1 << 20)
    hostile.answer = (200, {}, b"[" * 100_000)
    with pytest.raises(MlflowRefused, match="no JSON object"):
        server.get("registered-models/search")
    hostile.answer = (503, {}, b"")
    monkeypatch.setattr("engine.training.remotes.FIRST_PAUSE_SECONDS", 0.0)
    before = len(hostile.asked)
    with pytest.raises(MlflowAway, match=r"at http://127.0.0.1:\d+ gives no answer: status 503"):
        server.get("registered-models/search")
    assert len(hostile.asked) - before == mlflow.ATTEMPTS
