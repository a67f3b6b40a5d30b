"""Pass: the vendor's extension elements of one node: properties, operator, decision, payloads."""

from __future__ import annotations

from engine.bpmn import xml
from engine.bpmn.model import Operator, Parameter

#: what other engines would act on and we do not; drawn, they would be a promise that nobody keeps
FOREIGN = {
    xml.CAMUNDA: frozenset(
        {"inputOutput", "executionListener", "taskListener", "field", "connector", "in", "out", "formData"}
    ),
    xml.ZEEBE: frozenset(
        {"taskDefinition", "ioMapping", "calledElement", "formDefinition", "script", "calledDecision"}
    ),
    xml.FLOWABLE: frozenset({"field", "executionListener", "taskListener", "formProperty", "in", "out"}),
    xml.ACTIVITI: frozenset({"field", "executionListener", "taskListener", "formProperty", "in", "out"}),
}
#: attributes by which other engines bind code
FOREIGN_ATTRIBUTES = {
    xml.CAMUNDA: frozenset({"class", "expression", "delegateExpression", "type", "topic", "decisionRef", "resource"}),
    xml.FLOWABLE: frozenset({"class", "expression", "delegateExpression", "type"}),
    xml.ACTIVITI: frozenset({"class", "expression", "delegateExpression", "type"}),
}
PREFIXES = {xml.CAMUNDA: "camunda", xml.ZEEBE: "zeebe", xml.FLOWABLE: "flowable", xml.ACTIVITI: "activiti"}


def extension(node: xml.Node, name: str) -> xml.Node | None:
    """The first extension element of that name in the spiffworkflow namespace."""
    for holder in xml.children(node, "extensionElements"):
        found = xml.first(holder, name, xml.SPIFF)
        if found is not None:
            return found
    return None


def properties(node: xml.Node) -> dict[str, str]:
    """The properties of a node."""
    holder = extension(node, "properties")
    if holder is None:
        return {}
    return {
        item.get("name", ""): item.get("value", "") for item in xml.children(holder, "property", namespace=xml.SPIFF)
    }


def operator(node: xml.Node) -> Operator | None:
    """The binding of a service task, where it has one."""
    found = extension(node, "serviceTaskOperator")
    if found is None:
        return None
    parameters = []
    for holder in xml.children(found, "parameters", namespace=xml.SPIFF):
        for item in xml.children(holder, "parameter", namespace=xml.SPIFF):
            parameters.append(Parameter(id=item.get("id", ""), value=item.get("value", ""), line=item.sourceline))
    return Operator(
        handler=found.get("id", ""), result_variable=found.get("resultVariable", ""), parameters=tuple(parameters)
    )


def foreign(node: xml.Node) -> tuple[str, ...]:
    """The names of bindings meant for other engines, such as `camunda:delegateExpression`."""
    found = []
    for holder in xml.children(node, "extensionElements"):
        for child in holder:
            space, name = xml.tag(child)
            if name in FOREIGN.get(space, frozenset()):
                found.append(f"{PREFIXES[space]}:{name}")
    for key in node.attrib:
        if isinstance(key, str) and key.startswith("{"):
            space, _, name = key[1:].partition("}")
            if name in FOREIGN_ATTRIBUTES.get(space, frozenset()):
                found.append(f"{PREFIXES[space]}:{name}")
    return tuple(found)
