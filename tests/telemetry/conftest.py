"""What the tests of this room begin with."""

from __future__ import annotations

import pytest

from engine.runtime import wakeups
from tests.runtime import worlds as w


@pytest.fixture
def house(store):
    """A store, after whose test nothing listens any more; the recorder of the handlers is empty."""
    w.RECORDER.calls.clear()
    w.RECORDER.failures.clear()
    yield store
    wakeups.close()
