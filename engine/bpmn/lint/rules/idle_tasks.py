"""Tasks that do nothing."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("idle-tasks")
def check(subject: Subject) -> Iterator[Finding]:
    """An abstract or manual task is passed at once, as BPMN has it; say so if someone should do something."""
    for node in subject.nodes("task", "manualTask"):
        yield Finding(
            at=node,
            severity="warning",
            reason=f"A {node.kind} is passed at once: the engine does nothing for it and waits for nobody.",
            hint="Make it a user task if a person acts, a service task if the system does.",
        )
