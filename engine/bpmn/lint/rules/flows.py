"""Sequence flows connect elements of one scope, in a direction that has a meaning."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("flows")
def check(subject: Subject) -> Iterator[Finding]:
    """A sequence flow leads from one element to another of the same scope; none leads to a start or from an end."""
    for scope in subject.scopes():
        for flow in scope.flows:
            for end, role in ((flow.source, "source"), (flow.target, "target")):
                if end not in scope.nodes:
                    elsewhere = subject.process.node(end) is not None
                    reason = (
                        f'The flow\'s {role} "{end}" lies in another subprocess.'
                        if elsewhere
                        else f'The flow\'s {role} "{end}" is not there.'
                    )
                    yield Finding(at=flow, reason=reason, hint="Delete the flow and draw it again.")
            source, target = scope.nodes.get(flow.source), scope.nodes.get(flow.target)
            if source is not None and source.kind == "endEvent":
                yield Finding(
                    at=flow, reason="A flow leaves an end event.", hint="Use an intermediate event, or drop the flow."
                )
            if target is not None and target.kind in {"startEvent", "boundaryEvent"}:
                yield Finding(
                    at=flow,
                    reason=f"A flow leads into a {target.kind}.",
                    hint="Let it lead to the element behind that event.",
                )
