"""Paths that stop without an end event, and elements that no path reaches."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import Scope


@rule("dead-ends")
def check(subject: Subject) -> Iterator[Finding]:
    """Every path leads to an end event, and every element lies on a path from a start event."""
    for scope in subject.scopes():
        if scope.kind == "adHocSubProcess":
            continue
        reached = _reached(scope)
        for node in scope.nodes.values():
            if node.triggered_by_event or node.compensation:
                continue
            if node.kind != "endEvent" and not scope.outgoing(node.id):
                yield Finding(
                    at=node,
                    reason="No flow leaves this element, and it is no end event.",
                    hint="Draw a flow to an end event.",
                )
            if node.id not in reached:
                yield Finding(
                    at=node,
                    reason="No path from a start event reaches this element, so it would never run.",
                    hint="Draw a flow to it, or remove it.",
                )


def _reached(scope: Scope) -> set[str]:
    stack = [node.id for node in scope.nodes.values() if node.kind == "startEvent"]
    seen: set[str] = set()
    while stack:
        node = stack.pop()
        if node in seen or node not in scope.nodes:
            continue
        seen.add(node)
        stack += [flow.target for flow in scope.outgoing(node)]
        stack += [event.id for event in scope.boundary(node)]
    return seen
