"""A house for the tests of the runtime: the store, and handlers that forget what earlier tests asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.runtime import wakeups
from engine.store import Store
from tests.runtime import worlds


@pytest.fixture
def house(store: Store) -> Iterator[Store]:
    worlds.RECORDER.calls.clear()
    worlds.RECORDER.failures.clear()
    yield store
    wakeups.close()
