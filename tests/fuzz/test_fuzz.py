"""Parser, expressions, forms, patterns and timers under fire: a value or a named error, never anything else."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.inputs import INPUTS
from tests.fuzz.targets import TARGETS

#: of the long campaign, over all targets
SECONDS = float(os.environ.get("GATEWRIGHT_FUZZ_SECONDS", "3600"))
#: of the default run, for each target: dear ones get fewer
EXAMPLES = {"diagram": 60, "decision": 60, "form": 80}


def fire(name: str, number: int, examples: int) -> None:
    """So many inputs for a target, other ones for each number."""

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(INPUTS[name])
    def hit(content: bytes) -> None:
        TARGETS[name](content)

    hit()


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_taken_or_refused_by_name(name: str) -> None:
    fire(name, 0, EXAMPLES.get(name, 200))


@pytest.mark.long
@pytest.mark.timeout(0)
def test_an_hour_under_fire() -> None:
    """As many seconds as GATEWRIGHT_FUZZ_SECONDS says, each target as long as the others."""
    done = dict.fromkeys(TARGETS, 0)
    for name in TARGETS:
        number, ends = time.time_ns(), time.monotonic() + SECONDS / len(TARGETS)
        while time.monotonic() < ends:
            number += 1
            fire(name, number, 200)
            done[name] += 200
    print(done)
