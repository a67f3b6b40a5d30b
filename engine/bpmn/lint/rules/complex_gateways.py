"""Complex gateways: their activation condition has no agreed meaning."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("complex-gateways")
def check(subject: Subject) -> Iterator[Finding]:
    """No complex gateway."""
    for node in subject.nodes("complexGateway"):
        yield Finding(
            at=node,
            reason="A complex gateway is not executed.",
            hint="Draw what it means with exclusive, parallel or inclusive gateways.",
        )
