"""Pass: the event definitions of a node."""

from __future__ import annotations

from engine.bpmn import xml
from engine.bpmn.model import Event
from engine.bpmn.passes import extensions
from engine.bpmn.passes.references import References

SUFFIX = "EventDefinition"


def read(node: xml.Node, references: References) -> tuple[Event, ...]:
    """The event definitions of an event, or of a send or receive task."""
    found = []
    for child in xml.children(node):
        name = xml.tag(child)[1]
        if name == "eventDefinitionRef":
            reference = xml.text(child).rpartition(":")[2]
            shared = references.definitions.get(reference)
            if shared is None:
                found.append(Event(kind="shared", reference=reference, dangling=True))
            else:
                found.append(_one(shared, node, xml.tag(shared)[1].removesuffix(SUFFIX), references))
        elif name.endswith(SUFFIX):
            found.append(_one(child, node, name.removesuffix(SUFFIX), references))
    if xml.tag(node)[1] in {"sendTask", "receiveTask"} and not found and node.get("messageRef"):
        found.append(_message(node, node, references))
    return tuple(found)


def _one(definition: xml.Node, node: xml.Node, kind: str, references: References) -> Event:
    if kind == "message":
        return _message(definition, node, references)
    if kind == "timer":
        return _timer(definition)
    if kind == "signal":
        reference = xml.reference(definition, "signalRef")
        expression, variable = _payload(definition, node)
        return Event(
            kind=kind,
            reference=reference,
            name=references.signals.get(reference, ""),
            dangling=reference not in references.signals,
            expression=expression,
            variable=variable,
        )
    if kind in {"error", "escalation"}:
        reference = xml.reference(definition, f"{kind}Ref")
        declared = references.errors if kind == "error" else references.escalations
        return Event(
            kind=kind,
            reference=reference,
            code=declared.get(reference) if reference else None,
            name=declared.get(reference, ""),
            # Without a reference a boundary event catches every code; a throwing event needs one.
            dangling=bool(reference) and reference not in declared,
            variable=_payload(definition, node)[1],
        )
    if kind == "link":
        return Event(kind=kind, name=" ".join(definition.get("name", "").split()))
    if kind == "conditional":
        return Event(kind=kind, expression=xml.text(xml.first(definition, "condition")))
    if kind == "compensate":
        waits = xml.boolean(definition, "waitForCompletion", True)
        return Event(kind=kind, reference=xml.reference(definition, "activityRef"), waits=waits)
    return Event(kind=kind)


def _message(definition: xml.Node, node: xml.Node, references: References) -> Event:
    reference = xml.reference(definition, "messageRef")
    expression, variable = _payload(definition, node)
    return Event(
        kind="message",
        reference=reference,
        name=references.messages.get(reference, ""),
        dangling=reference not in references.messages,
        expression=expression,
        variable=variable,
    )


def _payload(definition: xml.Node, node: xml.Node) -> tuple[str, str]:
    def found(name: str) -> str:
        holder = extensions.extension(definition, name)
        return xml.text(extensions.extension(node, name) if holder is None else holder)

    return found("messagePayload") or found("payloadExpression"), found("messageVariable") or found("variableName")


def _timer(definition: xml.Node) -> Event:
    for kind, name in (("duration", "timeDuration"), ("date", "timeDate"), ("cycle", "timeCycle")):
        element = xml.first(definition, name)
        if element is not None:
            return Event(kind="timer", timer=kind, expression=xml.text(element))
    return Event(kind="timer")
