"""A house with its library published, and a real scoring service beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.config import Settings
from engine.runtime import wakeups
from engine.store import Store, TestClock, open_store
from tests.handlers import house as h
from tests.serving.house import Scoring, given_a_token


@pytest.fixture
def house(settings: Settings, clock: TestClock) -> Iterator[Store]:
    """The house; its deployments run in a scoring service of its own."""
    plain = open_store(settings, clock=clock)
    scoring = Scoring(plain, given_a_token(plain, ["score:credit:production", "score:letters:production"]))
    plain.close()
    store = open_store(settings.model_copy(update={"scoring_port": scoring.port}), clock=clock)
    h.given_a_house(store)
    try:
        yield store
    finally:
        scoring.close()
        wakeups.close()
        store.close()
