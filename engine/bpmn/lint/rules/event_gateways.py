"""Event-based gateways: the first event takes the token."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule, shown


@rule("event-gateways")
def check(subject: Subject) -> Iterator[Finding]:
    """An event-based gateway leads to catching events or receive tasks, each reached from it alone."""
    for scope in subject.scopes():
        for node in scope.nodes.values():
            if node.kind != "eventBasedGateway":
                continue
            targets = [scope.nodes[flow.target] for flow in scope.outgoing(node.id) if flow.target in scope.nodes]
            if not targets:
                yield Finding(at=node, reason="The gateway waits for no event.", hint="Draw the events behind it.")
            elif len(targets) == 1:
                yield Finding(
                    at=node,
                    severity="warning",
                    reason="The gateway waits for one event only.",
                    hint="Use the catching event alone, or draw the other.",
                )
            for target in targets:
                if target.kind not in {"intermediateCatchEvent", "receiveTask"}:
                    yield Finding(
                        at=target,
                        reason=f"An event-based gateway leads to the {target.kind} {shown(target)}.",
                        hint="It leads to catching events and receive tasks only.",
                    )
                elif len(scope.incoming(target.id)) > 1 or scope.boundary(target.id) or target.loop:
                    yield Finding(
                        at=target,
                        reason="An event behind an event-based gateway has another way in, a loop or a boundary event.",
                        hint="Draw a second event for the other way.",
                    )
