"""The story, told once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.demo import running
from tests.demo.running import Told


@pytest.fixture(scope="session")
def told() -> Iterator[Told]:
    """The demo after its story, serving; ended by Ctrl-C after the last test."""
    yield running.once()
    running.end()
