"""People, code and what only another engine would do."""

from __future__ import annotations

from lxml import etree

from engine.bpmn import expressions, xml
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.expressions.functions import FUNCTIONS
from engine.bpmn.passes.extensions import FOREIGN, FOREIGN_ATTRIBUTES
from tests.conformance.binding.tree import Binding, Node, bpmn, extension, holder, spiff

#: the role of whoever does a task that lies in no lane
SOMEONE = "someone"
#: a handler that returns nothing
ECHO = "echo"


def people(binding: Binding) -> None:
    """A form for each user task, and a role for those in no lane."""
    lanes = {xml.text(each) for each in binding.process.iter(bpmn("flowNodeRef"))}
    inside = {
        each.get("id")
        for around in binding.process.iter(bpmn("subProcess"), bpmn("transaction"), bpmn("adHocSubProcess"))
        if around.get("id") in lanes
        for each in around.iter()
        if isinstance(each.tag, str)
    }
    alone = []
    for task in binding.nodes("userTask"):
        properties = extension(task, "properties")
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
        return bool(found) and not any(each.name in FUNCTIONS for each in found)
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


def _echo(task: Node) -> None:
    """Make it a service task of the handler that returns nothing."""
    task.tag = bpmn("serviceTask")
    task.attrib.pop("messageRef", None)
    for name in ("script", "messageEventDefinition"):
        for each in xml.children(task, name):
            task.remove(each)
    kept = holder(task)
    for each in xml.children(kept, "calledDecisionId", namespace=xml.SPIFF):
        kept.remove(each)
    etree.SubElement(kept, spiff("serviceTaskOperator"), id=ECHO)
