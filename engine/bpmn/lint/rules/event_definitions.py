"""Which event may stand where."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import EVENTS
from engine.bpmn.supported import EVENT_DEFINITIONS, HANDLER_STARTS

HINTS = {
    (
        "startEvent",
        "conditional",
    ): "A process has no variables before it begins: begin it by the message or signal that "
    "tells of the change, or draw a plain start event, and a catching event with the condition behind it.",
    (
        "startEvent",
        "compensate",
    ): "Attach a compensation event to the subprocess around it, and draw an association to a "
    "subprocess that undoes it.",
    ("startEvent", "error"): "An error begins event subprocesses only: draw one around this start event.",
    ("startEvent", "escalation"): "An escalation begins event subprocesses only: draw one around this start event.",
    ("startEvent", ""): "Draw a start event.",
}


@rule("event-definitions")
def check(subject: Subject) -> Iterator[Finding]:
    """An event carries one definition, of a kind that is executed where it stands."""
    for node in subject.nodes():
        if node.kind not in EVENTS and node.kind not in EVENT_DEFINITIONS:
            continue
        if len(node.events) > 1:
            kinds = ", ".join(event.kind for event in node.events)
            yield Finding(
                at=node,
                reason=f"The event carries several definitions ({kinds}); which of them counts is not executed.",
                hint="Draw one event for each, after an event-based gateway where one of them suffices.",
            )
            continue
        kind = node.events[0].kind if node.events else ""
        around = subject.process.node(node.scope)
        begins = node.kind == "startEvent" and around is not None and around.triggered_by_event
        if begins and not kind:
            continue  # told by the rule for event subprocesses
        allowed = HANDLER_STARTS if begins else EVENT_DEFINITIONS[node.kind]
        if kind in allowed:
            continue
        spoken = f'A {node.kind} of kind "{kind}"' if kind else f"A {node.kind} without a definition"
        listed = ", ".join(name or "none" for name in allowed)
        yield Finding(
            at=node,
            reason=f"{spoken} is not executed.",
            hint=HINTS.get((node.kind, kind), f"Executed there: {listed}."),
        )
