"""Conditions, and the questions that nobody drew."""

from __future__ import annotations

from lxml import etree

from engine.bpmn import expressions, xml
from engine.bpmn.expressions import ExpressionError
from tests.conformance.binding.tree import Binding, Node, bpmn, holder, readable, spiff, translated_in, write

#: a handler that is asked for a value
ASK = "ask"


def conditions(binding: Binding) -> None:
    """Conditions of other engines translated; those that are code, and choices that nobody wrote, become questions."""
    for flow in binding.process.iter(bpmn("sequenceFlow")):
        condition = xml.first(flow, "conditionExpression")
        if condition is None:
            continue
        text = xml.text(condition)
        language = condition.get("language", "")
        if not text:
            flow.remove(condition)
        elif readable(text) and "script" not in language.lower():
            continue
        elif not translated_in(binding, condition):
            write(condition, f"{binding.name('choice').lower()} == 1")
            binding.bound["conditions"] += 1
    flows: dict[str, list[Node]] = {}
    for flow in binding.process.iter(bpmn("sequenceFlow")):
        flows.setdefault(flow.get("sourceRef", ""), []).append(flow)
    for gateway in binding.nodes("exclusiveGateway", "inclusiveGateway"):
        outgoing = flows.get(gateway.get("id", ""), [])
        bare = [
            flow
            for flow in outgoing
            if xml.first(flow, "conditionExpression") is None and (flow.get("id") or "?") != gateway.get("default")
        ]
        if len(bare) < 2 and not (bare and gateway.get("default")):
            continue
        name = binding.name("choice").lower()
        for number, flow in enumerate(bare):
            if number or gateway.get("default"):
                write(etree.SubElement(flow, bpmn("conditionExpression")), f"{name} == {number}")
        binding.bound["choices"] += 1


def questions(binding: Binding) -> None:
    """Before a choice, whoever it is that knows is asked for the variables that nothing in the diagram writes."""
    known = written(binding)
    flows = list(binding.process.iter(bpmn("sequenceFlow")))
    for node in binding.nodes():
        identifier = node.get("id")
        outgoing = [flow for flow in flows if flow.get("sourceRef") == identifier]
        wanted: list[str] = []
        for flow in outgoing:
            text = xml.text(xml.first(flow, "conditionExpression"))
            if text and (flow.get("id") or "?") != node.get("default"):
                wanted += sorted(name for name in reads(text) if name not in known and name not in wanted)
        if not wanted or not identifier:
            continue
        incoming = [flow for flow in flows if flow.get("targetRef") == identifier]
        around = node.getparent()
        if xml.tag(node)[1] == "inclusiveGateway" and len(incoming) > 1:
            # What joins here is joined first, then asked, then parted.
            parted = etree.SubElement(around, bpmn("inclusiveGateway"), id=binding.name("parting"))
            if node.get("default"):
                parted.set("default", node.attrib.pop("default"))
            for flow in outgoing:
                flow.set("sourceRef", parted.get("id"))
            tasks = _asking(binding, around, wanted)
            _connect(binding, around, identifier, tasks[0])
            _connect(binding, around, tasks[-1], parted.get("id"))
        else:
            tasks = _asking(binding, around, wanted)
            for flow in incoming:
                flow.set("targetRef", tasks[0])
            _connect(binding, around, tasks[-1], identifier)
        binding.bound["questions"] += len(wanted)


def _asking(binding: Binding, around: Node, names: list[str]) -> list[str]:
    tasks = []
    for name in names:
        task = etree.SubElement(around, bpmn("serviceTask"), id=binding.name("question"), name=f"Ask {name}")
        etree.SubElement(holder(task), spiff("serviceTaskOperator"), id=ASK, resultVariable=name)
        if tasks:
            _connect(binding, around, tasks[-1], task.get("id"))
        tasks.append(task.get("id"))
    return tasks


def _connect(binding: Binding, around: Node, source: str, target: str) -> None:
    etree.SubElement(around, bpmn("sequenceFlow"), id=binding.name("flow"), sourceRef=source, targetRef=target)


def written(binding: Binding) -> frozenset[str]:
    """The variables that scripts, handlers and copies of the diagram write."""
    names = {each.get("resultVariable", "") for each in binding.process.iter(spiff("serviceTaskOperator"))}
    for task in binding.nodes("scriptTask"):
        names.update(each.name for each in expressions.assignments(xml.text(xml.first(task, "script"))))
    for loop in binding.process.iter(bpmn("multiInstanceLoopCharacteristics")):
        names.update(each.get("name", "") for each in loop)
    return frozenset(names)


def reads(text: str) -> frozenset[str]:
    """The variables that an expression reads; none where it is no expression."""
    try:
        return expressions.names(text)
    except ExpressionError:
        return frozenset()
