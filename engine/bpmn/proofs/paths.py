"""A way through the diagrams, told element by element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.bpmn.model import Node
from engine.bpmn.proofs import values
from engine.bpmn.proofs.graph import Edge, Graph
from engine.bpmn.proofs.values import Unknown
from engine.bpmn.proofs.world import process_of
from engine.bpmn.token_game import Action, Configuration
from engine.bpmn.token_game.net import CONTAINERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One element on a path."""

    process: str
    element: str
    name: str
    kind: str
    note: str = ""  #: what was answered, raised or decided there

    def __str__(self) -> str:
        told = f'"{self.name}"' if self.name else self.element
        return f"{told} ({self.note})" if self.note else told


#: the edges of a path: (number of the configuration it leaves, edge)
Way = Sequence[tuple[int, Edge]]


def visits(graph: Graph, start: int, way: Way) -> Iterator[Visit]:
    """The elements of a path in the order in which they are left; calls and subprocesses as they are entered."""
    yield from _of(graph, graph.first[start], None, {})
    for source, edge in way:
        yield from _of(graph, edge.action, graph.configurations[source], edge.wrote)


def free(graph: Graph, way: Way) -> tuple[str, ...]:
    """Where the path takes a way that hangs on data which was not considered: the conditions."""
    found: dict[str, None] = {}
    for source, edge in way:
        action = edge.action
        if action.kind not in {"complete", "choose"}:
            continue
        process = process_of(graph.net, action.path)
        node = graph.net.diagrams[process].process.node(action.element)
        if node is None or (action.kind == "complete" and node.kind not in {"exclusiveGateway", "inclusiveGateway"}):
            continue
        carried = next(t.carried for t in graph.configurations[source].tokens if t.id == action.token)
        for flow in graph.net.places[process, node.scope].outgoing[node.id]:
            asked = flow.condition and flow.id != node.default
            if asked and len(values.truths(flow.condition, carried.variables)) > 1:
                found[f"{node.name or node.id}: {flow.condition}"] = None
    return tuple(found)


def _of(graph: Graph, action: Action, before: Configuration | None, wrote: Mapping[str, object]) -> Iterator[Visit]:
    order = {"cancelled": 0, "completed": 1, "entered": 2}
    seen: set[tuple[str, str]] = set()
    for happening in sorted(action.happenings, key=lambda each: (order[each.happened], len(each.path))):
        process = process_of(graph.net, happening.path)
        node = graph.net.diagrams[process].process.node(happening.element)
        if node is None or (process, node.id) in seen:
            continue
        container = node.kind in CONTAINERS
        if happening.happened == "entered" and not container and node.kind != "boundaryEvent":
            continue
        if happening.happened == "completed" and (container or node.kind == "boundaryEvent"):
            continue
        seen.add((process, node.id))
        yield visit(node, process, _note(action, happening.element, happening.happened, wrote))


def visit(node: Node, process: str, note: str = "") -> Visit:
    """The element as it is told."""
    return Visit(process=process, element=node.implied_by or node.id, name=node.name, kind=node.kind, note=note)


def _note(action: Action, element: str, happened: str, wrote: Mapping[str, object]) -> str:
    if happened == "cancelled":
        return "interrupted" if action.element != element or action.kind != "raise" else f"raises {action.detail}"
    if action.element != element:
        return ""
    if wrote:
        return ", ".join(f"{name} = {_said(value)}" for name, value in sorted(wrote.items()))
    if action.kind == "answer" and isinstance(action.detail, dict):
        return ", ".join(f"{key}: {_said(value)}" for key, value in sorted(action.detail.items()))
    return ""


def _said(value: object) -> str:
    return "anything" if isinstance(value, Unknown) else str(value)
