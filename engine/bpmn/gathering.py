"""What the branches of a running scope carry together, while they go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.bpmn.merging import join, same
from engine.bpmn.tokens import STANDING, WAITING, Token


def gathered(scope: Any) -> tuple[dict[str, Any], dict[str, int], frozenset[int], list[str]]:
    """(variables, stamps, seen, names in conflict), joined as at the end of the scope.

    An activity counts with what it was given: what it changes is one write, once it is over.
    """
    joined = branches(scope)
    data, stamps, seen, conflicts = join(joined, scope.top_workflow.number())
    return data, stamps, seen, [*conflicts, *_unsettled(joined, stamps, conflicts)]


def watched(scope: Any) -> tuple[dict[str, Any], set[str]]:
    """(the variables if all activities were left as they are now, the names on which branches disagree).

    What conditions are asked of: an open subprocess or call counts with what it holds so far, as one write.
    """
    held: list[Branch] = []
    unsure: set[str] = set()
    # Nobody else sees the numbers of these writes, so they are no numbers of real ones.
    for number, token in enumerate(_tokens(scope), 1):
        branch: Branch = _branch(token)
        inside = scope.top_workflow.subprocesses.get(token.id)
        if inside is not None:
            variables, doubtful = ({**token.data}, set[str]()) if inside.completed else watched(inside)
            branch, unsure = _written(branch, variables, -number), unsure | doubtful
        held.append(branch)
    data, stamps, _, conflicts = join(held, -len(held) - 1)
    return data, {*unsure, *conflicts, *_unsettled(held, stamps, conflicts)}


@dataclass(slots=True)
class _Written:
    """A branch with one more write, which is not made."""

    data: dict[str, Any]
    stamps: dict[str, int]
    seen: frozenset[int]
    internal_data: dict[str, Any]


Branch = Token | _Written


def _written(branch: Branch, variables: dict[str, Any], number: int) -> _Written:
    before = branch.data
    changed = {name: v for name, v in variables.items() if name not in before or not same(before[name], v)}
    return _Written(
        {**before, **changed},
        {**branch.stamps, **dict.fromkeys(changed, number)},
        branch.seen | {number},
        branch.internal_data,
    )


def _unsettled(branches: Sequence[Branch], stamps: dict[str, int], conflicts: list[str]) -> list[str]:
    """What a join could not decide is not decided by being looked at."""
    held = {
        name
        for branch in branches
        for name in branch.internal_data.get("conflicts", ())
        if branch.stamps.get(name, 0) == stamps.get(name, 0)
    }
    return sorted(held.difference(conflicts))


def branches(scope: Any) -> list[Token]:
    """Those whose variables are joined, were the scope to end as it stands."""
    return list({branch.id: branch for branch in map(_branch, _tokens(scope))}.values())


def _tokens(scope: Any) -> list[Token]:
    """Those of the scope itself.

    A copy counts in what is repeated, a compensation handler in the event that asks for it; an armed start event
    carries nothing yet.
    """
    return [
        token
        for token in scope.unfinished()
        if not token.triggered
        and "undoes" not in token.internal_data
        and not (token.task_spec.inside and token._state == WAITING)
    ]


def _branch(token: Token) -> Token:
    """Who carries what the token stands for: itself, or what it came from while its element is not complete."""
    own = token.parent is None or (token.task_spec.stamped and token._state & STANDING)
    return token if own else token.parent
