"""Fixtures for every test: a PostgreSQL of our own, and a fresh database in it for each test."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from engine.config import Settings
from engine.store import Store, TestClock, migrations, open_store
from engine.store.postgres import APPLICATION, ERASER, OWNER, EmbeddedPostgres, default_folder
from tests.scheduling import LongestFirst

_TEMPLATE = "template_of_tests"

# The tests start a few hundred processes: where bytecode may not be kept, each would compile the house anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Three workers and their children on two cores: more threads for one sum only wait for each other.
os.environ |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS")}


def place() -> Path:
    """A new short folder for a database of the tests, where the server's user can reach it."""
    return default_folder(Path("tests")).with_name(f"tests-{secrets.token_hex(5)}")


def clear_up() -> None:
    """Remove the databases of test sessions that were killed: those that nobody owns any more."""
    for folder in place().parent.glob("tests-*"):
        try:
            with (folder / "owner.lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        except OSError:
            continue  # owned, or just being made


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongestFirst:
    """Give the tests to the workers unit by unit."""
    return LongestFirst(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Iterator[Any]:
    """Half a surrogate pair in what a failed test tells is written out: sent as it is, it would end the worker."""
    return _sendable((yield))


def _sendable(told: Any) -> Any:
    if isinstance(told, str):
        return told.encode(errors="backslashreplace").decode()
    if isinstance(told, dict):
        return {_sendable(key): _sendable(value) for key, value in told.items()}
    return type(told)(map(_sendable, told)) if type(told) in (list, tuple) else told


@pytest.fixture(scope="session")
def cluster() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL server for this test session, without fsync, gone at its end."""
    clear_up()
    folder = place()
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(cluster: EmbeddedPostgres) -> str:
    """The name of a migrated database, to be cloned."""
    _create(cluster, _TEMPLATE)
    migrations.upgrade(cluster.url("owner", _TEMPLATE), application=APPLICATION, eraser=ERASER)
    return _TEMPLATE


@pytest.fixture
def new_database(cluster: EmbeddedPostgres) -> Iterator[Callable[..., str]]:
    """Make a database, empty or cloned from a template; returns its name. All are dropped after the test."""
    made: list[str] = []

    def make(template: str | None = None) -> str:
        name = f"test_{secrets.token_hex(6)}"
        _create(cluster, name, template)
        made.append(name)
        return name

    yield make
    for name in made:
        _admin(cluster, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(cluster: EmbeddedPostgres, template: str, new_database: Callable[..., str], tmp_path: Path) -> Settings:
    """Settings that name a fresh database and a fresh data folder."""
    name = new_database(template)
    return Settings(
        data_dir=tmp_path / "data",
        database_url=SecretStr(cluster.url("application", name)),
        database_owner_url=SecretStr(cluster.url("owner", name)),
    )


@pytest.fixture
def clock() -> TestClock:
    """The clock of the store: it stands until the test moves it."""
    return TestClock()


@pytest.fixture
def store(settings: Settings, clock: TestClock) -> Iterator[Store]:
    """A store on a fresh, migrated database, opened as the application's role, with a test clock."""
    opened = open_store(settings, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def superuser(cluster: EmbeddedPostgres, settings: Settings) -> Iterator[psycopg.Connection]:
    """A superuser's connection to the test's database, autocommitting: who tampers comes this way."""
    assert settings.database_url is not None
    name = settings.database_url.get_secret_value().partition("?")[0].rpartition("/")[2]
    with psycopg.connect(cluster.url("admin", name), autocommit=True) as connection:
        yield connection


def _create(cluster: EmbeddedPostgres, name: str, template: str | None = None) -> None:
    _admin(cluster, f"CREATE DATABASE {name} OWNER {OWNER}" + (f" TEMPLATE {template}" if template else ""))


def _admin(cluster: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(cluster.url("admin", "postgres"), autocommit=True) as connection:
        connection.execute(statement)
