"""One house with a small world for the tests of the pages, and visitors of every role who are signed in."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from engine.config import Settings
from engine.identity import Person, browser_sessions
from engine.runtime import wakeups
from engine.store import Store, TestClock, open_store, transaction
from engine.store.postgres import OWNER, EmbeddedPostgres
from tests.web import world
from web import access, live
from web.app import create_app


@dataclass(slots=True)
class Visitor:
    """Somebody with a browser."""

    client: FlaskClient
    person: Person | None = None

    def get(self, address: str, **given: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(address, **given)

    def post(self, address: str, data: dict[str, Any] | None = None, **given: Any) -> TestResponse:
        """Send a form as its page does: with the token of this browser."""
        return self.client.post(address, data={"csrf_token": self.token(), **(data or {})}, **given)

    def token(self) -> str:
        """What the forms of this browser carry."""
        found = re.search(
            r'name="csrf_token" value="([0-9a-f]+)"', self.client.get("/sign-in", follow_redirects=True).text
        )
        assert found
        return found[1]


@pytest.fixture(scope="package")
def house(cluster: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store on a database of its own."""
    name = f"pages_{secrets.token_hex(4)}"
    with psycopg.connect(cluster.url("admin", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}")
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("pages"),
        database_url=SecretStr(cluster.url("application", name)),
        database_owner_url=SecretStr(cluster.url("owner", name)),
    )
    store = open_store(settings, clock=TestClock())
    yield store
    wakeups.close()
    store.close()
    with psycopg.connect(cluster.url("admin", "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="package")
def known(house: Store) -> world.World:
    """People of all roles, a model whose life cycle waits, drafts, a schedule."""
    return world.given_a_small_world(house)


@pytest.fixture(scope="package")
def app(house: Store, known: world.World) -> Iterator[Flask]:
    """The pages."""
    made = create_app(house, testing=True)
    yield made
    with made.app_context():
        live.broadcast().close()


@pytest.fixture
def stranger(app: Flask) -> Visitor:
    """Nobody we know."""
    return Visitor(app.test_client())


@pytest.fixture
def visit(app: Flask, house: Store, known: world.World) -> Callable[[str | Person], Visitor]:
    """A browser in which somebody of this role is signed in."""

    def signed_in(who: str | Person) -> Visitor:
        person = known.person(who) if isinstance(who, str) else who
        with transaction(house) as session:
            secret = browser_sessions.begin(session, person.id, address="127.0.0.1", agent="tests")
        client = app.test_client()
        client.set_cookie(access.COOKIE, secret)
        return Visitor(client, person)

    return signed_in


def words(answer: TestResponse) -> str:
    """The text of a page without its markup, blanks aside."""
    body = re.sub(r"<(script|style).*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#39;", "'").replace("&nbsp;", " ").split())
