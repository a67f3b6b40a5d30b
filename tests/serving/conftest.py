"""Fixtures of this room: scoring services that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engine.store import Store
from tests.serving.house import Scoring


@pytest.fixture
def scoring(store: Store) -> Iterator[Callable[[str], Scoring]]:
    """Start a scoring service on the test's database; its client sends the given token."""
    started: list[Scoring] = []

    def start(secret: str) -> Scoring:
        started.append(Scoring(store, secret))
        return started[-1]

    yield start
    for each in started:
        each.close()
