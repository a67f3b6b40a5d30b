"""What a token carries: variables, each with the write that it stems from; and what a join makes of several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """The variables of one token.

    BPMN lets all tokens of a scope share its data objects; the house lets each branch see its own writes alone and
    joins them by cause: a value is outdated where another branch, knowing it, wrote a newer one.
    """

    held: Mapping[str, tuple[Any, int]] = field(default_factory=dict)  #: by name the value and the number of its write
    seen: frozenset[int] = frozenset()  #: every write in the token's past

    def written(self, values: Mapping[str, Any], number: int) -> Carried:
        """With these values, as one write; a value that was there before is no write."""
        changed = {
            name: value
            for name, value in values.items()
            if name not in self.held or not same(self.held[name][0], value)
        }
        if not changed:
            return self
        held = {**self.held, **{name: (value, number) for name, value in changed.items()}}
        return Carried(held, self.seen | {number})

    def rewritten(self, values: Mapping[str, Any], number: int) -> Carried:
        """With these values as one write, whatever was there before."""
        held = {**self.held, **{name: (value, number) for name, value in values.items()}}
        return Carried(held, self.seen | {number})

    @property
    def variables(self) -> dict[str, Any]:
        """The variables by name."""
        return {name: value for name, (value, _) in self.held.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Carried) and self.held == other.held and self.seen == other.seen

    def __hash__(self) -> int:
        return hash(frozenset((name, number) for name, (_, number) in self.held.items()))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; 1, 1.0 and true are three."""
    return one is other or json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def joined(branches: Sequence[Carried], number: int) -> tuple[Carried, tuple[str, ...]]:
    """(what the branches carry together, the names that two wrote differently and neither wrote last).

    Where two wrote the same, `number` is the write on which they agree.
    """
    if len(branches) == 1:
        return branches[0], ()
    held: dict[str, tuple[Any, int]] = {}
    conflicts = []
    for name in dict.fromkeys(name for branch in branches for name in branch.held):
        holders = [branch for branch in branches if name in branch.held]
        if len({branch.held[name][1] for branch in holders}) == 1:
            held[name] = holders[0].held[name]  # all of them stem from one write
            continue
        newest = [
            branch.held[name]
            for branch in holders
            if not any(
                branch.held[name][1] in other.seen and other.held[name][1] != branch.held[name][1] for other in holders
            )
        ]
        held[name] = newest[0]
        if len({write for _, write in newest}) > 1:
            held[name] = (newest[0][0], number)
            if any(not same(newest[0][0], value) for value, _ in newest[1:]):
                conflicts.append(name)
    seen = frozenset().union(*(branch.seen for branch in branches), (write for _, write in held.values()))
    return Carried(held, seen), tuple(sorted(conflicts))
