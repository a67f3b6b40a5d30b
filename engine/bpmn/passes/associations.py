"""Pass: which activity a compensation boundary event names as its handler, by an association."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.bpmn import xml
from engine.bpmn.model import ACTIVITIES, Scope


def handlers(root: xml.Node, scopes: Mapping[str, Scope]) -> dict[str, Scope]:
    """The scopes, their compensation boundary events with the activities at the other end of their associations.

    Associations may be drawn either way round, and stand in any scope; those that lead to a text are for the reader.
    """
    ends = [
        (xml.reference(association, "sourceRef"), xml.reference(association, "targetRef"))
        for association in root.iter(f"{{{xml.BPMN}}}association")
    ]
    activities = {node.id for scope in scopes.values() for node in scope.nodes.values() if node.kind in ACTIVITIES}

    def named(event: str) -> tuple[str, ...]:
        others = [other for one, other in (*ends, *((target, source) for source, target in ends)) if one == event]
        return tuple(dict.fromkeys(other for other in others if other in activities))

    return {
        name: replace(
            scope,
            nodes={
                node.id: replace(node, handlers=named(node.id)) if node.compensates else node
                for node in scope.nodes.values()
            },
        )
        for name, scope in scopes.items()
    }
