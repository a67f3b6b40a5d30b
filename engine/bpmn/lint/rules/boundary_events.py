"""Events on the boundary of activities."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import ACTIVITIES, EMBEDDED

#: tasks that are over as soon as they begin
INSTANT = frozenset({"task", "manualTask", "scriptTask", "businessRuleTask", "sendTask"})


@rule("boundary-events")
def check(subject: Subject) -> Iterator[Finding]:
    """A boundary event is attached to an activity of its scope; one for errors interrupts it."""
    for scope in subject.scopes():
        for node in scope.nodes.values():
            if node.kind != "boundaryEvent":
                continue
            holder = scope.nodes.get(node.attached_to)
            if holder is None or holder.kind not in ACTIVITIES:
                yield Finding(
                    at=node,
                    reason=f'It is attached to "{node.attached_to}", which is no activity of its scope.',
                    hint="Drag it onto an activity.",
                )
                continue
            kinds = {event.kind for event in node.events}
            if "error" in kinds and not node.interrupting:
                yield Finding(
                    at=node,
                    reason="An error boundary event does not interrupt.",
                    hint="Make it interrupting: an error ends its activity.",
                )
            raising = EMBEDDED | {"serviceTask", "callActivity"}
            if "error" in kinds and holder.kind not in raising | {"adHocSubProcess"}:
                yield Finding(
                    at=node,
                    severity="warning",
                    reason=f"A {holder.kind} raises no BPMN error, so this event never happens.",
                    hint="Put it on a service task, a subprocess or a call activity.",
                )
            elif "escalation" in kinds and holder.kind not in EMBEDDED | {"callActivity"}:
                yield Finding(
                    at=node,
                    severity="warning",
                    reason=f"A {holder.kind} raises no escalation, so this event never happens.",
                    hint="Put it on a subprocess or a call activity.",
                )
            elif holder.kind in INSTANT and kinds & {"message", "signal", "timer", "conditional"}:
                yield Finding(
                    at=node,
                    severity="warning",
                    reason=f"A {holder.kind} is over as soon as it begins, so this event hardly ever happens.",
                    hint="Put the event where the process waits.",
                )
