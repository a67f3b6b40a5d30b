"""Where each variable may still be read: what nobody reads any more need not be told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.bpmn import expressions
from engine.bpmn.describing import written
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.model import Diagram, Node
from engine.bpmn.token_game import Net

Place = tuple[str, str]  #: (process, element)


def nodes(net: Net) -> Iterator[tuple[str, Node]]:
    """All flow nodes with their processes."""
    for process, diagram in net.diagrams.items():
        for node in diagram.process.nodes:
            yield process, node


def names(text: str) -> frozenset[str]:
    """The variables that an expression reads; none of one that cannot be read."""
    try:
        return expressions.names(text)
    except ExpressionError:
        return frozenset()


def conditions_of(node: Node) -> Iterator[str]:
    """The conditions that hang on an element itself: those of its events and of its repetition."""
    for event in node.events:
        if event.kind == "conditional" and event.expression:
            yield event.expression
    if node.loop is not None and node.loop.condition:
        yield node.loop.condition


def assignments(node: Node) -> list[tuple[str, str]]:
    """The lines of a script task: (name, expression)."""
    if node.kind != "scriptTask":
        return []
    try:
        return [(line.name, line.expression) for line in expressions.assignments(node.script)]
    except ExpressionError:
        return []


def live_variables(
    net: Net, followed: frozenset[str]
) -> tuple[dict[Place, frozenset[str]], dict[Place, frozenset[str]]]:
    """By element what is read from there on, and what is read once it is over, over all ways on."""
    places = {(process, node.id): net.places[process, node.scope] for process, node in nodes(net)}
    live: dict[Place, frozenset[str]] = dict.fromkeys(places, frozenset())
    after: dict[Place, frozenset[str]] = {**live, **{(process, process): frozenset() for process in net.diagrams}}
    callers: dict[str, list[Place]] = {}
    for process, node in nodes(net):
        if node.kind == "callActivity":
            callers.setdefault(node.called, []).append((process, node.id))
    # Conditional events look at whatever the branches of their scope would leave.
    always = frozenset(name for _, node in nodes(net) for text in _awaited(node) for name in names(text)) & followed
    if any(event.kind in {"compensate", "cancel"} for _, node in nodes(net) for event in node.events):
        always = followed  # what is undone sees what it once saw, wherever it is asked for
    changed = True
    while changed:
        changed = False
        for process, diagram in net.diagrams.items():
            shared = {scope: always | _handled(net, process, scope, live) for scope in diagram.process.scopes}
            over = shared[process].union(*(after[caller] for caller in callers.get(process, [])))
            changed |= over != after[process, process]
            after[process, process] = over
            for node in reversed(list(diagram.process.nodes)):
                place, scope = (process, node.id), places[process, node.id]
                out = frozenset().union(*(live[process, flow.target] for flow in scope.outgoing[node.id]))
                out = out.union(*(names(flow.condition) for flow in scope.outgoing[node.id]))
                if not scope.outgoing[node.id]:
                    out |= after[process, node.scope]
                out |= shared[node.scope] | shared.get(node.id, frozenset())
                if node.loop is not None:
                    # Once a copy is over the next one may begin.
                    out |= live[place] | {node.loop.output_item} - {""}
                read, kept = _reads(diagram, node), out
                if node.loop is None and node.kind in {"scriptTask", "businessRuleTask", "userTask", "serviceTask"}:
                    kept = out - written(diagram, node)
                if node.loop is None and (node.kind == "callActivity" or (process, node.id) in net.places):
                    kept = frozenset()  # what is read after it comes through it
                if node.kind == "callActivity" and node.called in net.diagrams:
                    read = read.union(*(live[node.called, e.id] for e in net.starts(node.called, node.called)))
                elif (process, node.id) in net.places:
                    inner = net.places[process, node.id].scope
                    begins = {
                        *(e.id for e in net.starts(process, node.id)),
                        *filter(None, map(_by_itself, inner.nodes.values())),
                    }
                    read = read.union(*(live[process, each] for each in begins))
                    if not inner.nodes:
                        kept = out
                for event in scope.boundary[node.id]:
                    read |= live[process, event.id]
                found = (kept | read | shared[node.scope]) & followed
                changed |= found != live[place] or out & followed != after[place]
                live[place], after[place] = found, out & followed
    return live, after


def _awaited(node: Node) -> Iterator[str]:
    for event in node.events:
        if event.kind == "conditional":
            yield event.expression


def _handled(net: Net, process: str, scope: str, live: Mapping[Place, frozenset[str]]) -> frozenset[str]:
    """What the event subprocesses of a scope read of all its branches."""
    return frozenset().union(*(live[process, start.id] for start in net.handlers(process, scope)))


def _by_itself(node: Node) -> str | None:
    """The id of an element to which a token may come along no flow of its scope."""
    return node.id if node.triggered_by_event or node.compensation else None


def _reads(diagram: Diagram, node: Node) -> frozenset[str]:
    found: set[str] = set()
    for text in (*(text for _, text in assignments(node)), *conditions_of(node)):
        found |= names(text)
    if node.kind == "businessRuleTask" and node.decision in diagram.decisions:
        decision = diagram.decisions[node.decision]
        for text in decision.inputs:
            found |= names(text)
    return frozenset(found)
