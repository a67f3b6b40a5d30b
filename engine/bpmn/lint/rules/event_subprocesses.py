"""Event subprocesses: what an event sets off inside a running scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule, shown
from engine.bpmn.model import Node, Scope
from engine.bpmn.supported import HANDLER_STARTS


@rule("event-subprocesses")
def check(subject: Subject) -> Iterator[Finding]:
    """An event subprocess begins with one event of its own, stands apart from all flows, and carries nothing else."""
    for scope in subject.scopes():
        handlers = [node for node in scope.handlers() if node.kind == "subProcess"]
        starts = [(node, _start(subject, node)) for node in handlers]
        for node, start in starts:
            yield from _apart(scope, node)
            if start is None:
                yield Finding(
                    at=node,
                    reason="An event subprocess begins with exactly one start event.",
                    hint="Keep one start event, and draw an event subprocess for each of the others.",
                )
            else:
                yield from _begun(start)
        yield from _ambiguous([start for _, start in starts if start is not None])


def _start(subject: Subject, node: Node) -> Node | None:
    inside = subject.process.scopes[node.id].nodes.values()
    starts = [each for each in inside if each.kind == "startEvent"]
    return starts[0] if len(starts) == 1 else None


def _apart(scope: Scope, node: Node) -> Iterator[Finding]:
    if scope.outgoing(node.id) or scope.incoming(node.id):
        yield Finding(
            at=node,
            reason="A sequence flow leads to an event subprocess or from it.",
            hint="Remove it: only its event begins an event subprocess, and the scope around it goes on or ends.",
        )
    for event in scope.boundary(node.id):
        yield Finding(
            at=event,
            reason=f"It stands on the boundary of the event subprocess {shown(node)}.",
            hint="Draw an event subprocess inside it, or put the event on the subprocess around it.",
        )
    if node.loop is not None:
        yield Finding(
            at=node,
            reason="An event subprocess is repeated.",
            hint="Draw a repeated activity inside it, or an event that does not interrupt.",
        )


def _begun(start: Node) -> Iterator[Finding]:
    kinds = [event.kind for event in start.events]
    if not kinds:
        yield Finding(
            at=start,
            reason="The start event of an event subprocess waits for nothing, so it would never run.",
            hint=f"Give it a definition: {', '.join(HANDLER_STARTS)}.",
        )
    if "error" in kinds and not start.interrupting:
        yield Finding(
            at=start,
            reason="An error does not begin an event subprocess beside the flow.",
            hint="Make its start event interrupting: an error ends the scope in which it is raised.",
        )


def _ambiguous(starts: list[Node]) -> Iterator[Finding]:
    """Of these kinds one event is taken by one of them alone."""
    taken = [
        (start, event.kind, event.name if event.kind == "message" else event.code)
        for start in starts
        for event in start.events
        if event.kind in {"message", "error", "escalation"}
    ]
    counts = Counter((kind, name) for _, kind, name in taken)
    for start, kind, name in taken:
        if counts[kind, name] > 1 and len(starts) > 1:
            which = f'the {kind} "{name}"' if name else f"every {kind}"
            yield Finding(
                at=start,
                reason=f"Two event subprocesses of one scope take {which}.",
                hint="Keep one of them.",
            )
