"""Events that wait for a condition."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.expressions import ExpressionError, names
from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("conditional-events")
def check(subject: Subject) -> Iterator[Finding]:
    """A conditional event has a condition over variables."""
    for node in subject.nodes():
        for event in node.events:
            if event.kind != "conditional":
                continue
            if not event.expression:
                yield Finding(
                    at=node, reason="The conditional event has no condition.", hint="Write one, such as: score < 0.5"
                )
                continue
            try:
                constant = not names(event.expression)
            except ExpressionError:
                continue  # told by the rule for expressions
            if constant:
                yield Finding(
                    at=node,
                    severity="warning",
                    reason="The condition reads no variable, so it is always true or never.",
                    hint="Name the variable that it waits for.",
                )
