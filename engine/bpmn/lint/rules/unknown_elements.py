"""Elements that are neither executed nor known to be documentation."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("unknown-elements")
def check(subject: Subject) -> Iterator[Finding]:
    """Every element of the process is one that is executed, or documentation."""
    for node in subject.process.unknown:
        if node.kind == "correlationSubscription":
            yield Finding(
                at=node,
                severity="warning",
                reason="A message finds its instance by its name and the business key; this subscription's key is not "
                "looked at.",
                hint="Make what the conversation is about the business key (the start event's property subject).",
            )
            continue
        yield Finding(
            at=node,
            reason=f"A {node.kind} is not executed.",
            hint="Replace it by a task, a gateway or an event; docs/bpmn.md lists what is executed.",
        )
