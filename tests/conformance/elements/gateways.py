"""Gateways, and the choices and forks that stand without one."""

# ruff: noqa: E501 - a row of the table is one diagram

from __future__ import annotations

from tests.bpmn import drawing as d
from tests.conformance.elements.case import Case, drawn, line, refused, runs

ENDS = d.end("E1") + d.end("E2") + d.end("E3")


def parted(kind: str, *flows: str, default: str = "") -> dict[str, bytes]:
    """Start > G, and these flows to E1, E2 and E3."""
    used = [each for each in ("E1", "E2", "E3") if any(f'targetRef="{each}"' in flow for flow in flows)]
    return drawn(
        d.start(), d.gateway(kind, "G", default), *(d.end(each) for each in used), d.flow("Start", "G"), *flows
    )


def race(*events: str) -> dict[str, bytes]:
    names = [event.split('id="')[1].split('"')[0] for event in events]
    ways = [d.flow("G", name) + d.flow(name, "End") for name in names]
    return drawn(d.start(), d.gateway("eventBased", "G"), *events, d.end(), d.flow("Start", "G"), *ways)


FORKED = (d.start(), d.gateway("parallel", "F"), d.script("A", "a = 1"), d.script("B", "b = 1"), d.end())
WAYS = d.flow("Start", "F") + d.chain("F", "A", "J", "End") + d.chain("F", "B", "J")
TASK = (d.start(), d.script("X", "a = 1"), ENDS.replace('<bpmn:endEvent id="E3"></bpmn:endEvent>', ""))
MESSAGE, SIGNAL = d.catch("M", d.message("m1")), d.catch("S", d.event("signal", "s1"))
TIMER = d.catch("T", d.timer("duration", "PT1H"))

CASES: list[Case] = [
    runs("exclusive gateway", parted("exclusive", d.flow("G", "E1", "n == 1"), d.flow("G", "E2", "n == 2")), "Start G E2", variables={"n": 2}),
    runs("exclusive gateway takes the first", parted("exclusive", d.flow("G", "E1", "n == 1"), d.flow("G", "E2", "n == 1")), "Start G E1", variables={"n": 1}),
    runs("exclusive gateway, default", parted("exclusive", d.flow("G", "E1", "n == 1"), d.flow("G", "E2"), default="G_E2"), "Start G E2", variables={"n": 2}),
    runs("exclusive gateway, bare flow", parted("exclusive", d.flow("G", "E1"), d.flow("G", "E2", "n == 1")), "Start G E2", variables={"n": 1}),
    runs("exclusive gateway that merges", drawn(*FORKED, d.gateway("exclusive", "J"), WAYS), "Start F A B J J End End"),
    runs("exclusive gateway that nothing leaves", drawn(d.start(), d.gateway("exclusive", "G"), d.flow("Start", "G")), "Start G"),
    refused("exclusive gateway with two bare flows", parted("exclusive", d.flow("G", "E1"), d.flow("G", "E2")), "choices", "G_E1"),
    refused("exclusive gateway with the default of another", parted("exclusive", d.flow("G", "E1", "n == 1"), d.flow("G", "E2", "n == 2"), default="gone"), "choices", "G"),
    runs("inclusive gateway", parted("inclusive", d.flow("G", "E1", "n > 1"), d.flow("G", "E2", "n > 2"), d.flow("G", "E3", "n > 9")), "Start G E1 E2", variables={"n": 3}),
    runs("inclusive gateway, default", parted("inclusive", d.flow("G", "E1", "n > 1"), d.flow("G", "E2"), default="G_E2"), "Start G E2", variables={"n": 0}),
    runs("inclusive gateway that joins", drawn(*FORKED, d.gateway("inclusive", "J"), WAYS), "Start F A B J End"),
    runs("inclusive gateway that waits for none", drawn(d.start(), d.gateway("inclusive", "F", "F_B"), d.script("A", "a = 1"), d.script("B", "b = 1"), d.gateway("inclusive", "J"), d.end(), d.flow("Start", "F"), d.flow("F", "A", "n > 1"), d.flow("F", "B"), d.chain("A", "J", "End"), d.flow("B", "J")), "Start F A J End", variables={"n": 2}),
    refused("inclusive gateway with two bare flows", parted("inclusive", d.flow("G", "E1"), d.flow("G", "E2")), "choices", "G_E1"),
    runs("parallel gateway that forks", parted("parallel", d.flow("G", "E1"), d.flow("G", "E2")), "Start G E1 E2"),
    runs("parallel gateway that joins", drawn(*FORKED, d.gateway("parallel", "J"), WAYS), "Start F A B J End", writes={"a": 1, "b": 1}),
    runs("parallel gateway, two flows from one", drawn(d.start(), d.gateway("parallel", "F"), d.gateway("parallel", "J"), d.end(), d.flow("Start", "F"), d.flow("F", "J", id="f1"), d.flow("F", "J", id="f2"), d.flow("J", "End")), "Start F J End"),
    refused("parallel gateway with a condition", parted("parallel", d.flow("G", "E1", "n == 1"), d.flow("G", "E2")), "conditional-flows", "G_E1"),
    refused("parallel gateway with a default", parted("parallel", d.flow("G", "E1"), d.flow("G", "E2"), default="G_E1"), "conditional-flows", "G"),
    runs("event-based gateway, message first", race(MESSAGE, TIMER), "Start G M End", "send m1"),
    runs("event-based gateway, timer first", race(MESSAGE, TIMER), "Start G T End", "fire T"),
    runs("event-based gateway, signal first", race(MESSAGE, SIGNAL), "Start G S End", "signal s1"),
    runs("event-based gateway, receive task first", race('<bpmn:receiveTask id="R" messageRef="m2"/>', TIMER), "Start G R End", "send m2"),
    runs("event-based gateway of one event", race(MESSAGE), "Start G M End", "send m1"),
    refused("event-based gateway of no event", drawn(d.start(), d.gateway("eventBased", "G"), d.flow("Start", "G")), "event-gateways", "G"),
    refused("event-based gateway before a task", race(d.script("A", "a = 1"), TIMER), "event-gateways", "A"),
    refused("complex gateway", parted("complex", d.flow("G", "E1"), d.flow("G", "E2")), "complex-gateways", "G"),
    refused("complex gateway with an activation condition", line('<bpmn:complexGateway id="X"><bpmn:activationCondition>n &gt; 1</bpmn:activationCondition></bpmn:complexGateway>'), "complex-gateways", "X"),
    runs("fork without a gateway", drawn(*TASK, d.flow("Start", "X"), d.flow("X", "E1"), d.flow("X", "E2")), "Start X E1 E2"),
    runs("fork at the start event", drawn(d.start(), ENDS.replace('<bpmn:endEvent id="E3"></bpmn:endEvent>', ""), d.flow("Start", "E1"), d.flow("Start", "E2")), "Start E1 E2"),
    runs("conditional flow out of a task", drawn(*TASK, d.flow("Start", "X"), d.flow("X", "E1", "a == 1"), d.flow("X", "E2")), "Start X E1 E2"),
    runs("conditional flow out of a task, default", drawn(d.start(), d.script("X", "a = 1").replace('id="X"', 'id="X" default="X_E2"'), d.end("E1"), d.end("E2"), d.flow("Start", "X"), d.flow("X", "E1", "a == 2"), d.flow("X", "E2")), "Start X E2"),
    refused("conditional flow out of an event", drawn(d.start(), d.end(), d.flow("Start", "End", "n == 1")), "conditional-flows", "Start_End"),
    runs("merge without a gateway", drawn(d.start(), d.gateway("parallel", "F"), d.script("A", "a = 1"), d.end(), d.flow("Start", "F"), d.flow("F", "A", id="f1"), d.flow("F", "A", id="f2"), d.flow("A", "End")), "Start F A A End End"),
    runs("no start and no end event", drawn(d.script("A", "a = 1"), d.script("B", "b = a + 1"), d.flow("A", "B")), "A B", writes={"b": 2}),
    runs("several beginnings", drawn(d.script("A", "a = 1"), d.script("B", "b = 1")), "A B", writes={"a": 1, "b": 1}),
    runs("a path that ends by itself", drawn(*FORKED[:-1], d.end(), d.flow("Start", "F"), d.flow("F", "A"), d.chain("F", "B", "End")), "Start F A B End"),
    refused("nothing begins", drawn(d.script("A", "a = 1"), d.end(), d.flow("A", "A", id="f"), d.flow("A", "End")), "start-events", "p"),
    refused("nothing ends", drawn(d.start(), d.script("A", "a = 1"), d.flow("Start", "A"), d.flow("A", "A", id="f")), "end-events", "p"),
    runs("a gateway that nothing reaches", line(d.script("X", "a = 1"), d.gateway("exclusive", "G"), d.end("E2"), d.flow("G", "E2")), "Start X End"),
    runs("a gateway that nothing reaches, before a join", drawn(d.start(), d.script("X", "a = 1"), d.gateway("exclusive", "G"), d.gateway("inclusive", "J"), d.end(), d.chain("Start", "X", "J", "End"), d.flow("G", "J")), "Start X J End"),
    runs("an end event that nothing reaches", line(d.script("X", "a = 1"), d.end("E2")), "Start X End"),
    runs("a loop that nothing reaches", line(d.script("X", "a = 1"), d.script("A", "b = 1"), d.script("B", "b = 1"), d.chain("A", "B", "A")), "Start X End"),
    refused("a message end event that nothing reaches", line(d.script("X", "a = 1"), d.end("E2", d.message("m1"))), "dead-ends", "E2"),
    refused("an element that nothing reaches", line(d.script("X", "a = 1"), d.script("Y", "a = 1"), d.flow("Y", "End")), "dead-ends", "Y"),
    refused("a process of nothing", drawn(), "start-events", "p"),
]  # fmt: skip
