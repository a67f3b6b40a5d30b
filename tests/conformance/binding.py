"""A diagram from elsewhere, with the words bound that only its own engine knows, so that its structure can run.

What is bound is what an architect would bind who imports the diagram: people to a role and a form, code to a handler,
missing names of messages and codes, times that nobody wrote, conditions in another engine's notation to their
translation, and choices without a condition to a question. What is drawn stays as it is. Each binding is counted.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from engine.bpmn import expressions, xml
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.expressions.scripts import is_variable
from engine.bpmn.model import FLOW_NODES
from engine.bpmn.passes.extensions import FOREIGN, FOREIGN_ATTRIBUTES

#: the role of whoever does a task that lies in no lane
SOMEONE = "someone"
#: a handler that returns nothing, and one that is asked for a value
ECHO, ASK = "echo", "ask"

Node = Any


def bpmn(name: str) -> str:
    return f"{{{xml.BPMN}}}{name}"


def spiff(name: str) -> str:
    return f"{{{xml.SPIFF}}}{name}"


@dataclass
class Binding:
    """One file's tree while its words are bound."""

    root: Node
    process: Node
    bound: Counter[str] = field(default_factory=Counter)
    number: int = 0

    def name(self, kind: str) -> str:
        self.number += 1
        return f"Bound_{kind}_{self.number}"

    def nodes(self, *kinds: str) -> Iterator[Node]:
        """The flow nodes of the process, in a list of their own: the tree may change."""
        wanted = {bpmn(kind) for kind in kinds or FLOW_NODES}
        yield from [each for each in self.process.iter() if each.tag in wanted]


def bound(root: Node, process: Node, called: frozenset[str]) -> tuple[bytes, Counter[str]]:
    """(the file with this process made executable and its words bound, what was bound)."""
    tree = copy.deepcopy(root)
    found = xml.children(tree, "process")[xml.children(root, "process").index(process)]
    binding = Binding(tree, found)
    for other in xml.children(tree, "process"):
        other.set("isExecutable", "true" if other is found else "false")
    for step in STEPS:
        step(binding)
    for call in binding.nodes("callActivity"):
        if call.get("calledElement", "").rpartition(":")[2] not in called:
            call.set("calledElement", STUB)
            binding.bound["calls"] += 1
    return etree.tostring(tree, encoding="UTF-8", xml_declaration=True), binding.bound


#: the process that stands for one that is not there
STUB = "called_process"


def people(binding: Binding) -> None:
    """A form for each user task, and a role for those in no lane."""
    lanes = {xml.text(each) for each in binding.process.iter(bpmn("flowNodeRef"))}
    inside = {
        each.get("id")
        for holder in binding.process.iter(bpmn("subProcess"), bpmn("transaction"), bpmn("adHocSubProcess"))
        if holder.get("id") in lanes
        for each in holder.iter()
        if isinstance(each.tag, str)
    }
    alone = []
    for task in binding.nodes("userTask"):
        properties = _extension(task, "properties")
        for each in [*properties]:
            if each.get("name") in {"form", "kind", "evidence", "shut_out", "due", "result"}:
                properties.remove(each)
        etree.SubElement(properties, spiff("property"), name="form", value="answer.form.json")
        binding.bound["people"] += 1
        if task.get("id") and task.get("id") not in lanes | inside:
            alone.append(task.get("id"))
    if alone:
        lane_set = etree.Element(bpmn("laneSet"), id=binding.name("lanes"))
        lane = etree.SubElement(lane_set, bpmn("lane"), id=binding.name("lane"), name=SOMEONE)
        for each in alone:
            etree.SubElement(lane, bpmn("flowNodeRef")).text = each
        binding.process.insert(0, lane_set)


def code(binding: Binding) -> None:
    """A handler for each task that other engines run code for: services, rules, scripts that are not ours."""
    for task in binding.nodes("serviceTask"):
        if not any(True for _ in task.iter(spiff("serviceTaskOperator"))):
            _echo(task)
            binding.bound["handlers"] += 1
    for task in binding.nodes("businessRuleTask"):
        _echo(task)
        binding.bound["decisions"] += 1
    for task in binding.nodes("scriptTask"):
        if not _ours(xml.text(xml.first(task, "script"))):
            _echo(task)
            binding.bound["scripts"] += 1
    for task in binding.nodes("sendTask"):
        if not task.get("messageRef") and xml.first(task, "messageEventDefinition") is None:
            _echo(task)
            binding.bound["handlers"] += 1


def _ours(script: str) -> bool:
    try:
        found = expressions.assignments(script)
        return bool(found) and not any(each.name in expressions.functions.FUNCTIONS for each in found)
    except ExpressionError:
        return False


def foreign(binding: Binding) -> None:
    """Without what only another engine would do: its listeners, mappings and code."""
    for each in list(binding.process.iter()):
        if not isinstance(each.tag, str):
            continue
        space, name = xml.tag(each)
        if name in FOREIGN.get(space, frozenset()) or each.tag in {spiff("preScript"), spiff("postScript")}:
            if each.getparent() is not None and xml.tag(each.getparent())[1] == "extensionElements":
                each.getparent().remove(each)
                binding.bound["foreign bindings"] += 1
            continue
        for key in list(each.attrib):
            space, _, name = key[1:].partition("}") if key.startswith("{") else ("", "", "")
            if name in FOREIGN_ATTRIBUTES.get(space, frozenset()):
                del each.attrib[key]
                binding.bound["foreign bindings"] += 1


def messages(binding: Binding) -> None:
    """A name for each message and signal event without one, a code for each error and escalation without one."""
    for kind in ("message", "signal", "error", "escalation"):
        for definition in list(binding.process.iter(bpmn(f"{kind}EventDefinition"))):
            event = definition.getparent()
            catches = event.tag in {bpmn("boundaryEvent"), bpmn("startEvent")} and kind in {"error", "escalation"}
            if not definition.get(f"{kind}Ref") and not catches:
                definition.set(f"{kind}Ref", _declared(binding, kind))
    for task in binding.nodes("receiveTask"):
        if not task.get("messageRef") and xml.first(task, "messageEventDefinition") is None:
            task.set("messageRef", _declared(binding, "message"))
    for kind in ("error", "escalation"):
        for each in xml.children(binding.root, kind):
            if not each.get(f"{kind}Code"):
                each.set(f"{kind}Code", each.get("id") or "code")
                binding.bound["codes"] += 1


def _declared(binding: Binding, kind: str) -> str:
    identifier = binding.name(kind)
    made = etree.Element(bpmn(kind), id=identifier, name=identifier)
    if kind in {"error", "escalation"}:
        made.set(f"{kind}Code", identifier)
    binding.root.insert(0, made)
    binding.bound["names of messages and codes"] += 1
    return identifier


def times(binding: Binding) -> None:
    """A time or condition for each event without one, or with one that only another engine can work out."""
    for definition in binding.process.iter(bpmn("timerEventDefinition")):
        given = xml.children(definition, "timeDuration", "timeDate", "timeCycle")
        if not given:
            given = [etree.SubElement(definition, bpmn("timeDuration"))]
        text = xml.text(given[0])
        if not text or (expressions.is_foreign(text) and not _translate(binding, given[0])):
            given[0].text = "PT1H" if xml.tag(given[0])[1] != "timeDate" else "2027-06-01T00:00:00Z"
            binding.bound["times"] += 1
    for definition in binding.process.iter(bpmn("conditionalEventDefinition")):
        condition = xml.first(definition, "condition")
        if condition is None:
            condition = etree.SubElement(definition, bpmn("condition"))
        if not _readable(xml.text(condition)) and not _translate(binding, condition):
            _write(condition, f"{binding.name('choice').lower()} == 1")
            binding.bound["conditions"] += 1


def copies(binding: Binding) -> None:
    """A number for each multi-instance activity without one, and a cap."""
    for loop in list(binding.process.iter(bpmn("multiInstanceLoopCharacteristics"))):
        collection = next((loop.get(f"{{{space}}}collection") for space in (xml.CAMUNDA, xml.FLOWABLE)
                           if loop.get(f"{{{space}}}collection")), "")  # fmt: skip
        number = xml.first(loop, "loopCardinality")
        if number is None and xml.first(loop, "loopDataInputRef") is None:
            number = etree.Element(bpmn("loopCardinality"))
            loop.insert(0, number)
            number.text = "2"
            binding.bound["collections" if collection else "numbers of copies"] += 1
        for each in xml.children(loop, "loopCardinality", "completionCondition"):
            if expressions.is_foreign(xml.text(each)) and not _translate(binding, each):
                if xml.tag(each)[1] == "loopCardinality":
                    each.text = "2"
                else:
                    loop.remove(each)
                binding.bound["conditions"] += 1
        for name in ("loopDataInputRef", "loopDataOutputRef", "inputDataItem", "outputDataItem"):
            each = xml.first(loop, name)
            if each is not None:
                shown = each.get("id") or each.get("name") or xml.text(each)
                if not is_variable(shown):
                    for attribute in ("id", "name"):
                        each.attrib.pop(attribute, None)
                    each.set("name", variable(shown))
                    each.text = variable(shown) if name.endswith("Ref") else None
        holder = loop.getparent()
        properties = _extension(holder, "properties")
        if not any(each.get("name") == "max_instances" for each in properties):
            etree.SubElement(properties, spiff("property"), name="max_instances", value="20")
    for loop in list(binding.process.iter(bpmn("standardLoopCharacteristics"))):
        condition = xml.first(loop, "loopCondition")
        if condition is not None and expressions.is_foreign(xml.text(condition)) and not _translate(binding, condition):
            loop.remove(condition)
            condition = None
            binding.bound["conditions"] += 1
        if condition is None and not loop.get("loopMaximum"):
            loop.set("loopMaximum", "2")


def variable(text: str) -> str:
    """A name of a variable as like this one as can be."""
    made = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in text).strip("_")
    return made if is_variable(made) else f"v_{made}"


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
        elif _readable(text) and "script" not in language.lower():
            continue
        elif not _translate(binding, condition):
            _write(condition, f"{binding.name('choice').lower()} == 1")
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
                _write(etree.SubElement(flow, bpmn("conditionExpression")), f"{name} == {number}")
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
            if text and flow.get("id") != node.get("default"):
                wanted += sorted(name for name in reads(text) if name not in known and name not in wanted)
        if not wanted or not identifier:
            continue
        incoming = [flow for flow in flows if flow.get("targetRef") == identifier]
        holder = node.getparent()
        entry, way_out = node, identifier
        if xml.tag(node)[1] == "inclusiveGateway" and len(incoming) > 1:
            # What joins here is joined first, then asked, then parted.
            parted = etree.SubElement(holder, bpmn("inclusiveGateway"), id=binding.name("parting"))
            if node.get("default"):
                parted.set("default", node.attrib.pop("default"))
            for flow in outgoing:
                flow.set("sourceRef", parted.get("id"))
            tasks = _asking(binding, holder, wanted)
            _connect(binding, holder, identifier, tasks[0])
            _connect(binding, holder, tasks[-1], parted.get("id"))
        else:
            tasks = _asking(binding, holder, wanted)
            for flow in incoming:
                flow.set("targetRef", tasks[0])
            _connect(binding, holder, tasks[-1], entry.get("id", way_out))
        binding.bound["questions"] += len(wanted)


def _asking(binding: Binding, holder: Node, names: list[str]) -> list[str]:
    tasks = []
    for name in names:
        task = etree.SubElement(holder, bpmn("serviceTask"), id=binding.name("question"), name=f"Ask {name}")
        etree.SubElement(_holder(task), spiff("serviceTaskOperator"), id=ASK, resultVariable=name)
        if tasks:
            _connect(binding, holder, tasks[-1], task.get("id"))
        tasks.append(task.get("id"))
    return tasks


def _connect(binding: Binding, holder: Node, source: str, target: str) -> None:
    etree.SubElement(holder, bpmn("sequenceFlow"), id=binding.name("flow"), sourceRef=source, targetRef=target)


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


def _translate(binding: Binding, element: Node) -> bool:
    ours = expressions.translated(xml.text(element))
    if ours is None:
        return False
    _write(element, ours)
    binding.bound["translations"] += 1
    return True


def _readable(text: str) -> bool:
    try:
        return not expressions.is_foreign(text) and bool(expressions.parse(text))
    except ExpressionError:
        return False


def _write(element: Node, text: str) -> None:
    for child in list(element):
        element.remove(child)
    element.text = text
    for attribute in list(element.attrib):
        del element.attrib[attribute]


def _echo(task: Node) -> None:
    """Make it a service task of the handler that returns nothing."""
    task.tag = bpmn("serviceTask")
    task.attrib.pop("messageRef", None)
    for name in ("script", "messageEventDefinition"):
        for each in xml.children(task, name):
            task.remove(each)
    holder = _holder(task)
    for each in xml.children(holder, "calledDecisionId", namespace=xml.SPIFF):
        holder.remove(each)
    etree.SubElement(holder, spiff("serviceTaskOperator"), id=ECHO)


def _holder(node: Node) -> Node:
    found = xml.first(node, "extensionElements")
    if found is None:
        found = etree.Element(bpmn("extensionElements"))
        node.insert(1 if xml.first(node, "documentation") is not None else 0, found)
    return found


def _extension(node: Node, name: str) -> Node:
    holder = _holder(node)
    found = xml.first(holder, name, xml.SPIFF)
    return etree.SubElement(holder, spiff(name)) if found is None else found


STEPS: tuple[Callable[[Binding], None], ...] = (foreign, code, messages, times, copies, conditions, people, questions)
