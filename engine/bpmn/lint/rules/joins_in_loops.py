"""Joins of several branches inside a loop."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import Scope


@rule("joins-in-loops")
def check(subject: Subject) -> Iterator[Finding]:
    """No parallel or inclusive gateway joins several flows inside a loop of its own scope."""
    for scope in subject.scopes():
        for node in scope.nodes.values():
            if node.kind not in {"parallelGateway", "inclusiveGateway"} or len(scope.incoming(node.id)) < 2:
                continue
            if _returns(scope, node.id):
                yield Finding(
                    at=node,
                    reason="The gateway joins branches and lies inside a loop of the same scope.",
                    hint="Move the parallel part into a subprocess or a called process: each pass then has a scope of "
                    "its own.",
                )


def _returns(scope: Scope, start: str) -> bool:
    """Whether a path leads from the element back to it."""
    stack = [flow.target for flow in scope.outgoing(start)]
    seen: set[str] = set()
    while stack:
        node = stack.pop()
        if node == start:
            return True
        if node in seen:
            continue
        seen.add(node)
        stack += [flow.target for flow in scope.outgoing(node)]
        for event in scope.boundary(node):
            stack.append(event.id)
    return False
