"""A diagram is read by people, and restored at every step."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule

MAX_NODES = 500


@rule("size")
def check(subject: Subject) -> Iterator[Finding]:
    """A process has at most 500 elements."""
    count = sum(1 for _ in subject.nodes())
    if count > MAX_NODES:
        yield Finding(
            at=subject.process,
            reason=f"The process has {count} elements; at most {MAX_NODES} are executed.",
            hint="Move parts of it into called processes.",
        )
