"""The drawn processes with what the game asks of them again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.bpmn import bindings
from engine.bpmn.model import Diagram, Flow, Node, Scope
from engine.bpmn.reading import Files, read

JOINS = frozenset({"parallelGateway", "inclusiveGateway"})
EMBEDDED = frozenset({"subProcess", "transaction"})
CONTAINERS = EMBEDDED | {"callActivity"}
CATCHES = frozenset({"intermediateCatchEvent", "receiveTask"})
GATEWAYS = frozenset({"exclusiveGateway", "inclusiveGateway", "parallelGateway", "eventBasedGateway"})


def waits(node: Node) -> bool:
    """Whether a token waits there for an event; a link is a way, not a wait (BPMN 2.0.2, 10.5.5)."""
    return node.kind in CATCHES and (node.event is None or node.event.kind != "link")


def cancels(node: Node) -> bool:
    """Whether it is an end event that takes every other token of its transaction away, whatever else begins with it."""
    return node.kind == "endEvent" and any(event.kind == "cancel" for event in node.events)


def aside(place: Place, node: Node) -> bool:
    """Whether a token that comes goes on at once, beside the compensation that it throws (10.5.5)."""
    unwaited = any(event.kind == "compensate" and not event.waits for event in node.events)
    return unwaited and node.kind == "intermediateThrowEvent" and bool(place.outgoing[node.id])


@dataclass(frozen=True, slots=True)
class Place:
    """One scope with its flows by node."""

    scope: Scope
    outgoing: Mapping[str, tuple[Flow, ...]]
    incoming: Mapping[str, tuple[Flow, ...]]
    boundary: Mapping[str, tuple[Node, ...]]
    handlers: Mapping[str, str]  #: by activity the one that undoes it
    _reach: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def reach(self, flow: Flow, gateway: str) -> frozenset[str]:
        """The flows on all paths that begin with this one and do not pass the gateway.

        A path may leave an activity by an event on its boundary.
        """
        known = self._reach.get((flow.id, gateway))
        if known is not None:
            return known
        seen: set[str] = set()
        stack = [flow]
        while stack:
            at = stack.pop()
            if at.id in seen:
                continue
            seen.add(at.id)
            if at.target != gateway:
                stack += self.outgoing[at.target]
                stack += [out for event in self.boundary[at.target] for out in self.outgoing[event.id]]
        found = self._reach[flow.id, gateway] = frozenset(seen)
        return found


@dataclass(frozen=True, slots=True)
class Net:
    """A definition with those that it calls."""

    main: str
    diagrams: Mapping[str, Diagram]  #: by process
    places: Mapping[tuple[str, str], Place]  #: by process and scope

    def node(self, process: str, scope: str, element: str) -> Node:
        """The flow node."""
        return self.places[process, scope].scope.nodes[element]

    def around(self, process: str, scope: str) -> Node | None:
        """The subprocess whose scope this is; None for a process."""
        return self.diagrams[process].process.node(scope)

    def handlers(self, process: str, scope: str) -> list[Node]:
        """The start events of the event subprocesses of a scope, in the order of the diagram."""
        handlers = self.places[process, scope].scope.handlers()
        return [start for each in handlers for start in self.starts(process, each.id)]

    def asked(self, process: str, scope: str) -> bool:
        """Whether any event may ask what has completed in a scope to be undone: one there, or in a scope around it."""
        inner = self.places[process, scope].scope
        if any(
            event.kind in {"compensate", "cancel"}
            for node in inner.nodes.values()
            if node.kind in {"intermediateThrowEvent", "endEvent"}
            for event in node.events
        ):
            return True
        around = self.diagrams[process].process.node(scope)
        return around is not None and self.asked(process, around.scope)

    def inside(self, process: str, node: Node) -> tuple[str, str]:
        """The process and scope that a subprocess or call activity holds."""
        return (process, node.id) if node.kind in EMBEDDED else (node.called, node.called)

    def starts(self, process: str, scope: str, message: str | None = None, event: str = "") -> list[Node]:
        """Where a scope begins: the start event of that id or message, else the plain one, else the first.

        Without a start event it begins with every element that no flow leads to (BPMN 2.0.2, 10.5.2 and 13.2).
        """
        place = self.places[process, scope]
        starts = [node for node in place.scope.nodes.values() if node.kind == "startEvent"]
        named = [each for each in starts for by in each.events if (by.kind, by.name) == ("message", message)]
        meant = [each for each in starts if each.id == event] or named or [each for each in starts if not each.events]
        return (meant or starts)[:1] or [
            node
            for node in place.scope.nodes.values()
            if not place.incoming[node.id]
            and node.kind != "boundaryEvent"
            and not node.triggered_by_event
            and not node.compensation
        ]


def net(main: Files, called: Mapping[str, Files] | None = None) -> Net:
    """The net of a definition's files; they have passed the lint rules."""
    diagrams: dict[str, Diagram] = {}
    for name, files in (("", main), *(called or {}).items()):
        diagram, issues = read(files)
        if issues:
            raise ValueError(issues[0].reason)
        if bindings.process_of(name) != name:
            diagram = bindings.under(diagram, name)
        diagrams[diagram.process.id] = diagram
    places = {
        (process, scope.id): _place(scope)
        for process, diagram in diagrams.items()
        for scope in diagram.process.scopes.values()
    }
    return Net(next(iter(diagrams)), diagrams, places)


def _place(scope: Scope) -> Place:
    return Place(
        scope,
        {node: tuple(scope.outgoing(node)) for node in scope.nodes},
        {node: tuple(scope.incoming(node)) for node in scope.nodes},
        {
            node: tuple(event for event in scope.nodes.values() if event.attached_to == node and not _undoes(event))
            for node in scope.nodes
        },
        {event.attached_to: event.handlers[0] for event in scope.nodes.values() if _undoes(event)},
    )


def _undoes(event: Node) -> bool:
    return event.kind == "boundaryEvent" and any(each.kind == "compensate" for each in event.events)
