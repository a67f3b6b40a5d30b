"""Tasks that do nothing."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("idle-tasks")
def check(subject: Subject) -> Iterator[Finding]:
    """An abstract or manual task and an empty subprocess are passed at once, as BPMN has it."""
    for node in subject.nodes("task", "manualTask"):
        yield Finding(
            at=node,
            severity="warning",
            reason=f"A {node.kind} is passed at once: the engine does nothing for it and waits for nobody.",
            hint="Make it a user task if a person acts, a service task if the system does.",
        )
    for node in subject.nodes("subProcess"):
        if not node.triggered_by_event and not subject.process.scopes[node.id].nodes:
            yield Finding(
                at=node,
                severity="warning",
                reason="Nothing is drawn in the subprocess: it is passed at once.",
                hint="Draw what happens in it, or make it a task.",
            )
