"""Choreographies have no one who executes them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.passes import choreographies


@rule("choreographies")
def check(subject: Subject) -> Iterator[Finding]:
    """No choreography stands in the file."""
    for node in subject.diagram.choreographies:
        yield Finding(at=node, reason=choreographies.reason(node), hint=choreographies.HINT)
