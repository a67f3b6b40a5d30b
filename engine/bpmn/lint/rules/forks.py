"""Forks without a gateway: some engines run them, others do not, and readers overlook them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import GATEWAYS

CHOOSING = frozenset({"exclusiveGateway", "inclusiveGateway", "complexGateway"})


@rule("implicit-forks")
def check(subject: Subject) -> Iterator[Finding]:
    """Only gateways have several outgoing flows, and only exclusive and inclusive ones have conditions."""
    for scope in subject.scopes():
        for node in scope.nodes.values():
            outgoing = scope.outgoing(node.id)
            if len(outgoing) > 1 and node.kind not in GATEWAYS:
                yield Finding(
                    at=node,
                    reason=f"{len(outgoing)} flows leave this {node.kind}: an implicit fork.",
                    hint="Draw a parallel gateway behind it, or an exclusive one if only one flow is meant.",
                )
            if node.kind in CHOOSING:
                continue
            for flow in outgoing:
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
                    hint="Only exclusive and inclusive gateways choose; remove the default.",
                )
