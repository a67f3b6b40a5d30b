"""Calls of other processes."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn import bindings
from engine.bpmn.lint.registry import Finding, Subject, nearest, rule
from engine.bpmn.model import Node


@rule("call-activities")
def check(subject: Subject) -> Iterator[Finding]:
    """A call activity names a known process, not its own, and a version of it that there is."""
    known = subject.vocabulary.processes
    for node in subject.nodes("callActivity"):
        if not node.called:
            yield Finding(
                at=node, reason="The call activity names no process.", hint="Set its called element to a process id."
            )
        elif (wrong := _wrong_version(subject, node)) is not None:
            yield Finding(
                at=node,
                reason=wrong,
                hint="Give its property `version` the number of a published version, or leave it out for the latest.",
            )
        elif node.called == subject.process.id:
            yield Finding(at=node, reason="The process calls itself.", hint="Draw the repetition as a loop.")
        elif known and bindings.process_of(node.called) not in known:
            called = bindings.process_of(node.called)
            yield Finding(
                at=node,
                reason=f'There is no process "{called}".',
                hint=nearest(called, known, "processes"),
            )
        elif not known:
            yield Finding(
                at=node,
                severity="warning",
                reason=f'Whether there is a process "{node.called}" could not be checked.',
                hint="Publish the called process first.",
            )


def _wrong_version(subject: Subject, node: Node) -> str | None:
    """What is wrong with the version to which a call is bound."""
    process = bindings.process_of(node.called)
    try:
        version = bindings.version_of(node.called)
    except ValueError as reason:
        return f"It is bound to a version of {process}, but {reason}."
    latest = subject.vocabulary.versions.get(process)
    if version is not None and latest is not None and version > latest:
        return f"It is bound to version {version} of {process}, of which {latest} is the latest."
    return None
