"""What parallel branches make of the variables together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

_ABSENT = object()


class Branch(Protocol):
    """A token that takes part in a join."""

    data: dict[str, Any]
    stamps: dict[str, int]  #: by variable the number of the write that it stems from, where others may not know of it
    seen: frozenset[int]  #: every such write that the token knows of


def join(branches: Sequence[Branch], number: int) -> tuple[dict[str, Any], dict[str, int], frozenset[int], list[str]]:
    """(variables, stamps, seen, names in conflict) of the token that goes on for all of these; `number` is a new one.

    Of each variable the newest value counts: a value is outdated where another branch knew it and wrote anew. Two
    values of which neither is outdated have to be the same, else they are in conflict and the first branch's is kept.
    So the result does not depend on the order of arrival, nor on where in the diagram the branches parted.
    """
    data: dict[str, Any] = {}
    stamps: dict[str, int] = {}
    conflicts: list[str] = []
    for name in dict.fromkeys(name for branch in branches for name in branch.data):
        holders = [branch for branch in branches if name in branch.data]
        versions = {branch.stamps.get(name, 0): branch for branch in reversed(holders)}
        newest = (
            list(versions.values())
            if len(versions) == 1
            else [
                branch
                for stamp, branch in reversed(versions.items())
                if not any(
                    (stamp == 0 or stamp in other.seen) and other.stamps.get(name, 0) != stamp for other in holders
                )
            ]
        )
        data[name], stamp = newest[0].data[name], newest[0].stamps.get(name, 0)
        if len(newest) > 1:
            # The join makes a version of its own: who saw only one of those that agreed is as far behind as before.
            stamp = number
            if any(not same(data[name], branch.data[name]) for branch in newest[1:]):
                conflicts.append(name)
        if stamp:
            stamps[name] = stamp
    seen = frozenset().union(*(branch.seen for branch in branches), stamps.values())
    return data, stamps, seen, conflicts


def merge(base: Mapping[str, Any], branches: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """(the merged variables, the names in conflict).

    A variable takes the value of the branch that changed it since `base`. Two branches that wrote the same value
    agree; two that wrote different ones are in conflict, and the variable keeps the first branch's value.
    """
    merged = dict(base)
    written: dict[str, Any] = {}
    conflicts: list[str] = []
    for branch in branches:
        for name, value in branch.items():
            if same(base.get(name, _ABSENT), value):
                continue
            if name in written and not same(written[name], value):
                if name not in conflicts:
                    conflicts.append(name)
                continue
            written[name] = value
    merged.update(written)
    return merged, conflicts


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; 1, 1.0 and true are three."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
