"""Where a scope ends."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("end-events")
def check(subject: Subject) -> Iterator[Finding]:
    """Every process and subprocess has an end event."""
    for scope in subject.scopes():
        if scope.kind == "adHocSubProcess":
            continue
        if not any(node.kind == "endEvent" for node in scope.nodes.values()):
            yield Finding(
                at=subject.process.node(scope.id) or subject.process,
                reason="There is no end event.",
                hint="Draw one: an instance counts as finished only when it reached an end event.",
            )
