"""Pass: a flow that does not wait for the compensation that it throws goes on beside it (BPMN 2.0.2, 10.5.5).

Before the event a token parts: one half goes on, the other stays at the event until the handlers are over, and ends. At
an end event, and where no flow leaves the event, nothing goes on: the scope is over when its handlers are.
"""

from __future__ import annotations

from dataclasses import replace

from engine.bpmn.model import Flow, Node, Scope


def apply(scope: Scope) -> Scope:
    """The scope in which every compensation is waited for, and what need not wait parts before it."""
    nodes, flows = dict(scope.nodes), list(scope.flows)
    for node in scope.nodes.values():
        if all(event.waits for event in node.events):
            continue
        nodes[node.id] = replace(node, events=tuple(replace(event, waits=True) for event in node.events))
        if node.kind != "intermediateThrowEvent" or not scope.outgoing(node.id):
            continue
        parting = _parting(node)
        nodes[parting.id] = parting
        for index, flow in enumerate(flows):
            if flow.target == node.id:
                flows[index] = flow = replace(flow, target=parting.id)
            if flow.source == node.id:
                flows[index] = replace(flow, source=parting.id)
        # First in the order: what it asks for had completed when the token came.
        flows.insert(
            0, Flow(id=f"(to {node.id})", name="", line=node.line, scope=scope.id, source=parting.id, target=node.id)
        )
    return replace(scope, nodes=nodes, flows=tuple(flows))


def _parting(node: Node) -> Node:
    return Node(
        id=f"(beside {node.id})",
        kind="task",
        name=node.name,
        line=node.line,
        process=node.process,
        scope=node.scope,
        lane=node.lane,
        implied_by=node.id,
    )
