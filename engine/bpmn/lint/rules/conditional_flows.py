"""Where conditions may stand: on flows out of what chooses."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import ACTIVITIES

CHOOSING = ACTIVITIES | {"exclusiveGateway", "inclusiveGateway", "complexGateway"}


@rule("conditional-flows")
def check(subject: Subject) -> Iterator[Finding]:
    """Conditions and defaults stand on flows out of activities, exclusive and inclusive gateways."""
    for scope in subject.scopes():
        for node in scope.nodes.values():
            if node.kind in CHOOSING:
                continue
            for flow in scope.outgoing(node.id):
                if flow.condition:
                    yield Finding(
                        at=flow,
                        reason=f"A conditional flow leaves a {node.kind}.",
                        hint="Draw an exclusive or inclusive gateway and put the condition on its flow.",
                    )
            if node.default:
                yield Finding(
                    at=node,
                    reason=f"A {node.kind} has a default flow.",
                    hint="Only activities, exclusive and inclusive gateways choose; remove the default.",
                )
