"""Forget the past: what the future does not read is dropped, so that the state of a loop stays small.

Kept of each scope: the root, and every token that is not finished, with its direct parent (a join knows by it along
which flow the token came, a boundary event its activity). The rest is dropped, and a kept token hangs on its nearest
kept ancestor. Numbers of writes that tell nothing apart are dropped too.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from engine.bpmn import gathering
from engine.bpmn.merging import join
from engine.bpmn.spec.joins import EndJoin
from engine.bpmn.tokens import UNFINISHED, WAITING, Token


def compact(top: Any) -> None:
    """Drop from an instance, in place, what it does not need to go on."""
    for scope in top.scopes():
        _fold(scope)
        _prune(scope)
        _forget_writes(scope)


def _prune(scope: Any) -> None:
    tasks: dict[UUID, Token] = scope.tasks
    root = scope.task_tree
    keep: set[UUID] = {root.id}
    for token in tasks.values():
        if token._state & UNFINISHED:
            keep.add(token.id)
            if token._parent is not None:
                keep.add(token._parent)
    # In the order in which they were made: parents come before children, and who has waited longer before the others.
    order = list(tasks.values())
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


def _forget_writes(scope: Any) -> None:
    """Drop the numbers that tell nothing apart, so that they stay as few as the tokens however long a loop runs."""
    # The start event of an event subprocess takes what the others carry when it fires; until then it tells nothing. Nor
    # does a compensation handler: what it changes is a write of the event that asks for it.
    telling = [
        token
        for token in scope.unfinished()
        if not (token.task_spec.inside and token._state == WAITING) and "undoes" not in token.internal_data
    ]
    holders = {each.id: each for token in telling for each in (token, token.parent) if each is not None}
    for token in scope.tasks.values():
        if token.id not in holders:
            token.stamps, token.seen = {}, frozenset()
    if not any(token.seen for token in holders.values()):
        return
    stamps = [token.stamps for token in holders.values()]
    names = {name for each in stamps for name in each}
    apart = {name for name in names if len({each.get(name, 0) for each in stamps}) > 1}
    told = {number for each in stamps for name, number in each.items() if name in apart}
    for token in holders.values():
        token.stamps = {name: number for name, number in token.stamps.items() if name in apart}
        token.seen = token.seen & told


def _fold(scope: Any) -> None:
    """Make one of tokens that wait at the scope's end, so that side branches do not pile up there.

    Only where it makes no difference to what is joined later: where nobody knows one of two writes that agree and not
    the other.
    """
    folded: list[Token] = []
    for token in list(scope.tasks.values()):
        if token._state == WAITING and isinstance(token.task_spec, EndJoin):
            # The newest goes on, so that the order of the tokens stays.
            folded = [other for other in folded if not _folded(scope, token, other)] + [token]


def _folded(scope: Any, one: Token, other: Token) -> bool:
    data, stamps, seen, conflicts = join([other, one], scope.top_workflow.number())
    if conflicts:
        return False
    agreed = {}
    for name in one.stamps.keys() & other.stamps.keys():
        made = {one.stamps[name], other.stamps[name]}
        if len(made) > 1 and stamps.get(name) not in made:
            agreed[name] = made
    if agreed:
        beside = [branch for branch in gathering.branches(scope) if branch is not one and branch is not other]
        if any(len(made & branch.seen) == 1 for made in agreed.values() for branch in beside):
            return False
    one.data, one.stamps, one.seen = data, stamps, seen
    scope._remove_task(other.id)
    for name, made in agreed.items():
        number = scope.top_workflow.number()
        one.stamps = {**one.stamps, name: number}
        one.seen = one.seen | {number}
        for token in scope.tasks.values():
            if made <= token.seen:
                token.seen = token.seen | {number}
    return True
