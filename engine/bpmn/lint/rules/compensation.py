"""Compensation: nothing undoes what is done."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("compensation")
def check(subject: Subject) -> Iterator[Finding]:
    """No compensation handler and no compensation event."""
    for node in subject.nodes():
        if node.compensation or any(event.kind == "compensate" for event in node.events):
            yield Finding(
                at=node,
                reason="Compensation is not executed.",
                hint="Draw the way back as a path of its own, after an error boundary event.",
            )
