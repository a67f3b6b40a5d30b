"""Forget the past: what the future does not read is dropped, so that the state of a loop stays small.

Kept of each scope: the root; every token that is not finished, with its direct parent (a join knows by it along which
flow the token came, a boundary event its activity); and every branching point above two kept tokens, whose data is the
base of the three-way merge at the join to come. The rest is dropped, and a kept token hangs on its nearest kept
ancestor.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from engine.bpmn.merging import merge
from engine.bpmn.spec.joins import EndJoin
from engine.bpmn.tokens import UNFINISHED, WAITING, Token, common_ancestor


def compact(top: Any) -> None:
    """Drop from an instance, in place, what it does not need to go on."""
    for scope in top.scopes():
        _fold(scope)
        _prune(scope)


def _prune(scope: Any) -> None:
    tasks: dict[UUID, Token] = scope.tasks
    root = scope.task_tree
    keep: set[UUID] = {root.id}
    for token in tasks.values():
        if token._state & UNFINISHED:
            keep.add(token.id)
            if token._parent is not None:
                keep.add(token._parent)
    order = _below(root, tasks)
    branches: Counter[UUID] = Counter()
    # From the leaves upwards: how many branches below each token hold something kept.
    holds: set[UUID] = set()
    for token in reversed(order):
        if branches[token.id] > 1:
            keep.add(token.id)
        if token.id in keep or branches[token.id]:
            holds.add(token.id)
            if token._parent is not None:
                branches[token._parent] += 1
    nearest: dict[UUID, UUID] = {}
    for token in order:
        above = token._parent
        if above is None:
            nearest[token.id] = token.id
            continue
        nearest[token.id] = token.id if token.id in keep else nearest[above]
    kept = [token for token in order if token.id in keep]
    for token in kept:
        token._children = []
    for token in kept:
        if token._parent is not None:
            token._parent = nearest[token._parent]
            tasks[token._parent]._children.append(token.id)
    scope.tasks = {token.id: token for token in kept}
    if scope.last_task is not None and scope.last_task.id not in scope.tasks:
        scope.last_task = None


def _below(root: Token, tasks: dict[UUID, Token]) -> list[Token]:
    """The whole tree, parents first, children in their order; without recursion, however long the history."""
    order, stack = [], [root]
    while stack:
        token = stack.pop()
        order.append(token)
        stack.extend(tasks[child] for child in reversed(token._children))
    return order


def _fold(scope: Any) -> None:
    """Make one of several tokens that wait at the scope's end, so that side branches do not pile up there."""
    waiting = [
        token for token in scope.tasks.values() if token._state == WAITING and isinstance(token.task_spec, EndJoin)
    ]
    while len(waiting) > 1:
        one, other = waiting[-2:]
        base = common_ancestor([one, other])
        merged, conflicts = merge(base.data, [one.data, other.data])
        if conflicts:
            break
        one.data = merged
        scope._remove_task(other.id)
        waiting.pop()
