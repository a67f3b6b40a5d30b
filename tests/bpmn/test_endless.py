"""Flat for ever: a pass costs the same early and late, and leaves nothing behind, whatever the loop holds."""

from __future__ import annotations

import pytest

from tests.bpmn.endless import KINDS, Going

#: passes after which everything that a loop brings has come round
SETTLED = 100


def flat(kind: str, passes: int) -> None:
    going = Going(KINDS[kind])
    for _ in range(SETTLED):
        going.pass_once()
    early = [going.calls() for _ in range(6)]
    sizes, tokens = [], []
    while going.n < passes - 6:
        going.pass_once()
        # All kinds repeat after six passes, and are looked at where they stood before.
        if going.n % 6 == 0:
            sizes.append(going.size)
            tokens.append(going.tokens)
    late = [going.calls() for _ in range(6)]
    assert len(set(tokens)) == 1
    assert max(sizes) == min(sizes)
    assert max(late) <= 1.1 * max(early), "of functions that a pass calls"
    assert going.execution.variables()["n"] == going.n + 1, "one is counted as it begins"


@pytest.mark.parametrize("kind", KINDS)
def test_n2_a_loop_is_flat_for_two_thousand_passes(kind):
    flat(kind, 2_000)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_is_flat_for_a_hundred_thousand_passes(kind):
    flat(kind, 100_000)
