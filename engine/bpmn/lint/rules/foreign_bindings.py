"""Bindings that other engines act on and this one does not."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("foreign-bindings")
def check(subject: Subject) -> Iterator[Finding]:
    """No element carries a binding for another engine: nobody would keep what it promises."""
    for node in subject.nodes():
        for name in node.foreign:
            yield Finding(
                at=node,
                reason=f"The element carries {name}, which is meant for another engine and would do nothing.",
                hint="Remove it, and use a handler, a property or a script task instead.",
            )
