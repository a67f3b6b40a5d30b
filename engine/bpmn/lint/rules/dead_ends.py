"""Elements that no path reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import GATEWAYS, Node, Scope


@rule("dead-ends")
def check(subject: Subject) -> Iterator[Finding]:
    """Every element lies on a path from where its scope begins; what begins nothing may be drawn beside it."""
    for scope in subject.scopes():
        if scope.kind == "adHocSubProcess":
            continue
        starts = [node for node in scope.nodes.values() if node.kind == "startEvent"]
        reached = _reached(scope, [*starts, *scope.beginnings()])
        left = [node for node in scope.nodes.values() if node.id not in reached and not _apart(node)]
        # The standard begins such an activity with its scope (BPMN 2.0.2, 10.3), engines in wide use never: nobody can
        # tell what is meant. A gateway begins only where there is no start event (10.6), so nothing comes of it here.
        doubtful = _reached(scope, [node for node in left if not scope.incoming(node.id) and not _idle(node)])
        for node in left:
            doubt = node.id in doubtful
            yield Finding(
                at=node,
                severity="error" if doubt else "warning",
                reason="No path from the start reaches this element, so it "
                + ("would never run, or begin with its scope." if doubt else "never runs."),
                hint="Draw a flow to it, or remove it.",
            )


def _apart(node: Node) -> bool:
    return node.triggered_by_event or node.compensation or node.compensates


def _idle(node: Node) -> bool:
    """Whether nothing comes of an element to which no flow leads, however it is read."""
    return node.kind in GATEWAYS or node.kind == "boundaryEvent" or (node.kind == "endEvent" and not node.events)


def _reached(scope: Scope, first: Iterable[Node]) -> set[str]:
    stack = [node.id for node in first]
    seen: set[str] = set()
    while stack:
        node = stack.pop()
        if node in seen or node not in scope.nodes:
            continue
        seen.add(node)
        stack += [flow.target for flow in scope.outgoing(node)]
        stack += [event.id for event in scope.boundary(node)]
    return seen
