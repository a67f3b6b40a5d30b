"""What every deployment target keeps to. A new target brings a fixture of its own name; nothing else changes here.

The fixture gives the settings under which the target is reached, with whatever it needs (a server, a folder) running,
settings under which nothing answers, and a way to have rows decided by whoever stands at the address.
"""

from __future__ import annotations

import io
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import requests

from engine.config import Settings
from engine.inventory.references import VersionRef
from engine.serving import batches, deployments, drops, targets
from engine.serving.deployment import Deployment
from engine.serving.runner import Runner
from engine.serving.targets import StartFailed, Target, TargetUnreachable
from engine.store import Store, transaction
from tests.serving.api import Api
from tests.serving.contexts import serving
from tests.serving.house import (
    ADA,
    Scoring,
    given_a_remote,
    given_a_token,
    given_a_version,
    given_an_environment,
    given_rules,
    parquet,
    when_it_goes_live,
    when_it_is_requested,
)

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Around:
    """What stands around a target in a test."""

    settings: Settings  #: under which it is reached
    away: Settings  #: under which nothing answers
    decide: Callable[[str, Rows], list[str]]  #: the decisions of whoever stands at an address
    given: Callable[[Store], object] = given_rules  #: registers the sound version of `credit`


@dataclass(frozen=True)
class Place:
    """A target that can be reached, and deployments for it."""

    store: Store
    target: Target
    around: Around

    @property
    def settings(self) -> Settings:
        return self.around.settings

    def start(self, deployment: Deployment) -> str:
        return self.target.start(deployment, self.settings, self.store.files)

    def withdraw(self, deployment: Deployment) -> Deployment:
        with transaction(self.store) as session:
            return deployments.withdraw(session, deployment.id, person=ADA, reason="the contract's end")


@pytest.fixture
def local(store: Store, scoring: Callable[..., Scoring]) -> Around:
    """A scoring service, and the settings that lead to it."""
    service = scoring("")
    headers = {"Authorization": f"Bearer {given_a_token(store)}"}

    def decide(address: str, rows: Rows) -> list[str]:
        answer = requests.post(address, json=rows, headers=headers, timeout=9)
        assert answer.status_code == 200, answer.text
        return [row["decision"] for row in answer.json()["rows"]]

    reached = store.settings.model_copy(update={"scoring_port": service.port})
    return Around(reached, store.settings.model_copy(update={"scoring_port": 1}), decide)


def no_folder(store: Store, tmp_path: Path) -> Settings:
    """Settings whose exchange folder cannot be made."""
    (tmp_path / "file").touch()
    return store.settings.model_copy(update={"exchange_dir": tmp_path / "file" / "exchange"})


@pytest.fixture
def batch(store: Store, tmp_path: Path) -> Around:
    """A runner."""

    def decide(address: str, rows: Rows) -> list[str]:
        with transaction(store) as session:
            source = store.files.put(parquet(rows))
            asked = batches.request(
                session, ADA, model="credit", environment="production", source=source, name="rows.parquet"
            )
        Runner(store).look()
        with transaction(store) as session:
            result = batches.result_of(session, asked.id).result
        assert result is not None
        return pyarrow.parquet.read_table(io.BytesIO(store.files.read(result)))["decision"].to_pylist()

    return Around(store.settings, no_folder(store, tmp_path), decide)


@pytest.fixture
def file_drop(store: Store, tmp_path: Path) -> Around:
    """A runner that watches folders."""

    def decide(address: str, rows: Rows) -> list[str]:
        place = Path(address.removeprefix("file://"))
        assert place == drops.folder(store.settings, "production", "credit") / "in"
        (place / "rows.parquet").write_bytes(parquet(rows))
        Runner(store, quiet_seconds=0).look()
        (result,) = (place.parent / "done").glob("rows-*.scores.parquet")
        return pyarrow.parquet.read_table(result)["decision"].to_pylist()

    return Around(store.settings, no_folder(store, tmp_path), decide)


@pytest.fixture
def http(store: Store, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Around]:
    """Somebody else's API, and a scoring service in front of it."""
    with Api(lambda row: 0.1 if row["age"] < 18 else 0.9) as api:
        monkeypatch.setenv("GATEWRIGHT_REMOTE_HOSTS", '["127.0.0.1"]')
        around = request.getfixturevalue("local")
        settings = around.settings.model_copy(update={"remote_hosts": ("127.0.0.1",)})
        yield Around(settings, around.away, around.decide, lambda store: given_a_remote(store, api.address))


@pytest.fixture
def oci(store: Store, tmp_path: Path) -> Around:
    """Somebody who starts the entry of a build context, in an interpreter with the standard library alone."""
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False)

    def decide(address: str, rows: Rows) -> list[str]:
        with serving(Path(address.removeprefix("file://")), bare / "bin" / "python") as served:
            answer = requests.post(f"{served}/models/credit/score", json=rows, timeout=9)
        assert answer.status_code == 200, answer.text
        return [row["decision"] for row in answer.json()["rows"]]

    return Around(store.settings, no_folder(store, tmp_path), decide)


@pytest.fixture
def mlflow(registry: str, local: Around) -> Around:
    """An MLflow server, and a scoring service that answers for what is registered there."""
    settings = local.settings.model_copy(update={"mlflow_url": registry})
    away = local.settings.model_copy(update={"mlflow_url": "http://127.0.0.1:1"})
    return Around(settings, away, local.decide)


@pytest.fixture(params=targets.names())
def place(request: pytest.FixtureRequest, store: Store) -> Place:
    name: str = request.param
    given_an_environment(store, target=name)
    around = request.getfixturevalue(name)
    around.given(store)
    return Place(store, targets.get(name), around)


def wanted(place: Place, **assets: bytes) -> Deployment:
    """A deployment whose row stands with its wish; of the version with these assets, or of the sound one."""
    version = given_a_version(place.store, **assets) if assets else VersionRef("credit", 1)
    return when_it_is_requested(place.store, version)


def test_start_gives_the_address_at_which_the_version_then_answers(place: Place) -> None:
    deployment = wanted(place)
    address = place.start(deployment)
    assert place.target.observe(deployment, place.settings).state == "running"
    when_it_goes_live(place.store, deployment)
    assert place.around.decide(address, [{"age": 17}, {"age": 18}]) == ["refuse", "grant"]


def test_starting_again_gives_the_same_address(place: Place) -> None:
    deployment = wanted(place)
    assert place.start(deployment) == place.start(deployment)


def test_a_version_that_cannot_start_is_refused_with_its_cause(place: Place) -> None:
    broken = wanted(place, artefact=b"no table", input_schema=b'{"properties": {"age": {"type": "integer"}}}')
    with pytest.raises(StartFailed, match=r"credit@2 in production: .*JSON"):
        place.start(broken)


def test_stop_returns_when_nothing_runs_any_more_and_is_quiet_where_nothing_ran(place: Place) -> None:
    deployment = wanted(place)
    place.start(deployment)
    ended = place.withdraw(deployment)
    for _ in range(2):
        place.target.stop(ended, place.settings)
        assert place.target.observe(ended, place.settings).state == "stopped"


def test_a_target_that_is_away_is_named_with_its_address(place: Place) -> None:
    deployment = wanted(place)
    with pytest.raises(TargetUnreachable, match=r"does not answer at (http|file)://"):
        place.target.observe(deployment, place.around.away)
