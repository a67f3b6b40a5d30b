"""Pass: choreographies and conversations, which tell what partners do between each other, and not what one does."""

from __future__ import annotations

from engine.bpmn import xml
from engine.bpmn.model import Node

CHOREOGRAPHIES = ("choreography", "globalChoreographyTask", "globalConversation")
CONVERSATIONS = ("conversation", "subConversation", "callConversation")
HINT = "Draw what your own side does as a process; the other side's steps are messages that it sends and receives."


def read(root: xml.Node) -> list[Node]:
    """The choreographies of one file; its conversations too where no process stands beside them."""
    found = xml.children(root, *CHOREOGRAPHIES)
    if not xml.children(root, "process"):
        for collaboration in xml.children(root, "collaboration"):
            found += xml.children(collaboration, *CONVERSATIONS)
    return [
        Node(
            id=element.get("id", ""),
            kind=xml.tag(element)[1],
            name=" ".join(element.get("name", "").split()),
            line=element.sourceline,
            process="",
            scope="",
        )
        for element in found
    ]


def reason(node: Node) -> str:
    """Why it is refused."""
    return f"A {node.kind} is not executed: it tells what partners agree on, not what one of them does."
