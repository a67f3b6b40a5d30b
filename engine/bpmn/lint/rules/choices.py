"""The flows of gateways and activities that choose."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import ACTIVITIES, Flow, Node

GATEWAYS = frozenset({"exclusiveGateway", "inclusiveGateway"})


@rule("choices")
def check(subject: Subject) -> Iterator[Finding]:
    """Of the flows out of an exclusive or inclusive gateway all but one have a condition; that one is the default."""
    for scope in subject.scopes():
        for node in scope.nodes.values():
            outgoing = scope.outgoing(node.id)
            if node.kind in GATEWAYS or (node.kind in ACTIVITIES and (node.default or _conditional(outgoing))):
                yield from _default(node, outgoing)
            if node.kind in GATEWAYS and len(outgoing) > 1:
                yield from _bare(node, outgoing)


def _conditional(outgoing: list[Flow]) -> bool:
    return any(flow.condition for flow in outgoing)


def _default(node: Node, outgoing: list[Flow]) -> Iterator[Finding]:
    if node.default and node.default not in {flow.id for flow in outgoing}:
        yield Finding(
            at=node,
            reason=f'The default flow "{node.default}" does not leave this {node.kind}.',
            hint="Choose the default among its own flows.",
        )
    for flow in outgoing:
        if flow.id == node.default and flow.condition:
            yield Finding(
                at=flow,
                severity="warning",
                reason="The default flow has a condition, which is never asked.",
                hint="Remove the condition.",
            )
    alone = node.kind in GATEWAYS and len(outgoing) == 1
    if not alone and not node.default and all(flow.condition for flow in outgoing):
        yield Finding(
            at=node,
            severity="warning",
            reason="There is no default flow: where no condition holds, the instance waits for an operator.",
            hint="Mark one flow as the default.",
        )


def _bare(node: Node, outgoing: list[Flow]) -> Iterator[Finding]:
    bare = [flow for flow in outgoing if not flow.condition and flow.id != node.default]
    if len(bare) == 1 and not node.default:
        return  # means "otherwise"; passes/defaults.py makes it the default
    for flow in bare:
        yield Finding(
            at=flow,
            reason=f'The flow from {node.kind} "{node.name or node.id}" has no condition and is not the default.',
            hint="Write its condition, or mark it as the default flow.",
        )
