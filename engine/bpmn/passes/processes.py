"""Pass: the processes of a file with their scopes, flow nodes and flows."""

from __future__ import annotations

from engine.bpmn import bindings, xml
from engine.bpmn.model import FLOW_NODES, SUBPROCESSES, Flow, Node, Process, Scope
from engine.bpmn.passes import associations, events, extensions, lanes, links, loops
from engine.bpmn.passes.references import References

#: what may stand in a process besides flow nodes: drawn, kept, not executed
DOCUMENTATION_ONLY = frozenset(
    {
        "documentation", "extensionElements", "laneSet", "sequenceFlow", "textAnnotation", "association", "group",
        "dataObject", "dataObjectReference", "dataStoreReference", "ioSpecification", "property", "monitoring",
        "auditing", "incoming", "outgoing", "multiInstanceLoopCharacteristics", "standardLoopCharacteristics",
        "dataInputAssociation", "dataOutputAssociation", "potentialOwner", "resourceRole", "performer",
        "humanPerformer", "artifact", "category", "supports",
    }
)  # fmt: skip


def read(root: xml.Node, file: str, references: References) -> list[Process]:
    """The processes of one file, executable or not."""
    return [_process(root, node, file, references) for node in xml.children(root, "process")]


def _process(root: xml.Node, element: xml.Node, file: str, references: References) -> Process:
    process = element.get("id", "")
    by_node, names, lane_references = lanes.read(element)
    scopes: dict[str, Scope] = {}
    unknown: list[Node] = []

    def walk(holder: xml.Node, kind: str, lane: str) -> None:
        scope = holder.get("id", "")
        nodes: dict[str, Node] = {}
        flows: list[Flow] = []
        inner: list[tuple[xml.Node, str, str]] = []
        for child in xml.children(holder):
            name = xml.tag(child)[1]
            if name in FLOW_NODES:
                node = _node(child, process, scope, by_node.get(child.get("id", ""), lane), references)
                nodes[node.id] = node
                if name in SUBPROCESSES:
                    inner.append((child, name, node.lane))
            elif name == "sequenceFlow":
                flows.append(_flow(child, scope, len(flows)))
            elif name not in DOCUMENTATION_ONLY:
                unknown.append(
                    Node(
                        id=child.get("id", ""),
                        kind=name,
                        name=child.get("name", ""),
                        line=child.sourceline,
                        process=process,
                        scope=scope,
                    )
                )
        flows += links.read(nodes, scope)
        scopes[scope] = Scope(id=scope, kind=kind, process=process, nodes=nodes, flows=tuple(flows))
        for child, name, child_lane in inner:
            walk(child, name, child_lane)

    walk(element, "process", "")
    scopes = associations.handlers(root, scopes)
    known = {node for scope in scopes.values() for node in scope.nodes}
    return Process(
        id=process,
        name=element.get("name") or process,
        line=element.sourceline,
        file=file,
        executable=xml.boolean(element, "isExecutable", True),
        documentation=xml.text(xml.first(element, "documentation")),
        lanes=names,
        scopes=scopes,
        unknown=tuple(unknown),
        said=xml.boolean(element, "isExecutable", False),
        refs_without_node=tuple((lane, node) for lane, node in lane_references if node not in known),
    )


def _node(element: xml.Node, process: str, scope: str, lane: str, references: References) -> Node:
    kind = xml.tag(element)[1]
    properties = extensions.properties(element)
    return Node(
        id=element.get("id", ""),
        kind=kind,
        name=" ".join(element.get("name", "").split()),
        line=element.sourceline,
        process=process,
        scope=scope,
        lane=lane,
        documentation=xml.text(xml.first(element, "documentation")),
        events=() if kind in SUBPROCESSES else events.read(element, references),
        properties=properties,
        operator=extensions.operator(element),
        decision=xml.text(extensions.extension(element, "calledDecisionId")),
        script=xml.text(xml.first(element, "script")),
        called=bindings.key(xml.reference(element, "calledElement"), properties.get("version", "").strip()),
        loop=loops.read(element),
        attached_to=xml.reference(element, "attachedToRef"),
        interrupting=xml.boolean(element, "isInterrupting" if kind == "startEvent" else "cancelActivity", True),
        default=xml.reference(element, "default"),
        triggered_by_event=xml.boolean(element, "triggeredByEvent", False),
        compensation=xml.boolean(element, "isForCompensation", False),
        method=element.get("method", "") if kind == "transaction" else "",
        foreign=extensions.foreign(element),
        prescript=xml.text(extensions.extension(element, "preScript")),
        postscript=xml.text(extensions.extension(element, "postScript")),
        parallel_multiple=xml.boolean(element, "parallelMultiple", False),
    )


def _flow(element: xml.Node, scope: str, number: int) -> Flow:
    return Flow(
        # The standard asks for no id. Without one, each flow would be the default of every gateway that has none.
        id=element.get("id") or f"(flow {number} of {scope})",
        name=element.get("name", ""),
        line=element.sourceline,
        scope=scope,
        source=xml.reference(element, "sourceRef"),
        target=xml.reference(element, "targetRef"),
        condition=xml.text(xml.first(element, "conditionExpression")),
    )
