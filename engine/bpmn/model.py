"""A diagram as read: frozen values that the lint rules, the specification and the descriptions share."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

TASKS = frozenset(
    {"task", "manualTask", "userTask", "serviceTask", "scriptTask", "businessRuleTask", "sendTask", "receiveTask"}
)
#: subprocesses whose body is drawn in them and goes by its sequence flows
EMBEDDED = frozenset({"subProcess", "transaction"})
SUBPROCESSES = EMBEDDED | {"adHocSubProcess"}
ACTIVITIES = TASKS | SUBPROCESSES | {"callActivity"}
GATEWAYS = frozenset({"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway", "complexGateway"})
EVENTS = frozenset({"startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"})
FLOW_NODES = ACTIVITIES | GATEWAYS | EVENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event definition."""

    kind: str  #: "message", "signal", "error", "escalation", "timer", "terminate", "link", ...
    reference: str = ""  #: the id it points to; of a compensation event the activity, empty for all of the scope
    name: str = ""  #: the message's or signal's name
    code: str | None = None  #: of an error or escalation; None catches every code
    dangling: bool = False  #: the reference leads nowhere
    timer: str = ""  #: "duration", "date" or "cycle"
    expression: str = ""  #: the timer's text, the condition, or the payload of a thrown message
    variable: str = ""  #: the variable that takes a caught payload
    waits: bool = True  #: a thrown compensation waits for what it sets off


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a service task: an expression over the variables."""

    id: str
    value: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """The binding of a service task to a handler."""

    handler: str
    result_variable: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Loop or multi-instance characteristics."""

    kind: str  #: "standard", "sequential" or "parallel"
    cardinality: str = ""
    input: str = ""  #: the list variable
    item: str = ""  #: the variable that holds one item
    output: str = ""  #: the list variable that takes the results
    output_item: str = ""
    condition: str = ""  #: completion condition, or the standard loop's condition
    maximum: str = ""  #: of a standard loop
    test_before: bool = False
    behavior: str = (
        "All"  #: of a multi-instance activity: whether each copy that ends throws an event ("All": none does)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A flow node: an activity, a gateway or an event."""

    id: str
    kind: str  #: its BPMN name, such as "userTask"
    name: str
    line: int | None
    process: str
    scope: str  #: id of the process or subprocess around it
    lane: str = ""
    documentation: str = ""
    events: tuple[Event, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    operator: Operator | None = None
    decision: str = ""
    script: str = ""
    called: str = ""
    loop: Loop | None = None
    attached_to: str = ""
    interrupting: bool = True
    default: str = ""  #: the default flow's id
    triggered_by_event: bool = False
    compensation: bool = False  #: it undoes another activity and lies on no path
    handlers: tuple[str, ...] = ()  #: of a compensation boundary event, the activities that associations lead to
    method: str = ""  #: of a transaction, what undoes it where that is said
    foreign: tuple[str, ...] = ()  #: extensions that other engines would act on
    prescript: str = ""
    postscript: str = ""
    parallel_multiple: bool = False
    implied_by: str = ""  #: id of the drawn element that means it; empty for what is drawn itself

    @property
    def result(self) -> str:
        """The variable that takes a person's answer: the property `result`, else one named after the id.

        The id is written in lower case, what no name of a variable holds becomes an underscore.
        """
        given = self.properties.get("result")
        if given:
            return given
        name = re.sub(r"[^a-z0-9_]", "_", self.id.lower()).strip("_")
        return name if name[:1].isalpha() and not keyword.iskeyword(name) else f"task_{name}"

    @property
    def compensates(self) -> bool:
        """Whether it is a boundary event that names the compensation handler of its activity."""
        return self.kind == "boundaryEvent" and any(event.kind == "compensate" for event in self.events)

    @property
    def together(self) -> bool:
        """Whether it is a catching event that occurs once all of several events have."""
        return self.parallel_multiple and len(self.events) > 1

    @property
    def event(self) -> Event | None:
        """The event definition, where there is exactly one."""
        return self.events[0] if len(self.events) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A sequence flow."""

    id: str
    name: str
    line: int | None
    scope: str
    source: str
    target: str
    condition: str = ""
    drawn: bool = True  #: False for the way from a link's throw to its catch


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A process or an embedded subprocess with what is drawn directly in it."""

    id: str
    kind: str  #: "process" or the subprocess's BPMN name
    process: str
    nodes: Mapping[str, Node]
    flows: tuple[Flow, ...]
    starts: tuple[str, ...] = ()  #: where there is no start event: the elements that begin with the scope
    ends: tuple[str, ...] = ()  #: elements at which a token is consumed

    def outgoing(self, node: str) -> list[Flow]:
        """The flows that leave a node, in the order of the file."""
        return [flow for flow in self.flows if flow.source == node]

    def incoming(self, node: str) -> list[Flow]:
        """The flows that lead to a node, in the order of the file."""
        return [flow for flow in self.flows if flow.target == node]

    def handlers(self) -> list[Node]:
        """The event subprocesses of the scope."""
        return [node for node in self.nodes.values() if node.triggered_by_event]

    def boundary(self, node: str) -> list[Node]:
        """The boundary events attached to an activity that may occur while it is active."""
        return [event for event in self._attached(node) if not event.compensates]

    def handler(self, node: str) -> Node | None:
        """The activity that undoes another one, as its compensation boundary event says."""
        named = [name for event in self._attached(node) if event.compensates for name in event.handlers]
        return self.nodes.get(named[0]) if named else None

    def _attached(self, node: str) -> list[Node]:
        return [other for other in self.nodes.values() if other.kind == "boundaryEvent" and other.attached_to == node]

    def beginnings(self) -> list[Node]:
        """The elements that begin with a scope without a start event: those that nothing leads to."""
        if any(node.kind == "startEvent" for node in self.nodes.values()):
            return []
        led_to = {flow.target for flow in self.flows}
        return [
            node
            for node in self.nodes.values()
            if node.id not in led_to
            and node.kind != "boundaryEvent"
            and not node.triggered_by_event
            and not node.compensation
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process with all its scopes; the first is its own."""

    id: str
    name: str
    line: int | None
    file: str
    executable: bool
    documentation: str
    lanes: tuple[str, ...]
    scopes: Mapping[str, Scope]
    unknown: tuple[Node, ...] = ()  #: elements of BPMN that no engine part knows, for the lint
    refs_without_node: tuple[tuple[str, str], ...] = ()  #: (lane, node id) of lanes that name what is not there
    said: bool = False  #: the file itself says that it is executable

    @property
    def nodes(self) -> Iterator[Node]:
        """All flow nodes of all scopes."""
        for scope in self.scopes.values():
            yield from scope.nodes.values()

    def node(self, element: str) -> Node | None:
        """The flow node of that id, in whatever scope."""
        for scope in self.scopes.values():
            if element in scope.nodes:
                return scope.nodes[element]
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One input or output entry of a rule."""

    text: str
    line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of a decision table."""

    number: int
    inputs: tuple[Cell, ...]
    outputs: tuple[Cell, ...]
    line: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision table."""

    id: str
    name: str
    file: str
    line: int | None
    hit_policy: str
    aggregation: str
    inputs: tuple[str, ...]  #: expressions
    outputs: tuple[str, ...]  #: variable names
    rules: tuple[Rule, ...]
    tables: int = 1  #: how many decision tables the decision holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """Everything one definition's files hold."""

    processes: tuple[Process, ...]
    decisions: Mapping[str, Decision]
    files: tuple[str, ...]  #: all file names
    duplicates: tuple[tuple[str, str, int | None], ...] = ()  #: (file, element id, line) of ids used twice
    choreographies: tuple[Node, ...] = ()  #: refused wherever they stand

    @property
    def process(self) -> Process:
        """The one executable process."""
        return next(process for process in self.processes if process.executable)
