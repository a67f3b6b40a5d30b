"""Messages, signals, errors and escalations that events name."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule


@rule("references")
def check(subject: Subject) -> Iterator[Finding]:
    """Every message, signal, error and escalation event names one that the file declares."""
    for node in subject.nodes():
        throws = node.kind in {"endEvent", "intermediateThrowEvent", "sendTask"}
        for event in node.events:
            missing = throws and event.kind in {"error", "escalation"} and not event.reference
            if event.dangling or missing:
                reason = (
                    f'The {event.kind} event points to "{event.reference}", which the file does not declare.'
                    if event.reference
                    else f"The {event.kind} event names no {event.kind}."
                )
                yield Finding(at=node, reason=reason, hint=f"Choose the {event.kind} in the event's properties.")
            elif event.kind in {"error", "escalation"} and event.reference and not event.code:
                yield Finding(
                    at=node,
                    reason=f'The {event.kind} "{event.reference}" has no code.',
                    hint=f"Give it a code: {event.kind}s are told apart by it.",
                )
