"""Elements that no path reaches."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import Scope


@rule("dead-ends")
def check(subject: Subject) -> Iterator[Finding]:
    """Every element lies on a path from where its scope begins."""
    for scope in subject.scopes():
        if scope.kind == "adHocSubProcess":
            continue
        reached = _reached(scope)
        for node in scope.nodes.values():
            if node.triggered_by_event or node.compensation or node.compensates:
                continue
            if node.id not in reached:
                yield Finding(
                    at=node,
                    reason="No path from the start reaches this element, so it would never run.",
                    hint="Draw a flow to it, or remove it.",
                )


def _reached(scope: Scope) -> set[str]:
    stack = [node.id for node in scope.nodes.values() if node.kind == "startEvent"]
    stack += [node.id for node in scope.beginnings()]
    seen: set[str] = set()
    while stack:
        node = stack.pop()
        if node in seen or node not in scope.nodes:
            continue
        seen.add(node)
        stack += [flow.target for flow in scope.outgoing(node)]
        stack += [event.id for event in scope.boundary(node)]
    return seen
