"""The specification of a process, built from the model. Only what passed the lint rules comes here."""

from __future__ import annotations

from functools import partial
from typing import Any

from SpiffWorkflow.bpmn.specs.event_definitions.simple import NoneEventDefinition

from engine.bpmn import compensable, multiple
from engine.bpmn.decisions import DecisionEngine
from engine.bpmn.model import EMBEDDED, Diagram, Flow, Loop, Node, Process, Scope
from engine.bpmn.passes.links import linked
from engine.bpmn.spec import multiple as several
from engine.bpmn.spec.element import BoundarySplit, Parting, ProcessSpec, Way
from engine.bpmn.spec.event_subprocesses import EventSubprocess, Listener
from engine.bpmn.spec.events import BoundaryEvent, CatchEvent, EndEvent, StartEvent, ThrowEvent
from engine.bpmn.spec.gateways import Condition, EventBasedGateway, ExclusiveGateway
from engine.bpmn.spec.joins import InclusiveGateway, ParallelGateway
from engine.bpmn.spec.loops import StandardLoop
from engine.bpmn.spec.multi_instance import MultiInstance
from engine.bpmn.spec.repeated import MAX_INSTANCES, Repeated
from engine.bpmn.spec.scopes import CallActivity, Subprocess, Undoing
from engine.bpmn.spec.tasks import BusinessRuleTask, PassingTask, ScriptTask, ServiceTask, UserTask
from engine.bpmn.supported import EVENT_DEFINITIONS, EXECUTED, HANDLER_STARTS

GATEWAYS: dict[str, Any] = {
    "exclusiveGateway": ExclusiveGateway,
    "inclusiveGateway": InclusiveGateway,
    "parallelGateway": ParallelGateway,
    "eventBasedGateway": EventBasedGateway,
}
#: they tell by the element before them along which flow a token came
JOINS = frozenset({"inclusiveGateway", "parallelGateway"})
EVENTS: dict[str, Any] = {
    "startEvent": StartEvent,
    "endEvent": EndEvent,
    "intermediateCatchEvent": CatchEvent,
    "intermediateThrowEvent": ThrowEvent,
    "boundaryEvent": BoundaryEvent,
    "receiveTask": CatchEvent,
    "sendTask": ThrowEvent,
}


def build(diagram: Diagram) -> dict[str, ProcessSpec]:
    """The specifications of a definition by name: the process's own under its id, subprocesses under `process/id`."""
    process = diagram.process
    return {spec_name(process, scope): _scope(diagram, process, scope) for scope in process.scopes.values()}


def spec_name(process: Process, scope: Scope) -> str:
    """Under which name a scope's specification is kept; subprocess ids may occur in several processes of a bundle."""
    return process.id if scope.id == process.id else f"{process.id}/{scope.id}"


def _scope(diagram: Diagram, process: Process, scope: Scope) -> ProcessSpec:
    spec = ProcessSpec(spec_name(process, scope), process.name, process.id, process.node(scope.id))
    made = {node.id: _made(spec, diagram, process, node) for node in scope.nodes.values() if not node.compensates}
    elements = {name: element for name, (element, _) in made.items()}
    armed = {name: parts for name, (_, parts) in made.items()}
    _keep(spec, diagram, process, scope)
    entries = dict(elements)
    for node in scope.nodes.values():
        events = scope.boundary(node.id)
        if events:
            split = BoundarySplit(spec, f"(boundary of {node.id})")
            split.main = node.id
            split.connect(elements[node.id])
            for event in events:
                for part in armed[event.id]:
                    split.connect(part)
            entries[node.id] = split
    for node in scope.nodes.values():
        if node.compensates:
            continue
        element = elements[node.id]
        for flow in scope.outgoing(node.id):
            if node.kind == "eventBasedGateway":
                for part in armed[flow.target]:
                    element.connect(part)
                    part.late = True
                continue
            target = _way(spec, scope, flow, entries[flow.target])
            if node.kind in {"exclusiveGateway", "inclusiveGateway"} and flow.condition and flow.id != node.default:
                element.connect_if(Condition(flow.condition), target)
            else:
                element.connect(target)
        if node.id in scope.ends:
            element.connect(spec.end)
        if node.triggered_by_event:
            _listen(spec, process, node, element)
        if node.kind == "startEvent":
            spec.start.connect(element)
    for start in scope.starts:
        spec.start.connect(entries[start])
    spec.start.implied = not any(node.kind == "startEvent" for node in scope.nodes.values())
    if not scope.nodes:
        spec.start.connect(spec.end)
    return spec


def _made(spec: ProcessSpec, diagram: Diagram, process: Process, node: Node) -> tuple[Any, list[Any]]:
    """The element that the flows of a node leave, and those by which its event is waited for."""
    if node.loop is not None:
        return _repeated(spec, diagram, process, node, node.loop), []
    if node.kind not in {"intermediateCatchEvent", "boundaryEvent"} or len(node.events) < 2:
        element = _element(spec, diagram, process, node)
        return element, [element]
    _refuse_what_is_not_executed(process, node)
    parts = several.parts(node, partial(_element, spec, diagram, process))
    if node.kind == "boundaryEvent" or _raced(process.scopes[node.scope], node):
        return several.behind(spec, node, parts), parts
    return several.waiting(spec, node, parts, lane=node.lane or None, bpmn_name=node.name), parts


def _raced(scope: Scope, node: Node) -> bool:
    return any(scope.nodes[flow.source].kind == "eventBasedGateway" for flow in scope.incoming(node.id))


def _listen(spec: ProcessSpec, process: Process, node: Node, element: Any) -> None:
    """The start event of an event subprocess as what waits in the scope around it, for each of its definitions."""
    start = next(each for each in process.scopes[node.id].nodes.values() if each.kind == "startEvent")

    def made(part: Node, name: str) -> Listener:
        listener = Listener(spec, name, bpmn_name=start.name)
        assert part.event is not None  # noqa: S101 - refused before
        listener.node, listener.event, listener.inside = part, part.event, node.id
        listener.cancel_activity = start.interrupting
        listener.connect(element)
        spec.conditional |= part.event.kind == "conditional"
        return listener

    alone = len(start.events) == 1
    spec.listeners += [made(start, f"(start of {node.id})")] if alone else several.parts(start, made)


def _way(spec: ProcessSpec, scope: Scope, flow: Flow, target: Any) -> Any:
    """Where a flow leads: of several from one element to one join, each is an input of its own."""
    alike = [other.id for other in scope.outgoing(flow.source) if other.target == flow.target]
    if scope.nodes[flow.target].kind not in JOINS or len(alike) < 2:
        return target
    way = Way(spec, f"(flow {flow.id})")
    way.connect(target)
    return way


def _element(spec: ProcessSpec, diagram: Diagram, process: Process, node: Node, name: str = "") -> Any:
    common = {"lane": node.lane or None, "bpmn_name": node.name, "documentation": node.documentation}
    element: Any
    name = name or node.id
    _refuse_what_is_not_executed(process, node)
    if node.kind in GATEWAYS:
        element = GATEWAYS[node.kind](spec, name, **common)
    elif node.kind in EVENTS:
        extra = {"cancel_activity": node.interrupting} if node.kind == "boundaryEvent" else {}
        element = EVENTS[node.kind](spec, name, event_definition=NoneEventDefinition(), **extra, **common)
        kinds = {event.kind for event in node.events}
        element.events = multiple.in_order(node.events)
        spec.conditional |= node.kind != "startEvent" and "conditional" in kinds
        element.event = None if "link" in kinds else node.event
        element.cancels = node.kind == "endEvent" and "cancel" in kinds
    elif node.kind == "userTask":
        element = UserTask(spec, name, **common)
    elif node.kind == "serviceTask":
        element = ServiceTask(spec, name, **common)
    elif node.kind == "scriptTask":
        element = ScriptTask(spec, name, node.script, **common)
    elif node.kind == "businessRuleTask":
        element = BusinessRuleTask(spec, name, dmnEngine=DecisionEngine(diagram.decisions[node.decision]), **common)
    elif node.kind == "callActivity":
        element = CallActivity(spec, name, node.called, **common)
    elif node.kind in EMBEDDED:
        kind = EventSubprocess if node.triggered_by_event else Subprocess
        element = kind(spec, name, f"{process.id}/{node.id}", **common)
    else:
        element = (Parting if node.implied_by else PassingTask)(spec, name, **common)
    element.node = node
    if node.implied_by:
        element.told = False
    return element


def _keep(spec: ProcessSpec, diagram: Diagram, process: Process, scope: Scope) -> None:
    """Tell the elements that are remembered when they have completed, and by what they are undone."""
    asked = compensable.asked(process)
    for name, node in scope.nodes.items():
        handler, inner = scope.handler(name), process.scopes.get(name)
        for element in (spec.task_specs.get(name), spec.task_specs.get(f"(copy of {name})")):
            if element is not None and name in asked:
                element.kept, element.undone_by = True, "" if handler is None else handler.id
                element.reads = compensable.called_with(diagram, node)
        if node.kind in EMBEDDED and inner is not None and asked & inner.nodes.keys():
            Undoing(spec, f"(undo of {name})", f"{process.id}/{name}").node = node


def _refuse_what_is_not_executed(process: Process, node: Node) -> None:
    # The lint tells the author; here nothing may slip through as something that it is not.
    scope, around = process.scopes[node.scope], process.node(node.scope)
    kinds = {event.kind for event in node.events} or {""}
    begins = around is not None and around.triggered_by_event and node.kind == "startEvent"
    begins_process = around is None and node.kind == "startEvent"
    executed = HANDLER_STARTS if begins else EVENT_DEFINITIONS.get(node.kind, ())
    if (
        node.kind not in EXECUTED
        or (node.triggered_by_event and not _begins_by_one_event(process, scope, node))
        or (node.compensates and scope.handler(node.attached_to) is None)
        or not all(event.waits for event in node.events)
        or (node.kind == "endEvent" and "cancel" in kinds and scope.kind != "transaction")
        or multiple.refusal(node, starts=begins_process, raced=_raced(scope, node)) is not None
        or (node.kind in EVENTS and not kinds <= set(executed))
        or any(event.dangling or (event.kind == "conditional" and not event.expression) for event in node.events)
        or (node.loop is not None and node.loop.behavior != "All")
        or (linked(node, "intermediateThrowEvent") and [flow.drawn for flow in scope.outgoing(node.id)] != [False])
    ):
        raise ValueError(f'the {node.kind} "{node.name or node.id}" is not executed as it is drawn')


def _begins_by_one_event(process: Process, scope: Scope, node: Node) -> bool:
    starts = [each for each in process.scopes[node.id].nodes.values() if each.kind == "startEvent"]
    beside = scope.outgoing(node.id) or scope.incoming(node.id) or scope.boundary(node.id) or node.loop
    return len(starts) == 1 and bool(starts[0].events) and not beside


def _repeated(spec: ProcessSpec, diagram: Diagram, process: Process, node: Node, loop: Loop) -> Repeated:
    """The repeated element under the node's name, around the node's own element."""
    wrapper: Repeated = (StandardLoop if loop.kind == "standard" else MultiInstance)(
        spec, node.id, bpmn_name=node.name, lane=node.lane or None
    )
    wrapper.node, wrapper.loop, wrapper.inner = node, loop, f"(copy of {node.id})"
    wrapper.cap = int(node.properties.get("max_instances") or MAX_INSTANCES)
    inner = _element(spec, diagram, process, node, name=wrapper.inner)
    inner.node = node
    return wrapper
