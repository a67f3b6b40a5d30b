"""What an operator may not do to the library's life cycles by hand."""

from __future__ import annotations

from engine.bpmn import ways
from engine.bpmn.proofs import FAILS, HOLDS
from tests.bpmn.proofs import proving
from tests.processes.library import files


def test_a_token_is_not_moved_past_the_deployment_to_its_outcome() -> None:
    """Nothing would be deployed, and the life cycle would be told that it was."""
    drawn = files("deployment")
    assert proving.verdict(proving.proven(drawn), "deployed-is-told").outcome == HOLDS
    moved = proving.proven(ways.with_way(drawn, "Deploy_version", "Outcome_deployed"))
    found = proving.verdict(moved, "deployed-is-told")
    assert found.outcome == FAILS
    assert proving.walk(found)[-1] == "Outcome_deployed"
