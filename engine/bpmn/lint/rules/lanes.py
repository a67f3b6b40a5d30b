"""Lanes hold what is drawn in them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("lanes")
def check(subject: Subject) -> Iterator[Finding]:
    """A lane lists only elements that are there."""
    for lane, node in subject.process.refs_without_node:
        yield Finding(
            at=subject.process,
            severity="warning",
            reason=f'The lane "{lane}" lists "{node}", which is no element of the process.',
            hint="Draw the lane again, or save the diagram in the modeler.",
        )
