"""Tasks, calls, subprocesses and their markers."""

# ruff: noqa: E501 - a row of the table is one diagram

from __future__ import annotations

from tests.bpmn import drawing as d
from tests.conformance.elements.case import Case, line, refused, runs

U = d.user("X")


def someone(task: str) -> str:
    return d.lanes(reviewer=("X",)) + task


def several(kind: str, inside: str) -> str:
    return (
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(kind == "sequential").lower()}">{inside}'
        "</bpmn:multiInstanceLoopCharacteristics>"
    )


THREE = "<bpmn:loopCardinality>3</bpmn:loopCardinality>"
ITEMS = '<bpmn:loopDataInputRef>items</bpmn:loopDataInputRef><bpmn:inputDataItem name="item"/>'
RESULTS = '<bpmn:loopDataOutputRef>results</bpmn:loopDataOutputRef><bpmn:outputDataItem name="x"/>'
INNER = (d.start("S"), d.script("A", "a = 1"), d.end("E"), d.chain("S", "A", "E"))


def scripted(loop: str) -> str:
    return f'<bpmn:scriptTask id="X">{d.properties(max_instances="5")}<bpmn:script>x = n + 1</bpmn:script>{loop}</bpmn:scriptTask>'


def looped(inside: str = "", **given: str) -> str:
    return f"<bpmn:standardLoopCharacteristics{d.attributes(**given)}>{inside}</bpmn:standardLoopCharacteristics>"


CONDITION = "<bpmn:loopCondition>x &lt; 3</bpmn:loopCondition>"
COUNT = '<bpmn:scriptTask id="X"><bpmn:script>x = x + 1</bpmn:script>{}</bpmn:scriptTask>'

CASES: list[Case] = [
    runs("abstract task", line('<bpmn:task id="X"/>'), "Start X End"),
    runs("manual task", line('<bpmn:manualTask id="X"/>'), "Start X End"),
    runs("user task", line(someone(U)), "Start X End", "answer X", writes={"x": {}}),
    runs("service task", line(d.service("X", result="y")), "Start X End", "job X", writes={"y": 7}),
    runs("script task", line(d.script("X", "a = 1 + 1")), "Start X End", writes={"a": 2}),
    runs("business rule task", line(d.rule("X", "tier")), "Start X End", variables={"n": 1}, writes={"tier": "high"}),
    runs("send task", line('<bpmn:sendTask id="X" messageRef="m1"/>'), "Start X End"),
    runs("receive task", line('<bpmn:receiveTask id="X" messageRef="m1"/>'), "Start X End", "send m1"),
    runs("call activity", line(d.call("X", "called")), "Start CStart CScript CEnd X End", writes={"c": 1}),
    runs("subprocess", line(d.sub("X", *INNER)), "Start S A E X End", writes={"a": 1}),
    runs("subprocess in a subprocess", line(d.sub("X", d.sub("Y", *INNER))), "Start S A E Y X End"),
    runs("empty subprocess", line(d.sub("X")), "Start X End"),
    runs("subprocess without events", line(d.sub("X", d.script("A", "a = 1"))), "Start A X End"),
    refused("ad-hoc subprocess", line('<bpmn:adHocSubProcess id="X"/>'), "special-subprocesses", "X"),
    refused("ad-hoc subprocess in order", line('<bpmn:adHocSubProcess id="X" ordering="Sequential"><bpmn:task id="A"/></bpmn:adHocSubProcess>'), "special-subprocesses", "X"),
    refused("user task in no lane", line(d.user("X")), "user-tasks", "X"),
    refused("user task of no role", line(d.lanes(nobody=("X",)) + d.user("X")), "user-tasks", "X"),
    refused("user task without a form", line(someone(d.user("X", form=""))), "user-tasks", "X"),
    refused("unbound service task", line('<bpmn:serviceTask id="X"/>'), "service-tasks", "X"),
    refused("service task of an unknown handler", line(d.service("X", "wark")), "service-tasks", "X", 'Did you mean "work"?'),
    refused("service task of another engine", line('<bpmn:serviceTask id="X" camunda:class="org.example.Work"/>'), "foreign-bindings", "X"),
    refused("unbound business rule task", line('<bpmn:businessRuleTask id="X"/>'), "decisions", "X"),
    refused("business rule task of an unknown decision", line(d.rule("X", "teir")), "decisions", "X", 'Did you mean "tier"?'),
    refused("script in another language", line('<bpmn:scriptTask id="X" scriptFormat="groovy"><bpmn:script>def a = 1;</bpmn:script></bpmn:scriptTask>'), "scripts", "X"),
    refused("script task without a script", line('<bpmn:scriptTask id="X"/>'), "scripts", "X"),
    refused("script before a task", line('<bpmn:manualTask id="X"><bpmn:extensionElements><spiffworkflow:preScript>a = 1</spiffworkflow:preScript></bpmn:extensionElements></bpmn:manualTask>'), "scripts", "X"),
    refused("send task without a message", line('<bpmn:sendTask id="X"/>'), "event-definitions", "X"),
    refused("receive task without a message", line('<bpmn:receiveTask id="X"/>'), "event-definitions", "X"),
    refused("call of no process", line(d.call("X", "")), "call-activities", "X"),
    refused("call of an unknown process", line(d.call("X", "caled")), "call-activities", "X", 'Did you mean "called"?'),
    refused("call of itself", line(d.call("X", "p")), "call-activities", "X"),
    runs("multi-instance at once, by number", line(scripted(several("parallel", THREE))), "Start X X X End", variables={"n": 1}),
    runs("multi-instance in sequence, by number", line(scripted(several("sequential", THREE))), "Start X X X End", variables={"n": 1}),
    runs("multi-instance over a list", line(scripted(several("parallel", ITEMS)).replace("n + 1", "item")), "Start X X End", variables={"items": [4, 4]}, writes={"x": 4}),
    runs("multi-instance into a list", line(scripted(several("sequential", ITEMS.replace("<bpmn:inputDataItem", RESULTS.split("<bpmn:outputDataItem")[0] + "<bpmn:inputDataItem") + '<bpmn:outputDataItem name="x"/>')).replace("n + 1", "item * 2")), "Start X X End", variables={"items": [1, 2]}, writes={"results": [2, 4]}),
    runs("multi-instance until enough", line(scripted(several("sequential", THREE + "<bpmn:completionCondition>nrOfCompletedInstances &gt;= 2</bpmn:completionCondition>"))), "Start X X End", variables={"n": 1}),
    runs("multi-instance of nothing", line(scripted(several("parallel", ITEMS))), "Start End", variables={"items": [], "n": 1}),
    runs("multi-instance of a user task", line(someone(d.user("X", body=several("parallel", THREE), result="a"))), "Start X X X End", "answer X, answer X, answer X"),
    runs("multi-instance of a subprocess", line(d.sub("X", several("sequential", "<bpmn:loopCardinality>2</bpmn:loopCardinality>"), *INNER)), "Start S A E X S A E X End"),
    runs("multi-instance of a call", line(d.call("X", "called", several("sequential", "<bpmn:loopCardinality>2</bpmn:loopCardinality>"))), "Start CStart CScript CEnd X CStart CScript CEnd X End"),
    refused("multi-instance without a cap", line(someone(d.user("X", body=several("parallel", ITEMS)))), "multi-instance", "X"),
    refused("multi-instance of neither number nor list", line(scripted(several("parallel", ""))), "multi-instance", "X"),
    refused("multi-instance that throws as its copies end", line(scripted(several("parallel", THREE).replace("isSequential", 'behavior="One" isSequential'))), "multi-instance", "X"),
    runs("standard loop", line(COUNT.format(looped(CONDITION))), "Start X X X End", variables={"x": 0}, writes={"x": 3}),
    runs("standard loop tested before", line(COUNT.format(looped(CONDITION, testBefore="true"))), "Start End", variables={"x": 5}, writes={"x": 5}),
    runs("standard loop to its maximum", line(COUNT.format(looped(loopMaximum="2"))), "Start X X End", variables={"x": 0}),
    refused("standard loop without an end", line(COUNT.format(looped())), "multi-instance", "X"),
]  # fmt: skip
