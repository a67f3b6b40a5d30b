"""Pass: the only flow without a condition out of a gateway that chooses is its default.

The standard leaves open what such a flow means. Modellers mean "otherwise": it is taken where no condition holds. Two
of them would be a guess, which the rule `choices` refuses.
"""

from __future__ import annotations

from dataclasses import replace

from engine.bpmn.model import Node, Scope

CHOOSING = frozenset({"exclusiveGateway", "inclusiveGateway"})


def apply(scope: Scope) -> Scope:
    """The scope with these defaults set."""
    return replace(scope, nodes={node.id: _with_default(scope, node) for node in scope.nodes.values()})


def _with_default(scope: Scope, node: Node) -> Node:
    if node.kind not in CHOOSING or node.default:
        return node
    outgoing = scope.outgoing(node.id)
    bare = [flow for flow in outgoing if not flow.condition]
    return replace(node, default=bare[0].id) if len(bare) == 1 and len(outgoing) > 1 else node
