"""Activities that are repeated."""

from __future__ import annotations

from lxml import etree

from engine.bpmn import expressions, xml
from engine.bpmn.expressions.scripts import is_variable
from tests.conformance.binding.tree import Binding, bpmn, extension, spiff, translated_in


def copies(binding: Binding) -> None:
    """A number for each multi-instance activity without one, and a cap."""
    for loop in list(binding.process.iter(bpmn("multiInstanceLoopCharacteristics"))):
        collection = next((loop.get(f"{{{space}}}collection") for space in (xml.CAMUNDA, xml.FLOWABLE, xml.ACTIVITI)
                           if loop.get(f"{{{space}}}collection")), "")  # fmt: skip
        number = xml.first(loop, "loopCardinality")
        if number is None and xml.first(loop, "loopDataInputRef") is None:
            number = etree.Element(bpmn("loopCardinality"))
            loop.insert(0, number)
            number.text = "2"
            binding.bound["collections" if collection else "numbers of copies"] += 1
        for each in xml.children(loop, "loopCardinality", "completionCondition"):
            if expressions.is_foreign(xml.text(each)) and not translated_in(binding, each):
                if xml.tag(each)[1] == "loopCardinality":
                    each.text = "2"
                else:
                    loop.remove(each)
                binding.bound["conditions"] += 1
        for name in ("loopDataInputRef", "loopDataOutputRef", "inputDataItem", "outputDataItem"):
            each = xml.first(loop, name)
            if each is not None:
                shown = each.get("id") or each.get("name") or xml.text(each)
                if not is_variable(shown):
                    for attribute in ("id", "name"):
                        each.attrib.pop(attribute, None)
                    each.set("name", variable(shown))
                    each.text = variable(shown) if name.endswith("Ref") else None
        properties = extension(loop.getparent(), "properties")
        if not any(each.get("name") == "max_instances" for each in properties):
            etree.SubElement(properties, spiff("property"), name="max_instances", value="20")
    for loop in list(binding.process.iter(bpmn("standardLoopCharacteristics"))):
        condition = xml.first(loop, "loopCondition")
        if (
            condition is not None
            and expressions.is_foreign(xml.text(condition))
            and not translated_in(binding, condition)
        ):
            loop.remove(condition)
            condition = None
            binding.bound["conditions"] += 1
        if condition is None and not loop.get("loopMaximum"):
            loop.set("loopMaximum", "2")


def variable(text: str) -> str:
    """A name of a variable as like this one as can be."""
    made = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in text).strip("_")
    return made if is_variable(made) else f"v_{made}"
