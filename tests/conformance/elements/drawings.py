"""Data, artefacts, pools, lanes: what is for the reader. References, times, expressions and files: what has to be right."""

# ruff: noqa: E501 - a row of the table is one diagram

from __future__ import annotations

from tests.bpmn import drawing as d
from tests.conformance.elements.case import DECLARED, Case, drawn, line, refused, runs

A = d.script("X", "a = 1")
STRAIGHT = drawn(d.start(), d.end(), d.flow("Start", "End"))["process.bpmn"]


def beside(*elements: str, declared: str = "") -> dict[str, bytes]:
    """Elements for the reader, beside a straight line."""
    return line(A, *elements, declared=DECLARED + declared)


def inside(element: str) -> dict[str, bytes]:
    """Something for the reader inside a task."""
    return line(f'<bpmn:scriptTask id="X">{element}<bpmn:script>a = 1</bpmn:script></bpmn:scriptTask>')


def content(text: str, encoding: str = "utf-8") -> dict[str, bytes]:
    return {"process.bpmn": text.encode(encoding)}


def pools(*participants: str, others: str = "") -> dict[str, bytes]:
    made = "".join(participants)
    return {
        "process.bpmn": STRAIGHT.replace(
            b"</bpmn:definitions>",
            f'<bpmn:collaboration id="C">{made}</bpmn:collaboration>{others}</bpmn:definitions>'.encode(),
        )
    }


def chosen(condition: str) -> dict[str, bytes]:
    return drawn(
        d.start(), d.gateway("exclusive", "X", "X_E2"), d.end("E1"), d.end("E2"), d.flow("Start", "X"),
        d.flow("X", "E1", condition), d.flow("X", "E2"),
    )  # fmt: skip


TEXT = STRAIGHT.decode()
OTHERS = '<bpmn:process id="others"/><bpmn:process id="drawn"><bpmn:task id="T"/></bpmn:process>'
BOTH = '<bpmn:process id="other" isExecutable="true"><bpmn:task id="T"/></bpmn:process>'
OURS = '<bpmn:participant id="Us" processRef="p"/>'
DATA = '<bpmn:dataObject id="DO"/><bpmn:dataObjectReference id="DR" dataObjectRef="DO"/>'
FLOWS = (
    '<bpmn:ioSpecification id="IO"><bpmn:dataInput id="DI"/><bpmn:dataOutput id="DOut"/><bpmn:inputSet/><bpmn:outputSet/>'
    '</bpmn:ioSpecification><bpmn:dataInputAssociation id="DA"><bpmn:sourceRef>DR</bpmn:sourceRef><bpmn:targetRef>DI'
    '</bpmn:targetRef></bpmn:dataInputAssociation><bpmn:dataOutputAssociation id="DB"><bpmn:sourceRef>DOut</bpmn:sourceRef>'
    "<bpmn:targetRef>DR</bpmn:targetRef></bpmn:dataOutputAssociation>"
)
CHOREOGRAPHY = '<bpmn:choreography id="Ch" name="Order"><bpmn:choreographyTask id="CT" initiatingParticipantRef="A"/></bpmn:choreography>'

CASES: list[Case] = [
    runs("text annotation and association", beside('<bpmn:textAnnotation id="T"><bpmn:text>why</bpmn:text></bpmn:textAnnotation><bpmn:association id="As" sourceRef="X" targetRef="T"/>'), "Start X End"),
    runs("group and category", beside('<bpmn:group id="G" categoryValueRef="CV"/>', declared='<bpmn:category id="Cat"><bpmn:categoryValue id="CV" value="v"/></bpmn:category>'), "Start X End"),
    runs("documentation", inside("<bpmn:documentation>what it is for</bpmn:documentation>"), "Start X End"),
    runs("data object", beside(DATA), "Start X End"),
    runs("data store", beside('<bpmn:dataStoreReference id="DS" dataStoreRef="Store"/>', declared='<bpmn:dataStore id="Store" name="Store"/>'), "Start X End"),
    runs("data associations", line(DATA + f'<bpmn:scriptTask id="X">{FLOWS}<bpmn:script>a = 1</bpmn:script></bpmn:scriptTask>'), "Start X End"),
    runs("data inputs and outputs of a process", beside('<bpmn:ioSpecification id="PIO"><bpmn:dataInput id="PI"/><bpmn:inputSet/><bpmn:outputSet/></bpmn:ioSpecification><bpmn:property id="Pr" name="p"/>'), "Start X End"),
    runs("resources of a task", inside('<bpmn:potentialOwner id="PO"><bpmn:resourceAssignmentExpression/></bpmn:potentialOwner>'), "Start X End"),
    runs("item definitions, interfaces, resources", beside(declared='<bpmn:itemDefinition id="Item"/><bpmn:interface id="If" name="i"><bpmn:operation id="Op" name="o"><bpmn:inMessageRef>m1</bpmn:inMessageRef></bpmn:operation></bpmn:interface><bpmn:resource id="Res" name="r"/>'), "Start X End"),
    runs("correlation of messages", beside('<bpmn:correlationSubscription id="CS" correlationKeyRef="CK"/>', declared='<bpmn:correlationProperty id="CP"/>'), "Start X End"),
    runs("monitoring and auditing", inside('<bpmn:auditing id="Au"/><bpmn:monitoring id="Mo"/>'), "Start X End"),
    runs("extensions of nobody's", inside('<bpmn:extensionElements><other:thing xmlns:other="http://example.org/other" deep="1"><other:part/></other:thing></bpmn:extensionElements>'), "Start X End"),
    runs("a pool", pools(OURS), "Start End"),
    runs("a closed pool and message flows", pools(OURS, '<bpmn:participant id="They"/><bpmn:messageFlow id="MF" sourceRef="They" targetRef="Start"/>'), "Start End"),
    runs("a pool of many", pools('<bpmn:participant id="Us" processRef="p"><bpmn:participantMultiplicity minimum="2" maximum="3"/></bpmn:participant>'), "Start End"),
    runs("another's process that is not executed", pools(OURS, others='<bpmn:process id="theirs" isExecutable="false"><bpmn:task id="TheirTask"/></bpmn:process>'), "Start End"),
    runs("a conversation beside a process", pools(OURS, '<bpmn:conversation id="Co"/><bpmn:conversationLink id="CL" sourceRef="Us" targetRef="Co"/>'), "Start End"),
    refused("two executable processes", pools(OURS, others='<bpmn:process id="q" isExecutable="true"><bpmn:task id="T"/></bpmn:process>'), "readable", ""),
    refused("choreography", content(TEXT.replace("<bpmn:process", f"{CHOREOGRAPHY}<bpmn:process", 1)), "choreographies", "Ch"),
    refused("nothing but a choreography", content(f"{TEXT.split('<bpmn:message')[0]}{CHOREOGRAPHY}</bpmn:definitions>"), "choreographies", "Ch"),
    refused("nothing but a conversation", content(f"{TEXT.split('<bpmn:message')[0]}<bpmn:collaboration id='C'><bpmn:callConversation id='Co'/></bpmn:collaboration></bpmn:definitions>"), "choreographies", "Co"),
    runs("lanes in lanes", drawn('<bpmn:laneSet id="L"><bpmn:lane id="L1" name="office"><bpmn:childLaneSet id="LS"><bpmn:lane id="L2" name="reviewer"><bpmn:flowNodeRef>W</bpmn:flowNodeRef></bpmn:lane></bpmn:childLaneSet></bpmn:lane></bpmn:laneSet>', d.start(), d.user("W"), d.end(), d.chain("Start", "W", "End")), "Start W End", "answer W"),
    refused("a choreography task in a process", beside('<bpmn:choreographyTask id="CT"/>'), "unknown-elements", "CT"),
    refused("a flow to nowhere", line(A, d.flow("X", "Gone")), "flows", "X_Gone"),
    refused("a flow out of a subprocess", line(d.sub("X", d.start("S"), d.end("E"), d.flow("S", "E")), d.flow("S", "End")), "flows", "S_End"),
    refused("a flow out of an end event", line(A, d.flow("End", "X")), "flows", "End_X"),
    refused("a flow into a start event", line(A, d.flow("X", "Start")), "flows", "X_Start"),
    *(refused(f"a dangling {kind}", line(d.catch("X", d.event(kind, "gone"))), "references", "X") for kind in ("message", "signal")),
    refused("a dangling error", drawn(d.start(), d.end("End", d.event("error", "gone")), d.flow("Start", "End")), "references", "End"),
    refused("a dangling escalation", line(d.throw("X", d.event("escalation", "gone"))), "references", "X"),
    refused("a message event of no message", line(d.catch("X", d.event("message"))), "references", "X"),
    refused("an error end event of no error", drawn(d.start(), d.end("End", d.event("error")), d.flow("Start", "End")), "references", "End"),
    refused("a timer shorter than a second", line(d.catch("X", d.timer("duration", "PT0.2S"))), "timers", "X"),
    refused("an endless timer faster than a minute", drawn(d.start(), d.user("U"), d.boundary("B", "U", d.timer("cycle", "R/PT10S"), False), d.end(), d.chain("Start", "U", "End"), d.flow("B", "End")), "timers", "B"),
    refused("a timer in words", line(d.catch("X", d.timer("duration", "5 minutes"))), "timers", "X"),
    refused("a timer of no time", line(d.catch("X", "<bpmn:timerEventDefinition/>")), "timers", "X"),
    refused("cron with seconds", line(d.catch("X", d.timer("cycle", "0 0 6 * * ?"))), "timers", "X", "0 6 * * *"),
    refused("a condition in ${...}", chosen("${approved && amount > 3}"), "expressions", "X_E1", "approved and amount > 3"),
    refused("a condition in #{...}", chosen("#{order.amount le 3}"), "expressions", "X_E1", "order.amount <= 3"),
    refused("a condition in FEEL", chosen('=status = "open"'), "expressions", "X_E1", 'status == "open"'),
    refused("a condition that reaches for Python", chosen("n.__class__"), "expressions", "X_E1"),
    refused("a timer in ${...}", line(d.catch("X", d.timer("duration", "${pause}"))), "timers", "X", "pause"),
    runs("a pool of others", content(TEXT.replace("<bpmn:process ", OTHERS + "<bpmn:process ", 1)), "Start End"),
    refused("two pools that are both to be executed", content(TEXT.replace("<bpmn:process ", BOTH + "<bpmn:process ", 1)), "readable", ""),
    refused("two elements of one id", beside('<bpmn:textAnnotation id="X"/>'), "identifiers", "p"),
    refused("an element without an id", line(A, "<bpmn:task/>"), "identifiers", ""),
    runs("another prefix", content(TEXT.replace("bpmn:", "semantic:").replace("xmlns:bpmn", "xmlns:semantic")), "Start End"),
    runs("no prefix", content(TEXT.replace("bpmn:", "").replace("xmlns:bpmn", "xmlns")), "Start End"),
    runs("UTF-16", content(TEXT.replace("UTF-8", "UTF-16"), "utf-16"), "Start End"),
    runs("Latin 1", content(TEXT.replace("UTF-8", "ISO-8859-1").replace("<bpmn:process ", "<!-- \u00e4 --><bpmn:process "), "latin-1"), "Start End"),
    runs("a byte order mark", content("\ufeff" + TEXT), "Start End"),
    refused("a document type", content(TEXT.replace("<bpmn:definitions", "<!DOCTYPE x [<!ENTITY y 'z'>]><bpmn:definitions", 1)), "readable", ""),
    refused("half a file", content(TEXT[:-30]), "readable", ""),
    refused("another root", content("<html/>"), "readable", ""),
    refused("no bytes", content(""), "readable", ""),
]  # fmt: skip
