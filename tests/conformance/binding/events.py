"""Names, codes, times and triggers of events."""

from __future__ import annotations

from lxml import etree

from engine.bpmn import calendar, expressions, xml
from tests.conformance.binding.tree import Binding, bpmn, declared, readable, translated_in


def starts(binding: Binding) -> None:
    """A message for each plain start event of the process but the first: each starts instances of its own."""
    plain = [
        each
        for each in xml.children(binding.process, "startEvent")
        if not any(xml.tag(child)[1].endswith(("EventDefinition", "eventDefinitionRef")) for child in each)
    ]
    for each in plain[1:]:
        etree.SubElement(each, bpmn("messageEventDefinition"), messageRef=declared(binding, "message"))


def triggers(binding: Binding) -> None:
    """A message for each event without a trigger, and for each condition that nobody wrote, or that starts a process.

    Something outside sets it off.
    """
    for event in binding.nodes("boundaryEvent", "intermediateCatchEvent"):
        if not any(xml.tag(child)[1].endswith(("EventDefinition", "eventDefinitionRef")) for child in event):
            etree.SubElement(event, bpmn("messageEventDefinition"), messageRef=declared(binding, "message"))
    for definition in list(binding.process.iter(bpmn("conditionalEventDefinition"))):
        text = xml.text(xml.first(definition, "condition"))
        event = definition.getparent()
        begins = event.tag == bpmn("startEvent") and event.getparent() is binding.process
        if begins or not text or (not readable(text) and expressions.translated(text) is None):
            definition.tag = bpmn("messageEventDefinition")
            for child in list(definition):
                definition.remove(child)
            definition.set("messageRef", declared(binding, "message"))


def messages(binding: Binding) -> None:
    """A name for each message and signal event without one, a code for each error and escalation without one."""
    for kind in ("message", "signal", "error", "escalation"):
        for definition in list(binding.process.iter(bpmn(f"{kind}EventDefinition"))):
            event = definition.getparent()
            catches = event.tag in {bpmn("boundaryEvent"), bpmn("startEvent")} and kind in {"error", "escalation"}
            if not definition.get(f"{kind}Ref") and not catches:
                definition.set(f"{kind}Ref", declared(binding, kind))
    for task in binding.nodes("receiveTask"):
        if not task.get("messageRef") and xml.first(task, "messageEventDefinition") is None:
            task.set("messageRef", declared(binding, "message"))
    for kind in ("error", "escalation"):
        for each in xml.children(binding.root, kind):
            if not each.get(f"{kind}Code"):
                each.set(f"{kind}Code", each.get("id") or "code")
                binding.bound["codes"] += 1


def times(binding: Binding) -> None:
    """A time or condition for each event without one, or with one that only another engine can work out."""
    for definition in binding.process.iter(bpmn("timerEventDefinition")):
        given = xml.children(definition, "timeDuration", "timeDate", "timeCycle")
        if not given:
            given = [etree.SubElement(definition, bpmn("timeDuration"))]
        text = xml.text(given[0])
        kind = xml.tag(given[0])[1].removeprefix("time").lower()
        ours = calendar.crontab(text) or calendar.interval(kind, text)
        if ours is not None:
            given[0].text = ours
            binding.bound["translations"] += 1
            continue
        if not text or (expressions.is_foreign(text) and not translated_in(binding, given[0])):
            given[0].text = "PT1H" if xml.tag(given[0])[1] != "timeDate" else "2027-06-01T00:00:00Z"
            binding.bound["times"] += 1
    for definition in binding.process.iter(bpmn("conditionalEventDefinition")):
        condition = xml.first(definition, "condition")
        if condition is not None and not readable(xml.text(condition)):
            translated_in(binding, condition)
