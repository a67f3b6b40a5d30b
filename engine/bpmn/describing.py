"""What a definition is, for the library, the inbox and the runtime, without running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.bpmn.bundle import NotExecutable
from engine.bpmn.compensable import THROWS
from engine.bpmn.expressions import ExpressionError, assignments
from engine.bpmn.model import Diagram, Event, Node, Process
from engine.bpmn.reading import Files, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One flow node."""

    id: str
    kind: str  #: its BPMN name, such as "userTask"
    name: str
    lane: str
    process: str
    scope: str  #: id of the process or subprocess around it
    handler: str = ""  #: of a service task
    called: str = ""  #: the process a call activity calls
    form: str = ""
    documentation: str = ""
    decides: tuple[str, ...] = ()  #: the variables that a decision table writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A start event of the process that a message, a signal or a timer sets off."""

    element: str
    name: str
    kind: str  #: "message", "signal" or "timer"
    told: str = ""  #: the message's or signal's name
    timing: str = ""  #: when, as a cron expression or an ISO 8601 repeating interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessDescription:
    """One definition."""

    process_id: str
    name: str
    documentation: str
    lanes: tuple[str, ...]  #: the roles
    calls: tuple[str, ...]  #: ids of called processes
    forms: tuple[str, ...]  #: form files that its elements name
    messages: tuple[str, ...]  #: names of messages that it waits for in its course
    start_messages: tuple[str, ...]  #: names of messages that start it
    beginnings: tuple[Beginning, ...]  #: the start events for messages, signals and timers
    signals: tuple[str, ...]
    start_properties: Mapping[str, str]  #: all properties of the plain start event, else of the first
    start_form: str  #: the start event's form file, empty where it has none
    handlers: tuple[str, ...]
    decisions: tuple[str, ...]
    elements: Mapping[str, Element]


def describe(files: Files) -> ProcessDescription:
    """The description of a definition; raises NotExecutable where its files cannot be read."""
    diagram, issues = read(files)
    if issues:
        raise NotExecutable(process="(unreadable)", reason=issues[0].reason)
    process = diagram.process
    nodes = list(process.nodes)

    def caught(kind: str) -> tuple[str, ...]:
        return _unique(
            event.name
            for node in nodes
            if node.kind in {"intermediateCatchEvent", "boundaryEvent", "receiveTask"}
            or (node.kind == "startEvent" and node.scope != process.id)
            for event in node.events
            if event.kind == kind
        )

    return ProcessDescription(
        process_id=process.id,
        name=process.name,
        documentation=process.documentation,
        lanes=process.lanes,
        calls=_unique(node.called for node in nodes if node.kind == "callActivity"),
        forms=_unique(node.properties.get("form", "") for node in nodes),
        messages=caught("message"),
        start_messages=_unique(
            event.name for node in _starts(process) for event in node.events if event.kind == "message"
        ),
        beginnings=tuple(
            Beginning(element=node.id, name=node.name, kind=event.kind, told=event.name, timing=_timing(event))
            for node in _starts(process)
            for event in node.events
        ),
        signals=caught("signal"),
        start_properties=dict(next((node.properties for node in _starts(process)), {})),
        start_form=next((form for node in _starts(process) if (form := node.properties.get("form", ""))), ""),
        handlers=_unique(node.operator.handler for node in nodes if node.operator is not None),
        decisions=_unique(node.decision for node in nodes),
        elements={
            node.id: Element(
                id=node.id,
                kind=node.kind,
                name=node.name,
                lane=node.lane,
                process=process.id,
                scope=node.scope,
                handler=node.operator.handler if node.operator else "",
                called=node.called,
                form=node.properties.get("form", ""),
                documentation=node.documentation,
                decides=_decided(diagram, node),
            )
            for node in nodes
        },
    )


def writes(files: Files) -> dict[str, frozenset[str]]:
    """Which variables each element may write; a call activity writes what its process does, which is not told here."""
    diagram, issues = read(files)
    if issues:
        raise NotExecutable(process="(unreadable)", reason=issues[0].reason)
    return {node.id: written(diagram, node) for node in diagram.process.nodes}


def _decided(diagram: Diagram, node: Node) -> tuple[str, ...]:
    decision = diagram.decisions.get(node.decision) if node.kind == "businessRuleTask" else None
    return tuple(decision.outputs) if decision else ()


def written(diagram: Diagram, node: Node) -> frozenset[str]:
    """The variables that one element writes."""
    names: set[str] = set()
    if node.kind == "userTask":
        names.add(node.result)
    elif node.kind == "serviceTask" and node.operator is not None:
        names.add(node.operator.result_variable)
    elif node.kind == "scriptTask":
        try:
            names.update(assignment.name for assignment in assignments(node.script))
        except ExpressionError:
            names.clear()  # refused by the lint, never executed
    elif node.kind == "businessRuleTask" and node.decision in diagram.decisions:
        names.update(diagram.decisions[node.decision].outputs)
    if node.kind != "intermediateThrowEvent":
        names.update(event.variable for event in node.events)
    if node.kind in THROWS and any(event.kind == "compensate" for event in node.events):
        names |= _undoing(diagram, node.scope)
    if node.loop is not None:
        if node.loop.output:
            names.discard(node.loop.output_item)
        names.add(node.loop.output)
    return frozenset(names - {""})


def _undoing(diagram: Diagram, scope: str) -> set[str]:
    """What the compensation handlers of a scope may write, and those of the subprocesses in it."""
    scopes, names = diagram.process.scopes, set[str]()
    for node in scopes[scope].nodes.values():
        if node.compensation:
            stack = [node]
            while stack:
                part = stack.pop()
                names |= written(diagram, part)
                stack += scopes[part.id].nodes.values() if part.id in scopes else ()
        elif node.id in scopes:
            names |= _undoing(diagram, node.id)
    return names


def _starts(process: Process) -> list[Node]:
    starts = [node for node in process.scopes[process.id].nodes.values() if node.kind == "startEvent"]
    return sorted(starts, key=lambda node: bool(node.events))


def _timing(event: Event) -> str:
    """A timer's text as a cycle: a date or a duration is one that fires once."""
    once = {"date": "R1/{}/P1D", "duration": "R1/{}"}
    return once.get(event.timer, "{}").format(event.expression) if event.kind == "timer" else ""


def _unique(names: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))  # type: ignore[attr-defined]
