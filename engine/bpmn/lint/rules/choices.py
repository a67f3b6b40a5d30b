"""The flows of gateways that choose."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("choices")
def check(subject: Subject) -> Iterator[Finding]:
    """Every flow out of an exclusive or inclusive gateway has a condition or is the default."""
    for scope in subject.scopes():
        for node in scope.nodes.values():
            if node.kind not in {"exclusiveGateway", "inclusiveGateway"}:
                continue
            outgoing = scope.outgoing(node.id)
            if node.default and node.default not in {flow.id for flow in outgoing}:
                yield Finding(
                    at=node,
                    reason=f'The default flow "{node.default}" does not leave this gateway.',
                    hint="Choose the default among its own flows.",
                )
            for flow in outgoing:
                if flow.id == node.default:
                    if flow.condition:
                        yield Finding(
                            at=flow,
                            severity="warning",
                            reason="The default flow has a condition, which is never asked.",
                            hint="Remove the condition.",
                        )
                elif not flow.condition and len(outgoing) > 1:
                    yield Finding(
                        at=flow,
                        reason=f'The flow from {node.kind} "{node.name or node.id}" has no condition '
                        "and is not the default.",
                        hint="Write its condition, or mark it as the default flow.",
                    )
            if len(outgoing) > 1 and not node.default:
                yield Finding(
                    at=node,
                    severity="warning",
                    reason="There is no default flow: where no condition holds, the instance waits for an operator.",
                    hint="Mark one flow as the default.",
                )
