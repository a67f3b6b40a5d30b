"""Three-way merge of what parallel branches wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ABSENT = object()


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
