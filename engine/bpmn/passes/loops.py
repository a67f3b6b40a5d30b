"""Pass: loop and multi-instance characteristics of an activity."""

from __future__ import annotations

from engine.bpmn import xml
from engine.bpmn.model import Loop


def read(node: xml.Node) -> Loop | None:
    """The loop of an activity, where it has one."""
    standard = xml.first(node, "standardLoopCharacteristics")
    if standard is not None:
        return Loop(
            kind="standard",
            condition=xml.text(xml.first(standard, "loopCondition")),
            maximum=standard.get("loopMaximum", ""),
            test_before=xml.boolean(standard, "testBefore", False),
        )
    several = xml.first(node, "multiInstanceLoopCharacteristics")
    if several is None:
        return None

    def item(name: str) -> str:
        found = xml.first(several, name)
        return "" if found is None else found.get("id") or found.get("name") or xml.text(found)

    return Loop(
        kind="sequential" if xml.boolean(several, "isSequential", False) else "parallel",
        cardinality=xml.text(xml.first(several, "loopCardinality")),
        input=xml.text(xml.first(several, "loopDataInputRef")),
        item=item("inputDataItem"),
        output=xml.text(xml.first(several, "loopDataOutputRef")),
        output_item=item("outputDataItem"),
        condition=xml.text(xml.first(several, "completionCondition")),
        behavior=several.get("behavior") or "All",
    )
