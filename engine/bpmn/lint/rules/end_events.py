"""Where a scope ends."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import Node


@rule("end-events")
def check(subject: Subject) -> Iterator[Finding]:
    """A path of every process and subprocess ends: at an end event, or at an element that no flow leaves."""
    for scope in subject.scopes():
        if scope.kind == "adHocSubProcess" or not scope.nodes:
            continue
        left = {flow.source for flow in scope.flows}
        drawn = [node for node in scope.nodes.values() if node.kind == "endEvent"]
        implied = [node for node in scope.nodes.values() if node.id not in left and ends_path(node)]
        if drawn:
            for node in implied:
                yield Finding(
                    at=node,
                    severity="warning",
                    reason="No flow leaves this element: its path ends here, though others end at an end event.",
                    hint="Draw a flow to an end event.",
                )
        elif not implied:
            yield Finding(
                at=subject.process.node(scope.id) or subject.process,
                reason="No path ends: there is no end event, and a flow leaves every element.",
                hint="Draw an end event: an instance has finished only when its tokens have ended.",
            )


def ends_path(node: Node) -> bool:
    """Whether a path can end at an element that no flow leaves."""
    return not node.triggered_by_event and not node.compensation and node.kind != "endEvent"
