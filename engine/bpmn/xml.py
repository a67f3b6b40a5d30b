"""XML from strangers: bounded, without document types, entities or anything from outside."""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat

from lxml import etree

MAX_BYTES = 4_000_000
MAX_DEPTH = 64
MAX_ELEMENTS = 20_000
MAX_ATTRIBUTES = 200

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"
CAMUNDA = "http://camunda.org/schema/1.0/bpmn"
ZEEBE = "http://camunda.org/schema/zeebe/1.0"
FLOWABLE = "http://flowable.org/bpmn"
ACTIVITI = "http://activiti.org/bpmn"

_QUALIFIED = re.compile(r"^[^\W\d][\w.\-]*:(?=[^\W\d][\w.\-]*$)")

Node = Any  # an lxml element: lxml brings no types


class Unreadable(ValueError):
    """The bytes are no XML that we read; `line` and `hint` say where and what to do."""

    def __init__(self, reason: str, hint: str, line: int | None = None) -> None:
        self.reason, self.hint, self.line = reason, hint, line
        super().__init__(reason)


def read(content: bytes) -> Node:
    """The root element of a document.

    Raises Unreadable for anything that is not plain, well-formed XML within the limits. A first pass with expat,
    which builds no tree, refuses document types and entities before lxml sees them: libxml2 expands entities in
    attribute values even where it is told not to resolve them.
    """
    if len(content) > MAX_BYTES:
        raise Unreadable(
            f"The file has {len(content):,} bytes; at most {MAX_BYTES:,} are read.", "Split it into called processes."
        )
    _scan(content)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise Unreadable(
            f"The file is not well-formed XML: {error}.", "Open it in the modeler and save it.", line
        ) from (error)
    if root is None:
        raise Unreadable("The file is empty.", "Save a diagram into it.")
    return root


def _scan(content: bytes) -> None:
    parser = expat.ParserCreate()
    depth = elements = 0

    def refuse(what: str) -> None:
        raise Unreadable(
            f"The file carries {what}, which is never read.",
            "Remove it: a diagram needs none.",
            parser.CurrentLineNumber,
        )

    def doctype(*_: Any) -> None:
        refuse("a document type (DOCTYPE)")

    def entity(*_: Any) -> None:
        refuse("an entity declaration")

    def opened(_: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > MAX_DEPTH:
            refuse(f"elements nested deeper than {MAX_DEPTH}")
        if elements > MAX_ELEMENTS:
            refuse(f"more than {MAX_ELEMENTS:,} elements")
        if len(attributes) > MAX_ATTRIBUTES:
            refuse(f"an element of more than {MAX_ATTRIBUTES} attributes")

    def closed(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = entity
    parser.UnparsedEntityDeclHandler = entity
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    try:
        parser.Parse(content, True)
    except Unreadable:
        raise
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Unreadable(
            f"The file is not well-formed XML: {error}.",
            "Open it in the modeler and save it.",
            getattr(error, "lineno", None),
        ) from error


def tag(element: Node) -> tuple[str, str]:
    """An element's namespace and local name; both empty for what is no element."""
    if not isinstance(element.tag, str):
        return "", ""
    space, _, name = element.tag.rpartition("}")
    return space[1:], name


def text(element: Node | None) -> str:
    """All text inside an element, stripped; empty where there is none."""
    return "" if element is None else "".join(element.itertext()).strip()


def boolean(element: Node, name: str, default: bool) -> bool:
    """An attribute of XML Schema's type boolean, which is also written 1 and 0; anything else counts as the default."""
    return {"true": True, "1": True, "false": False, "0": False}.get(element.get(name, "").strip(), default)


def reference(element: Node, name: str) -> str:
    """An attribute that points to an element, without the prefix of a qualified name: no id holds a colon."""
    written: str = element.get(name, "").strip()
    return _QUALIFIED.sub("", written)


def children(element: Node, *names: str, namespace: str = BPMN) -> list[Node]:
    """The direct children of a namespace, of any of these names if names are given."""
    return list(element.iterchildren(*(f"{{{namespace}}}{name}" for name in names or ("*",))))


def first(element: Node, name: str, namespace: str = BPMN) -> Node | None:
    """The first direct child of that name."""
    return next(element.iterchildren(f"{{{namespace}}}{name}"), None)
