"""Pass: the messages, signals, errors and escalations that a file declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.bpmn import xml


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What events may point to: id to name, or id to code."""

    messages: dict[str, str]
    signals: dict[str, str]
    errors: dict[str, str]
    escalations: dict[str, str]
    definitions: Mapping[str, xml.Node] = field(default_factory=dict)  #: event definitions that several events share


def read(root: xml.Node) -> References:
    """The declarations of one file; a message or signal without a name goes by its id."""

    def declared(tag: str, attribute: str) -> dict[str, str]:
        return {node.get("id", ""): node.get(attribute, "") for node in xml.children(root, tag)}

    return References(
        messages={known: name or known for known, name in declared("message", "name").items()},
        signals={known: name or known for known, name in declared("signal", "name").items()},
        errors=declared("error", "errorCode"),
        escalations=declared("escalation", "escalationCode"),
        definitions={
            node.get("id", ""): node for node in xml.children(root) if xml.tag(node)[1].endswith("EventDefinition")
        },
    )
