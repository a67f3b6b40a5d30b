"""Calls of other processes."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, nearest, rule


@rule("call-activities")
def check(subject: Subject) -> Iterator[Finding]:
    """A call activity names a known process, not its own."""
    known = subject.vocabulary.processes
    for node in subject.nodes("callActivity"):
        if not node.called:
            yield Finding(
                at=node, reason="The call activity names no process.", hint="Set its called element to a process id."
            )
        elif node.called == subject.process.id:
            yield Finding(at=node, reason="The process calls itself.", hint="Draw the repetition as a loop.")
        elif known and node.called not in known:
            yield Finding(
                at=node,
                reason=f'There is no process "{node.called}".',
                hint=nearest(node.called, known, "processes"),
            )
        elif not known:
            yield Finding(
                at=node,
                severity="warning",
                reason=f'Whether there is a process "{node.called}" could not be checked.',
                hint="Publish the called process first.",
            )
