"""A definition as it would be if a way had been drawn from one element to another: what a move by hand amounts to.

What is proven of it holds of a token that is moved, whatever happened before. Only its meaning is changed, not its
picture; it is proven and never run.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from engine.bpmn import xml
from engine.bpmn.model import ACTIVITIES, FLOW_NODES
from engine.bpmn.reading import Files

#: ids of what is added; no XML id holds a bracket, and nothing here is looked at by an XML schema again
EVENT, MESSAGE, MERGE, BEFORE = "(moved)", "(message of the move)", "(merge of the move)", "(before the move)"
_JOINS = frozenset({"parallelGateway", "inclusiveGateway"})


class WayUnknown(ValueError):
    """The element is not drawn in these files."""


def with_way(files: Files, source: str, target: str) -> Files:
    """The files with a way from one element to another of the same scope, open at any time; raises WayUnknown.

    It leaves an activity by an interrupting event on its boundary; at anything else the token is held before it by a
    task that may be left either way.
    """
    for name, content in files.items():
        if name.endswith(".bpmn"):
            root = xml.read(content)
            nodes = {each.get("id"): each for each in root.iter(*_tags()) if each.get("id")}
            if source in nodes and target in nodes:
                _draw(root, nodes[source], nodes[target])
                return {**files, name: etree.tostring(root)}
    raise WayUnknown(f"{source} to {target}")


def _draw(root: xml.Node, source: xml.Node, target: xml.Node) -> None:
    scope = source.getparent()
    etree.SubElement(root, _tag("message"), id=MESSAGE, name=MESSAGE)
    held = source
    if xml.tag(source)[1] not in ACTIVITIES:
        held = etree.SubElement(scope, _tag("userTask"), id=BEFORE)
        _lead_to(scope, source, held)
        _flow(scope, held, source)
    event = etree.SubElement(scope, _tag("boundaryEvent"), id=EVENT, attachedToRef=held.get("id", ""))
    etree.SubElement(event, _tag("messageEventDefinition"), messageRef=MESSAGE)
    if xml.tag(target)[1] in _JOINS:
        # A second flow into it would make it wait for both.
        merge = etree.SubElement(scope, _tag("exclusiveGateway"), id=MERGE)
        _lead_to(scope, target, merge)
        _flow(scope, merge, target)
        target = merge
    _flow(scope, event, target)


def _lead_to(scope: xml.Node, old: xml.Node, new: xml.Node) -> None:
    """Have every flow to one element lead to another."""
    for flow in _flows(scope):
        if flow.get("targetRef") == old.get("id"):
            flow.set("targetRef", new.get("id", ""))


def _flow(scope: xml.Node, source: xml.Node, target: xml.Node) -> None:
    one, other = source.get("id", ""), target.get("id", "")
    etree.SubElement(scope, _tag("sequenceFlow"), id=f"({one} to {other})", sourceRef=one, targetRef=other)


def _flows(scope: xml.Node) -> Iterator[xml.Node]:
    yield from scope.iterchildren(_tag("sequenceFlow"))


def _tag(name: str) -> str:
    return f"{{{xml.BPMN}}}{name}"


def _tags() -> list[str]:
    return [_tag(name) for name in FLOW_NODES]
