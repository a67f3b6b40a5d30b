"""What the branches of a running scope carry together, while they go on."""

from __future__ import annotations

from typing import Any

from engine.bpmn.merging import join
from engine.bpmn.tokens import STANDING, WAITING, Token


def gathered(scope: Any) -> tuple[dict[str, Any], dict[str, int], frozenset[int], list[str]]:
    """(variables, stamps, seen, names in conflict), joined as at the end of the scope.

    An activity counts with what it was given: what it changes is one write, once it is over.
    """
    branches = _branches(scope)
    data, stamps, seen, conflicts = join(branches, scope.top_workflow.number())
    for branch in branches:
        # What a join could not decide is not decided by being looked at.
        for name in branch.internal_data.get("conflicts", ()):
            if name not in conflicts and branch.stamps.get(name, 0) == stamps.get(name, 0):
                conflicts.append(name)
    return data, stamps, seen, conflicts


def _branches(scope: Any) -> list[Token]:
    found: dict[Any, Token] = {}
    for token in scope.unfinished():
        if token.triggered or (token.task_spec.inside and token._state == WAITING):
            continue  # a copy counts in the activity that is repeated; an armed start event carries nothing yet
        own = token.parent is None or (token.task_spec.stamped and token._state & STANDING)
        branch = token if own else token.parent
        found[branch.id] = branch
    return list(found.values())
