"""Fixtures of this room: scoring services that end with their test."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import psycopg
import pytest
from pydantic import SecretStr

from engine.config import Settings
from engine.store import Store, TestClock, open_store
from engine.store.postgres import OWNER, EmbeddedPostgres
from tests import mlflow_peer
from tests.serving.house import Scoring


@pytest.fixture
def scoring(store: Store) -> Iterator[Callable[..., Scoring]]:
    """Start a scoring service on the test's database; its client sends the given token."""
    started: list[Scoring] = []

    def start(secret: str, **given: float) -> Scoring:
        started.append(Scoring(store, secret, **given))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real MLflow server."""
    with mlflow_peer.server(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


@pytest.fixture(scope="module")
def standing_store(
    cluster: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store on a database that the tests of one file share."""
    name = f"standing_{secrets.token_hex(6)}"
    with psycopg.connect(cluster.url("admin", "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}")
        settings = Settings(
            data_dir=tmp_path_factory.mktemp("standing") / "data",
            database_url=SecretStr(cluster.url("application", name)),
            database_owner_url=SecretStr(cluster.url("owner", name)),
        )
        opened = open_store(settings, clock=TestClock())
        yield opened
        opened.close()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
