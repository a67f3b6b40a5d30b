"""The names that elements write to."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.describing import written
from engine.bpmn.expressions.functions import FUNCTIONS
from engine.bpmn.expressions.scripts import is_variable
from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("variables")
def check(subject: Subject) -> Iterator[Finding]:
    """Every variable that an element writes has a plain name."""
    for node in subject.nodes():
        for name in sorted(written(subject.diagram, node)):
            if not is_variable(name) or name in FUNCTIONS:
                yield Finding(
                    at=node,
                    reason=f'"{name}" is no name of a variable.',
                    hint="Use letters, digits and underscores, beginning with a letter; no function's name.",
                )
