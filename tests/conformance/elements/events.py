"""Start, intermediate, end and boundary events of each kind."""

# ruff: noqa: E501 - a row of the table is one diagram

from __future__ import annotations

from tests.bpmn import drawing as d
from tests.conformance.elements.case import Case, drawn, line, refused, runs

WHERE = {
    "message": (d.message("m1"), "send m1"),
    "signal": (d.event("signal", "s1"), "signal s1"),
    "timer": (d.timer("duration", "PT1H"), "fire {}"),
}


def started(body: str) -> dict[str, bytes]:
    return drawn(d.start("Start", body), d.end(), d.flow("Start", "End"))


def ended(body: str) -> dict[str, bytes]:
    return drawn(d.start(), d.end("End", body), d.flow("Start", "End"))


def beside(body: str, interrupting: bool = True, task: str = "") -> dict[str, bytes]:
    """An event on the boundary of the user task U, or of the task X."""
    on = "X" if task else "U"
    return drawn(
        d.start(), task or d.user("U"), d.boundary("B", on, body, interrupting), d.end(), d.end("Other"),
        d.chain("Start", on, "End"), d.flow("B", "Other"),
    )  # fmt: skip


def scope(*inner: str, body: str, interrupting: bool = True) -> dict[str, bytes]:
    """An event on the boundary of the subprocess X."""
    return beside(body, interrupting, d.sub("X", *inner))


THROWN = (d.start("S"), d.user("U"), d.end("E", d.event("error", "e1")), d.chain("S", "U", "E"))
ESCALATED = (
    d.start("S"),
    d.throw("T", d.event("escalation", "up")),
    d.user("U"),
    d.end("E"),
    d.chain("S", "T", "U", "E"),
)
EITHER = d.message("m1") + d.event("signal", "s1")


def both(files: dict[str, bytes], event: str) -> dict[str, bytes]:
    """The event occurs once all of its definitions have."""
    text = files["process.bpmn"].replace(f'id="{event}"'.encode(), f'id="{event}" parallelMultiple="true"'.encode(), 1)
    return {**files, "process.bpmn": text}


def raced(event: str) -> dict[str, bytes]:
    """The event X behind an event-based gateway, beside a timer."""
    return drawn(
        d.start(), d.gateway("eventBased", "G"), event, d.catch("Y", d.timer("duration", "PT1H")), d.end(), d.end("Late"),
        d.chain("Start", "G", "X", "End"), d.chain("G", "Y", "Late"),
    )  # fmt: skip


AHEAD = d.start(), d.script("A", "ready = true")

CASES: list[Case] = [
    runs("start event", started(""), "Start End"),
    runs("message start event", started(d.message("m1")), "Start End", message="m1"),
    runs("signal start event", started(d.event("signal", "s1")), "Start End", event="Start"),
    runs("timer start event", started(d.timer("cycle", "0 6 * * 1")), "Start End", event="Start"),
    runs("multiple start event", started(EITHER), "Start End", message="m1"),
    runs("multiple start event, by the other", started(EITHER), "Start End", event="Start"),
    refused("parallel multiple start event of a process", both(started(EITHER), "Start"), "event-definitions", "Start"),
    refused("multiple start event of two timers", started(2 * d.timer("cycle", "0 6 * * 1")), "event-definitions", "Start"),
    refused("multiple start event with a condition", started(d.message("m1") + d.condition("n == 1")), "event-definitions", "Start"),
    refused("conditional start event of a process", started(d.condition("n == 1")), "event-definitions", "Start"),
    refused("error start event of a process", started(d.event("error", "e1")), "event-definitions", "Start"),
    refused("escalation start event of a process", started(d.event("escalation", "up")), "event-definitions", "Start"),
    refused("several plain start events", drawn(d.start(), d.start("S2"), d.end(), d.flow("Start", "End"), d.flow("S2", "End")), "start-events", "S2"),
    refused("triggered start event of a subprocess", line(d.sub("X", d.start("S", d.message("m1")), d.end("E"), d.flow("S", "E"))), "start-events", "S"),
    refused("two start events for one message", drawn(d.start("S1", d.message("m1")), d.start("S2", d.message("m1")), d.end(), d.flow("S1", "End"), d.flow("S2", "End")), "start-events", "S1"),
    *(runs(f"catch a {kind}", line(d.catch("X", body)), "Start X End", act.format("X")) for kind, (body, act) in WHERE.items()),
    runs("catch a timer by date", line(d.catch("X", d.timer("date", "2027-06-01T09:00:00Z"))), "Start X End", "fire X"),
    runs("catch a timer by cron", line(d.catch("X", d.timer("cycle", "0 6 * * 1"))), "Start X End", "fire X"),
    runs("catch a timer by expression", line(d.catch("X", d.timer("duration", "pause"))), "Start X End", "fire X", variables={"pause": "PT5M"}),
    refused("catch a timer by a bare number", line(d.catch("X", d.timer("duration", "500"))), "timers", "X"),
    runs("catch a condition that holds", drawn(*AHEAD, d.catch("X", d.condition("ready == true")), d.end(), d.chain("Start", "A", "X", "End")), "Start A X End"),
    runs("catch a link", drawn(d.start(), d.throw("T", d.link("L")), d.catch("C", d.link("L")), d.end(), d.flow("Start", "T"), d.flow("C", "End")), "Start T C End"),
    refused("catch nothing", line(d.catch("X", "")), "event-definitions", "X"),
    refused("catch an error in the flow", line(d.catch("X", d.event("error", "e1"))), "event-definitions", "X"),
    runs("catch one of several", line(d.catch("X", EITHER)), "Start X End", "send m1"),
    runs("catch the other of several", line(d.catch("X", EITHER)), "Start X End", "signal s1"),
    runs("catch a message or a time", line(d.catch("X", d.message("m1") + d.timer("duration", "PT1H"))), "Start X End", "fire X"),
    runs("catch a message or a condition", line(d.catch("X", d.message("m1") + d.condition("n == 1"))), "Start X End", variables={"n": 1}),
    runs("catch several together", both(line(d.catch("X", EITHER)), "X"), "Start X End", "signal s1, send m1"),
    runs("catch several together, some more", both(line(d.catch("X", EITHER + d.timer("duration", "PT1H") + d.condition("n == 1"))), "X"), "Start X End", "fire X, signal s1, send m1", variables={"n": 1}),
    runs("catch one of several in a race", raced(d.catch("X", EITHER)), "Start G X End", "signal s1"),
    refused("catch several together in a race", both(raced(d.catch("X", EITHER)), "X"), "event-definitions", "X"),
    refused("catch one message twice", line(d.catch("X", 2 * d.message("m1"))), "event-definitions", "X"),
    refused("catch a link or a message", line(d.catch("X", d.link("L") + d.message("m1"))), "event-definitions", "X"),
    refused("catch together into one variable", both(line(d.catch("X", d.message("m1", "a") + d.message("m2", "a"))), "X"), "event-definitions", "X"),
    refused("catch a link that nobody throws", drawn(d.start(), d.catch("C", d.link("L")), d.end(), d.flow("Start", "End"), d.flow("C", "End")), "link-events", "C"),
    refused("throw a link that nobody catches", drawn(d.start(), d.throw("T", d.link("L")), d.flow("Start", "T")), "link-events", "T"),
    runs("throw nothing", line(d.throw("X")), "Start X End"),
    runs("throw a message", line(d.throw("X", d.message("m1"))), "Start X End"),
    runs("throw a message with a payload", line(d.throw("X", d.message("m1", payload="{'n': 1}"))), "Start X End"),
    runs("throw a signal", line(d.throw("X", d.event("signal", "s1"))), "Start X End"),
    runs("throw an escalation", line(d.throw("X", d.event("escalation", "up"))), "Start X End"),
    refused("throw a timer", line(d.throw("X", d.timer("duration", "PT1H"))), "event-definitions", "X"),
    runs("end event", ended(""), "Start End"),
    runs("end with a message", ended(d.message("m1")), "Start End"),
    runs("end with a signal", ended(d.event("signal", "s1")), "Start End"),
    runs("end with an escalation", ended(d.event("escalation", "up")), "Start End"),
    runs("end all", drawn(d.start(), d.gateway("parallel", "F"), d.user("U"), d.script("A", "a = 1"), d.end(), d.end("T", d.event("terminate")), d.flow("Start", "F"), d.chain("F", "U", "End"), d.chain("F", "A", "T")), "Start F A T"),
    runs("end with an error that is caught", scope(*THROWN, body=d.event("error", "e1")), "Start S U E B Other", "answer U"),
    refused("end with a timer", ended(d.timer("duration", "PT1H")), "event-definitions", "End"),
    runs("end with several", ended(EITHER), "Start End"),
    runs("end with a message and a terminate event", drawn(d.start(), d.user("U"), d.end("End", d.event("terminate") + d.message("m1")), d.flow("Start", "U"), d.flow("Start", "End")), "Start End"),
    runs("throw several", line(d.throw("X", EITHER + d.event("escalation", "up"))), "Start X End"),
    runs("throw an escalation and a signal that interrupts", scope(d.start("S"), d.throw("T", d.event("signal", "s1") + d.event("escalation", "up")), d.end("E"), d.chain("S", "T", "E"), body=d.event("signal", "s1")), "Start S T B Other"),
    refused("end in two ways", scope(d.start("S"), d.end("E", d.event("error", "e1") + d.event("terminate")), d.flow("S", "E"), body=d.event("error", "e1")), "event-definitions", "E"),
    refused("throw a link and a message", line(d.throw("X", d.link("L") + d.message("m1"))), "event-definitions", "X"),
    refused("throw a message beside a compensation that is not waited for", line(d.throw("X", d.message("m1") + d.compensate(waits=False))), "event-definitions", "X"),
    *(runs(f"boundary {kind}, interrupting", beside(body), "Start B Other", act.format("B")) for kind, (body, act) in WHERE.items()),
    *(runs(f"boundary {kind}, beside", beside(body, False), "Start B Other U End", f"{act.format('B')}, answer U") for kind, (body, act) in WHERE.items()),
    runs("boundary timer by cycle", beside(d.timer("cycle", "R2/PT1H"), False), "Start B Other B Other U End", "fire B, fire B, answer U"),
    runs("boundary that is not needed", beside(d.message("m1")), "Start U End", "answer U"),
    runs("boundary condition", drawn(d.start(), d.gateway("parallel", "F"), d.user("U"), d.user("V", result="ready"), d.boundary("B", "U", d.condition("n == 1")), d.end(), d.end("Other"), d.end("Third"), d.flow("Start", "F"), d.chain("F", "U", "End"), d.chain("F", "V", "Third"), d.flow("B", "Other")), "Start F B Other V Third", "answer V", variables={"n": 1}),
    runs("boundary error of a handler", beside(d.event("error", "e1"), task=d.service("X")), "Start B Other", "raise X e1"),
    runs("boundary error of any code", beside(d.event("error"), task=d.service("X")), "Start B Other", "raise X e1"),
    runs("boundary error of a subprocess, any code", scope(*THROWN, body=d.event("error")), "Start S U E B Other", "answer U"),
    runs("boundary escalation, interrupting", scope(*ESCALATED, body=d.event("escalation", "up")), "Start S T B Other"),
    runs("boundary escalation, beside", scope(*ESCALATED, body=d.event("escalation", "up"), interrupting=False), "Start S T B Other U E X End", "answer U"),
    refused("boundary error beside", beside(d.event("error", "e1"), False, d.service("X")), "boundary-events", "B"),
    runs("boundary error of a user task", beside(d.event("error", "e1")), "Start U End", "answer U"),
    runs("boundary condition that always holds", beside(d.condition("true")), "Start B Other"),
    refused("boundary event of nothing", line(d.script("X", "a = 1"), d.boundary("B", "Gone", d.message("m1")), d.flow("B", "End")), "boundary-events", "B"),
    runs("boundary event that cannot happen", beside(d.timer("duration", "PT1H"), task=d.script("X", "a = 1")), "Start X End"),
    refused("boundary event without a definition", beside(""), "event-definitions", "B"),
    runs("boundary event of several", beside(EITHER), "Start B Other", "signal s1"),
    runs("boundary event of several, again and again", beside(EITHER, False), "Start B Other B Other U End", "signal s1, send m1, answer U"),
    runs("boundary event of an error or a time", beside(d.event("error", "e1") + d.timer("duration", "PT1H"), task=d.service("X")), "Start B Other", "raise X e1"),
    runs("boundary event of several together", both(beside(EITHER), "B"), "Start B Other", "send m1, signal s1"),
    runs("boundary event of several together that do not come together", both(beside(EITHER), "B"), "Start U End", "send m1, answer U"),
    runs("boundary event of several together, again and again", both(beside(EITHER, False), "B"), "Start B Other B Other U End", "send m1, signal s1, signal s1, send m1, answer U"),
    refused("boundary event of several together with a time, beside", both(beside(d.message("m1") + d.timer("duration", "PT1H"), False), "B"), "event-definitions", "B"),
    refused("boundary event of an error and a time together", both(beside(d.event("error", "e1") + d.timer("duration", "PT1H"), task=d.service("X")), "B"), "event-definitions", "B"),
    refused("boundary event of a compensation or a message", beside(d.message("m1") + d.compensate()), "event-definitions", "B"),
]  # fmt: skip
