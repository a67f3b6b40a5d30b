"""What the tests of this room share."""

from __future__ import annotations

import pytest

from engine.statistics.tallies import Reference, refer
from tests.monitoring.census import people


@pytest.fixture(scope="session")
def reference() -> Reference:
    """People of 16 to 49 in 2015."""
    return refer(people(2015, 16, 49))
