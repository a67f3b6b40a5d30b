"""Subprocesses with a behaviour of their own."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule

HINTS = {
    "adHocSubProcess": ("An ad-hoc subprocess", "Draw the order of its activities, or a parallel gateway."),
}


@rule("special-subprocesses")
def check(subject: Subject) -> Iterator[Finding]:
    """No ad-hoc subprocess."""
    for node in subject.nodes():
        if node.kind in HINTS:
            name, hint = HINTS[node.kind]
            yield Finding(at=node, reason=f"{name} is not executed.", hint=hint)
