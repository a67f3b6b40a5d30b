"""Which activities can be undone, and of which a drawn event may ask it: of these alone a record is kept."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.expressions import ExpressionError, assignments, names
from engine.bpmn.model import EMBEDDED, Diagram, Event, Node, Process, Scope

THROWS = frozenset({"intermediateThrowEvent", "endEvent"})


def compensable(process: Process, node: Node) -> bool:
    """Whether an activity can be undone: by its handler, or because something inside it can."""
    if node.compensation:
        return False
    return process.scopes[node.scope].handler(node.id) is not None or any(
        compensable(process, inner) for inner in _inside(process, node)
    )


def asked(process: Process) -> frozenset[str]:
    """The compensable activities that some event of the process may compensate.

    A throw event asks for those of its scope, or for the one that it names; a cancel end event for all of its
    transaction. A subprocess without a handler of its own hands the question on to what is in it; one that the cancel
    event finds half done does so even if it has one.
    """
    found: set[str] = set()

    def walk(scope: Scope, *, all_of_it: bool, cancelled: bool) -> None:
        events = list(throws(scope))
        cancelled = cancelled or any(event.kind == "cancel" for event in events)
        named = {event.reference for event in events}
        for node in scope.nodes.values():
            wanted = compensable(process, node) and (all_of_it or cancelled or "" in named or node.id in named)
            if wanted:
                found.add(node.id)
            inner = process.scopes.get(node.id)
            if inner is not None:
                walk(
                    inner,
                    all_of_it=wanted and scope.handler(node.id) is None,
                    cancelled=cancelled and not node.compensation,
                )

    walk(process.scopes[process.id], all_of_it=False, cancelled=False)
    return frozenset(found)


def throws(scope: Scope) -> Iterator[Event]:
    """The events drawn in a scope that compensate what has completed in it."""
    for node in scope.nodes.values():
        if node.kind in THROWS:
            yield from (event for event in node.events if event.kind in {"compensate", "cancel"})


def called_with(diagram: Diagram, node: Node) -> frozenset[str]:
    """The variables in an activity's own expressions, and that of a message that it waits for."""
    texts: list[str] = [event.expression for event in node.events if event.expression]
    if node.operator is not None:
        texts += [parameter.value for parameter in node.operator.parameters]
    if node.decision in diagram.decisions:
        texts += diagram.decisions[node.decision].inputs
    found = {event.variable for event in node.events if event.variable}
    try:
        texts += [assignment.expression for assignment in assignments(node.script)] if node.script else []
        for text in texts:
            found |= names(text)
    except ExpressionError:
        return frozenset(found)  # refused by the lint, never executed
    return frozenset(found)


def _inside(process: Process, node: Node) -> Iterator[Node]:
    if node.kind in EMBEDDED and not node.triggered_by_event and node.id in process.scopes:
        yield from process.scopes[node.id].nodes.values()
