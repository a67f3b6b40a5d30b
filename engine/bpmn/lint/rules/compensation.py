"""Compensation: which activity undoes which, and who asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from engine.bpmn.compensable import THROWS, compensable
from engine.bpmn.lint.registry import Finding, Subject, rule, shown
from engine.bpmn.model import ACTIVITIES, Node, Scope


@rule("compensation")
def check(subject: Subject) -> Iterator[Finding]:
    """An association leads from a compensation event to the one activity that undoes; events ask for what they see."""
    for scope in subject.scopes():
        named = Counter(name for node in scope.nodes.values() if node.compensates for name in node.handlers)
        for node in scope.nodes.values():
            if node.compensates:
                yield from _caught(subject, scope, node)
            if node.compensation:
                yield from _undoing(scope, node, named[node.id])
            for event in node.events:
                if event.kind == "compensate" and node.kind in THROWS:
                    yield from _thrown(subject, scope, node, event.reference)


def _caught(subject: Subject, scope: Scope, node: Node) -> Iterator[Finding]:
    holder = scope.nodes.get(node.attached_to)
    handler = subject.process.node(node.handlers[0]) if node.handlers else None
    if holder is not None and (holder.compensation or holder.triggered_by_event):
        what = "A compensation handler" if holder.compensation else "An event subprocess"
        yield Finding(at=node, reason=f"{what} is not compensated itself.", hint="Remove the event.")
    others = (other for other in scope.nodes.values() if other.compensates and other.attached_to == node.attached_to)
    if next(others) is not node:
        yield Finding(
            at=node,
            reason=f'"{node.attached_to}" has two compensation events.',
            hint="Keep one, and draw a subprocess as handler where two things are to be undone.",
        )
    if scope.outgoing(node.id):
        yield Finding(
            at=node,
            reason="A flow leaves a compensation event; its handler lies on no path.",
            hint="Draw an association to the activity instead, and mark that as for compensation.",
        )
    if handler is None:
        yield Finding(
            at=node,
            reason="No association leads from the compensation event to an activity that undoes.",
            hint="Draw an association to it, and mark it as for compensation.",
        )
    elif len(node.handlers) > 1:
        names = ", ".join(f'"{name}"' for name in node.handlers)
        yield Finding(
            at=node,
            reason=f"Associations lead from the compensation event to several activities ({names}).",
            hint="Keep one; a subprocess can undo several things in their order.",
        )
    elif handler.scope != scope.id:
        yield Finding(
            at=node,
            reason=f"The compensation handler {shown(handler)} lies in another subprocess.",
            hint="Move it beside the activity that it undoes.",
        )
    elif not handler.compensation:
        yield Finding(
            at=node,
            reason=f"The activity {shown(handler)} is not marked as for compensation.",
            hint="Mark it (isForCompensation), and draw no flow to it.",
        )


def _undoing(scope: Scope, node: Node, named: int) -> Iterator[Finding]:
    if scope.incoming(node.id) or scope.outgoing(node.id):
        yield Finding(
            at=node,
            reason="A flow leads to a compensation handler or leaves it; it runs when its activity is undone alone.",
            hint="Remove the flow.",
        )
    if scope.boundary(node.id):
        yield Finding(
            at=node,
            reason="A compensation handler has a boundary event, whose path would lead out of the compensation.",
            hint="Draw a subprocess as handler, and the event inside it.",
        )
    if not named:
        yield Finding(
            at=node,
            reason="The activity is for compensation, and no compensation event leads to it.",
            hint="Attach a compensation event to the activity that it undoes, and draw an association.",
        )


def _thrown(subject: Subject, scope: Scope, node: Node, reference: str) -> Iterator[Finding]:
    activities = [other for other in scope.nodes.values() if other.kind in ACTIVITIES]
    around = subject.process.node(scope.id)
    if around is not None and around.triggered_by_event:
        beside = subject.process.scopes[around.scope].nodes.values()
        if any(compensable(subject.process, other) for other in beside if reference in {"", other.id}):
            yield Finding(
                at=node,
                reason="The event stands in an event subprocess, and what has completed beside that is not undone.",
                hint="Make the scope around it a transaction that a cancel event ends, or throw in its flow.",
            )
            return
    if reference and reference not in scope.nodes:
        elsewhere = subject.process.node(reference)
        reason = (
            f'The activity "{reference}" is not there.'
            if elsewhere is None
            else f"The activity {shown(elsewhere)} lies in another scope, where the event does not see it."
        )
        yield Finding(at=node, reason=reason, hint="Choose an activity beside the event, or none: all of the scope.")
    elif not any(compensable(subject.process, other) for other in activities if reference in {"", other.id}):
        yield Finding(
            at=node,
            severity="warning",
            reason="Nothing that the event asks for can be compensated, so it does nothing.",
            hint="Attach compensation events to the activities that shall be undone.",
        )
