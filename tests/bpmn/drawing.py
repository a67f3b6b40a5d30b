"""A small builder of diagrams, so that a test shows its process in a few lines."""

from __future__ import annotations

from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

NAMESPACES = (
    'xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" '
    'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


def attributes(**given: object) -> str:
    return "".join(f" {name}={quoteattr(str(value))}" for name, value in given.items() if value not in (None, ""))


def properties(**given: str) -> str:
    items = "".join(f"<spiffworkflow:property{attributes(name=n, value=v)}/>" for n, v in given.items())
    return (
        f"<bpmn:extensionElements><spiffworkflow:properties>{items}</spiffworkflow:properties></bpmn:extensionElements>"
        if items
        else ""
    )


def start(id: str = "Start", body: str = "", interrupting: bool = True, **given: str) -> str:
    beside = "" if interrupting else "false"
    return f"<bpmn:startEvent{attributes(id=id, isInterrupting=beside)}>{properties(**given)}{body}</bpmn:startEvent>"


def end(id: str = "End", body: str = "") -> str:
    return f"<bpmn:endEvent{attributes(id=id)}>{body}</bpmn:endEvent>"


def user(id: str, name: str = "", body: str = "", **given: str) -> str:
    given = {"form": "answer.form.json", **given}
    return f"<bpmn:userTask{attributes(id=id, name=name or id)}>{properties(**given)}{body}</bpmn:userTask>"


def service(id: str, handler: str = "work", result: str = "", body: str = "", **parameters: str) -> str:
    items = "".join(f"<spiffworkflow:parameter{attributes(id=n, type='any', value=v)}/>" for n, v in parameters.items())
    return (
        f"<bpmn:serviceTask{attributes(id=id, name=id)}><bpmn:extensionElements>"
        f"<spiffworkflow:serviceTaskOperator{attributes(id=handler, resultVariable=result)}>"
        f"<spiffworkflow:parameters>{items}</spiffworkflow:parameters></spiffworkflow:serviceTaskOperator>"
        f"</bpmn:extensionElements>{body}</bpmn:serviceTask>"
    )


def script(id: str, *lines: str) -> str:
    text = escape("\n".join(lines))
    return f"<bpmn:scriptTask{attributes(id=id, name=id)}><bpmn:script>{text}</bpmn:script></bpmn:scriptTask>"


def rule(id: str, decision: str) -> str:
    return (
        f"<bpmn:businessRuleTask{attributes(id=id, name=id)}><bpmn:extensionElements><spiffworkflow:calledDecisionId>"
        f"{decision}</spiffworkflow:calledDecisionId></bpmn:extensionElements></bpmn:businessRuleTask>"
    )


def call(id: str, process: str, body: str = "") -> str:
    return f"<bpmn:callActivity{attributes(id=id, name=id, calledElement=process)}>{body}</bpmn:callActivity>"


def sub(id: str, *parts: str) -> str:
    return f"<bpmn:subProcess{attributes(id=id, name=id)}>{''.join(parts)}</bpmn:subProcess>"


def handler(id: str, *parts: str) -> str:
    """An event subprocess."""
    return f'<bpmn:subProcess{attributes(id=id, name=id)} triggeredByEvent="true">{"".join(parts)}</bpmn:subProcess>'


def transaction(id: str, *parts: str) -> str:
    return f"<bpmn:transaction{attributes(id=id, name=id)}>{''.join(parts)}</bpmn:transaction>"


def undoing(activity: str, handler: str) -> str:
    """A compensation event on an activity, with the association to its handler."""
    event = f"Undo_{activity}"
    ends = attributes(id=f"{event}_by", sourceRef=event, targetRef=handler, associationDirection="One")
    return (
        f"<bpmn:boundaryEvent{attributes(id=event, attachedToRef=activity)}><bpmn:compensateEventDefinition/>"
        f"</bpmn:boundaryEvent><bpmn:association{ends}/>"
    )


def for_compensation(part: str) -> str:
    """The activity, marked as one that undoes another."""
    return part.replace(" id=", ' isForCompensation="true" id=', 1)


def compensate(activity: str = "", waits: bool = True) -> str:
    given = attributes(activityRef=activity, waitForCompletion="" if waits else "false")
    return f"<bpmn:compensateEventDefinition{given}/>"


def gateway(kind: str, id: str, default: str = "") -> str:
    return f"<bpmn:{kind}Gateway{attributes(id=id, name=id, default=default)}/>"


def catch(id: str, body: str) -> str:
    return f"<bpmn:intermediateCatchEvent{attributes(id=id, name=id)}>{body}</bpmn:intermediateCatchEvent>"


def throw(id: str, body: str = "") -> str:
    return f"<bpmn:intermediateThrowEvent{attributes(id=id, name=id)}>{body}</bpmn:intermediateThrowEvent>"


def boundary(id: str, on: str, body: str, interrupting: bool = True) -> str:
    given = attributes(id=id, name=id, attachedToRef=on, cancelActivity=str(interrupting).lower())
    return f"<bpmn:boundaryEvent{given}>{body}</bpmn:boundaryEvent>"


def timer(kind: str, text: str) -> str:
    tag = {"duration": "timeDuration", "date": "timeDate", "cycle": "timeCycle"}[kind]
    return f"<bpmn:timerEventDefinition><bpmn:{tag}>{escape(text)}</bpmn:{tag}></bpmn:timerEventDefinition>"


def message(reference: str, variable: str = "", payload: str = "") -> str:
    inside = f"<spiffworkflow:messageVariable>{variable}</spiffworkflow:messageVariable>" if variable else ""
    inside += f"<spiffworkflow:messagePayload>{escape(payload)}</spiffworkflow:messagePayload>" if payload else ""
    inside = f"<bpmn:extensionElements>{inside}</bpmn:extensionElements>" if inside else ""
    return f"<bpmn:messageEventDefinition{attributes(messageRef=reference)}>{inside}</bpmn:messageEventDefinition>"


def event(kind: str, reference: str = "") -> str:
    given = attributes(**{f"{kind}Ref": reference}) if reference else ""
    return f"<bpmn:{kind}EventDefinition{given}/>"


def condition(text: str) -> str:
    inside = f"<bpmn:condition>{escape(text)}</bpmn:condition>"
    return f"<bpmn:conditionalEventDefinition>{inside}</bpmn:conditionalEventDefinition>"


def link(name: str) -> str:
    return f"<bpmn:linkEventDefinition{attributes(name=name)}/>"


def flow(source: str, target: str, condition: str = "", id: str = "") -> str:
    inside = (
        f'<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">{escape(condition)}</bpmn:conditionExpression>'
        if condition
        else ""
    )
    given = attributes(id=id or f"{source}_{target}", sourceRef=source, targetRef=target)
    return f"<bpmn:sequenceFlow{given}>{inside}</bpmn:sequenceFlow>"


def chain(*ids: str) -> str:
    return "".join(flow(one, other) for one, other in pairwise(ids))


def lanes(**given: tuple[str, ...]) -> str:
    inside = "".join(
        f"<bpmn:lane{attributes(id=f'Lane_{name}', name=name)}>"
        + "".join(f"<bpmn:flowNodeRef>{node}</bpmn:flowNodeRef>" for node in nodes)
        + "</bpmn:lane>"
        for name, nodes in given.items()
    )
    return f'<bpmn:laneSet id="Lanes">{inside}</bpmn:laneSet>'


def xml(process: str, *parts: str, declared: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><bpmn:definitions {NAMESPACES} id="Definitions" '
        f'targetNamespace="http://example.org">{declared}'
        f'<bpmn:process{attributes(id=process, name=process.replace("_", " "))} isExecutable="true">'
        f"{''.join(parts)}</bpmn:process></bpmn:definitions>"
    ).encode()


def files(process: str, *parts: str, declared: str = "", **others: bytes) -> dict[str, bytes]:
    found = {"process.bpmn": xml(process, *parts, declared=declared), "answer.form.json": b"{}"}
    return {**found, **{name.replace("__", "."): content for name, content in others.items()}}


def declared(
    *messages: str, signals: tuple[str, ...] = (), errors: tuple[str, ...] = (), escalations: tuple[str, ...] = ()
) -> str:
    made = "".join(f"<bpmn:message{attributes(id=name, name=name)}/>" for name in messages)
    made += "".join(f"<bpmn:signal{attributes(id=name, name=name)}/>" for name in signals)
    made += "".join(f"<bpmn:error{attributes(id=name, name=name, errorCode=name)}/>" for name in errors)
    made += "".join(f"<bpmn:escalation{attributes(id=n, name=n, escalationCode=n)}/>" for n in escalations)
    return made
