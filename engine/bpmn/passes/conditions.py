"""Pass: conditional flows out of an activity choose like an inclusive gateway behind it (BPMN 2.0.2, 10.3 and 13.3.2).

A flow without a condition is always taken; the default only where no condition holds. The gateway is no part of the
drawing: it is not told, and what happens to it happens to the activity. The answer of a person is thus taken before
the conditions are asked, and a condition that cannot be evaluated waits for an operator at the activity.
"""

from __future__ import annotations

from dataclasses import replace

from engine.bpmn.model import ACTIVITIES, Flow, Node, Scope


def apply(scope: Scope) -> Scope:
    """The scope with a gateway behind every activity that conditional flows leave."""
    nodes, flows = dict(scope.nodes), list(scope.flows)
    for node in scope.nodes.values():
        outgoing = scope.outgoing(node.id)
        if node.kind not in ACTIVITIES or not any(flow.condition for flow in outgoing):
            continue
        gateway = _gateway(node)
        nodes[gateway.id] = gateway
        for flow in outgoing:
            always = not flow.condition and flow.id != node.default
            condition = "true" if always else flow.condition
            flows[flows.index(flow)] = replace(flow, source=gateway.id, condition=condition)
        flows.append(
            Flow(id=f"(to {gateway.id})", name="", line=node.line, scope=scope.id, source=node.id, target=gateway.id)
        )
        nodes[node.id] = replace(node, default="")
    return replace(scope, nodes=nodes, flows=tuple(flows))


def _gateway(node: Node) -> Node:
    return Node(
        id=f"(choice after {node.id})",
        kind="inclusiveGateway",
        name=node.name,
        line=node.line,
        process=node.process,
        scope=node.scope,
        lane=node.lane,
        default=node.default,
        implied_by=node.id,
    )
