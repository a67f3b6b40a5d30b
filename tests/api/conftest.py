"""The application on a fresh database, and people who call it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from engine import handlers
from engine.runtime import definitions
from engine.store import Store, transaction
from tests.api.callers import Caller, person, token
from web import shipped
from web.app import create_app


@pytest.fixture
def app(store: Store) -> Flask:
    """The application, with the shipped life cycles published."""
    handlers.load()
    with transaction(store) as session:
        definitions.publish_shipped(session, shipped.library())
    return create_app(store, testing=True)


@pytest.fixture
def as_(app: Flask, store: Store) -> Callable[..., Caller]:
    """Makes somebody with the named roles and returns how they call."""

    def make(id: str, *roles: str) -> Caller:
        return Caller(app, token(store, person(store, id, *roles)))

    return make


@pytest.fixture
def nobody(app: Flask) -> Caller:
    """Somebody without a token."""
    return Caller(app)
