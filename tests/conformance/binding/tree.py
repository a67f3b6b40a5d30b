"""The tree of a diagram while its words are bound, and how it is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from engine.bpmn import expressions, xml
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.model import FLOW_NODES

Node = Any


def bpmn(name: str) -> str:
    """A name in BPMN's namespace."""
    return f"{{{xml.BPMN}}}{name}"


def spiff(name: str) -> str:
    """A name in the namespace of our own extensions."""
    return f"{{{xml.SPIFF}}}{name}"


@dataclass
class Binding:
    """One file's tree while its words are bound."""

    root: Node
    process: Node
    bound: Counter[str] = field(default_factory=Counter)
    number: int = 0

    def name(self, kind: str) -> str:
        """A name that nothing else has."""
        self.number += 1
        return f"Bound_{kind}_{self.number}"

    def nodes(self, *kinds: str) -> Iterator[Node]:
        """The flow nodes of the process, in a list of their own: the tree may change."""
        wanted = {bpmn(kind) for kind in kinds or FLOW_NODES}
        yield from [each for each in self.process.iter() if each.tag in wanted]


def declared(binding: Binding, kind: str) -> str:
    """The id of a message, signal, error or escalation that is declared for this."""
    identifier = binding.name(kind)
    made = etree.Element(bpmn(kind), id=identifier, name=identifier)
    if kind in {"error", "escalation"}:
        made.set(f"{kind}Code", identifier)
    binding.root.insert(0, made)
    binding.bound["names of messages and codes"] += 1
    return identifier


def holder(node: Node) -> Node:
    """The extension elements of a node."""
    found = xml.first(node, "extensionElements")
    if found is None:
        found = etree.Element(bpmn("extensionElements"))
        node.insert(1 if xml.first(node, "documentation") is not None else 0, found)
    return found


def extension(node: Node, name: str) -> Node:
    """One of them in our namespace, made where it is missing."""
    around = holder(node)
    found = xml.first(around, name, xml.SPIFF)
    return etree.SubElement(around, spiff(name)) if found is None else found


def translated_in(binding: Binding, element: Node) -> bool:
    """Replace another engine's notation by ours; False where no translation is known."""
    ours = expressions.translated(xml.text(element))
    if ours is None:
        return False
    write(element, ours)
    binding.bound["translations"] += 1
    return True


def readable(text: str) -> bool:
    """Whether it is an expression of our subset."""
    try:
        return not expressions.is_foreign(text) and bool(expressions.parse(text))
    except ExpressionError:
        return False


def write(element: Node, text: str) -> None:
    """Make this text all that the element holds."""
    for child in list(element):
        element.remove(child)
    element.text = text
    for attribute in list(element.attrib):
        del element.attrib[attribute]
