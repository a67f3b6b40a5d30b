"""Variables that two parallel branches write."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.describing import written
from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import Node, Scope


@rule("parallel-writes")
def check(subject: Subject) -> Iterator[Finding]:
    """No two parallel branches write one variable: where the values differ the join waits for an operator."""
    for scope in subject.scopes():
        for at, entries in _forks(subject, scope):
            regions = [_reached(scope, entry) for entry in entries]
            writes = []
            for index, region in enumerate(regions):
                others = set().union(*(other for place, other in enumerate(regions) if place != index))
                writes.append(_writes(subject, scope, region - others))
            shared = {name for index, one in enumerate(writes) for other in writes[index + 1 :] for name in one & other}
            if shared:
                names = ", ".join(f'"{name}"' for name in sorted(shared))
                yield Finding(
                    at=at,
                    severity="warning",
                    reason=f"Branches that run in parallel write {names}. Different values stop the join, equal ones "
                    "count once: two branches that add one to a number add one in all.",
                    hint="Let each branch write variables of its own, and combine them behind the join.",
                )


def _forks(subject: Subject, scope: Scope) -> Iterator[tuple[Node, list[str]]]:
    for node in scope.nodes.values():
        targets = [flow.target for flow in scope.outgoing(node.id)]
        if node.kind not in {"exclusiveGateway", "eventBasedGateway"} and len(targets) > 1:
            yield node, targets
        elif node.kind == "boundaryEvent" and not node.interrupting:
            yield node, [node.attached_to, node.id]
        elif node.triggered_by_event and not _interrupts(subject, node):
            yield from ((node, [start.id, node.id]) for start in scope.nodes.values() if start.kind == "startEvent")


def _interrupts(subject: Subject, node: Node) -> bool:
    inside = subject.process.scopes[node.id].nodes.values()
    return any(start.interrupting for start in inside if start.kind == "startEvent")


def _reached(scope: Scope, start: str) -> set[str]:
    stack, seen = [start], set[str]()
    while stack:
        node = stack.pop()
        if node in seen or node not in scope.nodes:
            continue
        seen.add(node)
        stack += [flow.target for flow in scope.outgoing(node)]
        stack += [event.id for event in scope.boundary(node) if event.interrupting]
    return seen


def _writes(subject: Subject, scope: Scope, region: set[str]) -> set[str]:
    names: set[str] = set()
    for identifier in region:
        names |= written(subject.diagram, scope.nodes[identifier])
        inner = subject.process.scopes.get(identifier)
        if inner is not None and inner is not scope:
            names |= _writes(subject, inner, set(inner.nodes))
    return names
