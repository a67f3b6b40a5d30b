"""Transactions: subprocesses that are undone when they are cancelled."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import Node, Scope

#: what a transaction may name as its method; "compensate" is BPMN 2.0's older spelling
METHODS = frozenset({"", "##Compensate", "##unspecified", "compensate"})


@rule("transactions")
def check(subject: Subject) -> Iterator[Finding]:
    """A cancel end event stands in a transaction, which has a cancel event on its boundary; compensation undoes it."""
    for scope in subject.scopes():
        for node in scope.nodes.values():
            kinds = {event.kind for event in node.events}
            if node.kind == "endEvent" and "cancel" in kinds and scope.kind != "transaction":
                yield Finding(
                    at=node,
                    reason="A cancel end event stands outside of a transaction.",
                    hint="Make the subprocess around it a transaction, or end with an error or a terminate event.",
                )
            if node.kind == "boundaryEvent" and "cancel" in kinds:
                yield from _caught(subject, scope, node)
            if node.kind == "transaction":
                yield from _transaction(subject, scope, node)


def _caught(subject: Subject, scope: Scope, node: Node) -> Iterator[Finding]:
    holder = scope.nodes.get(node.attached_to)
    if holder is None or holder.kind != "transaction":
        yield Finding(
            at=node,
            reason="A cancel event is attached to something else than a transaction.",
            hint="Make the subprocess a transaction, or use an error event.",
        )
    elif not node.interrupting:
        yield Finding(
            at=node, reason="A cancel event does not interrupt its transaction.", hint="Make it interrupting."
        )
    elif not _cancels(subject.process.scopes[holder.id]):
        yield Finding(
            at=node,
            severity="warning",
            reason="No cancel end event stands in the transaction, so this event would never happen.",
            hint="End the path that gives up with a cancel end event.",
        )


def _transaction(subject: Subject, scope: Scope, node: Node) -> Iterator[Finding]:
    caught = any(event.kind == "cancel" for boundary in scope.boundary(node.id) for event in boundary.events)
    if _cancels(subject.process.scopes[node.id]) and not caught:
        yield Finding(
            at=node,
            reason="The transaction is cancelled by an end event in it, and no cancel event on its boundary goes on.",
            hint="Attach a cancel event, and draw what shall happen then.",
        )
    if node.method not in METHODS:
        yield Finding(
            at=node,
            reason=f'The transaction is to be undone by "{node.method}".',
            hint='Set its method to "##Compensate": what has completed is undone by its handlers.',
        )


def _cancels(scope: Scope) -> bool:
    return any(
        node.kind == "endEvent" and any(event.kind == "cancel" for event in node.events)
        for node in scope.nodes.values()
    )
