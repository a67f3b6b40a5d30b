"""Script tasks."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.expressions import ExpressionError, assignments
from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("scripts")
def check(subject: Subject) -> Iterator[Finding]:
    """A script is a list of name = expression; there are no scripts before or after other tasks."""
    for node in subject.nodes():
        if node.prescript or node.postscript:
            yield Finding(
                at=node,
                reason="The element has a script that runs before or after it.",
                hint="Draw a script task there instead, so that it shows in the diagram and the history.",
            )
        if node.kind != "scriptTask":
            continue
        if not node.script:
            yield Finding(at=node, reason="The script task has no script.", hint="Write lines of name = expression.")
            continue
        try:
            if not assignments(node.script):
                yield Finding(at=node, reason="The script assigns nothing.", hint="Write lines of name = expression.")
        except ExpressionError as error:
            yield Finding(at=node, reason=error.message, hint="A script holds lines of name = expression.")
