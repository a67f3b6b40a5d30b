"""Pass: a token is consumed at an end event and at every element that no flow leaves (BPMN 2.0.2, 10.5.3)."""

from __future__ import annotations

from dataclasses import replace

from engine.bpmn.model import Scope


def apply(scope: Scope) -> Scope:
    """The scope with the elements named at which its paths end."""
    left = {flow.source for flow in scope.flows}
    return replace(
        scope,
        ends=tuple(
            node.id
            for node in scope.nodes.values()
            if node.kind == "endEvent" or not (node.id in left or node.compensation or node.compensates)
        ),
    )
