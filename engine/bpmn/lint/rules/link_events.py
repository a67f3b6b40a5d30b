"""Link events: the part behind a link would never run."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("link-events")
def check(subject: Subject) -> Iterator[Finding]:
    """No link event."""
    for node in subject.nodes():
        if any(event.kind == "link" for event in node.events):
            yield Finding(
                at=node,
                reason="A link event is not executed: the part behind it would never run.",
                hint="Draw a sequence flow instead.",
            )
