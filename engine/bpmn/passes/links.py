"""Pass: the ways that link events stand for (BPMN 2.0.2, 10.5.5): a sequence flow whose middle is not drawn."""

from __future__ import annotations

from collections.abc import Mapping

from engine.bpmn.model import Flow, Node


def read(nodes: Mapping[str, Node], scope: str) -> list[Flow]:
    """A flow from each throwing link event to the one that catches its name in the same scope.

    None where no event catches the name, or several do: the lint refuses those.
    """
    found = []
    for node in nodes.values():
        name = linked(node, "intermediateThrowEvent")
        catches = [other for other in nodes.values() if name and linked(other, "intermediateCatchEvent") == name]
        if len(catches) == 1:
            found.append(
                Flow(
                    # No XML id holds a bracket.
                    id=f"(link of {node.id})",
                    name=name,
                    line=node.line,
                    scope=scope,
                    source=node.id,
                    target=catches[0].id,
                    drawn=False,
                )
            )
    return found


def linked(node: Node, kind: str) -> str:
    """The name of a link event of this kind; empty for every other element."""
    return node.event.name if node.kind == kind and node.event is not None and node.event.kind == "link" else ""
