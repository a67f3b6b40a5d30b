"""Ids that XML does not allow, such as those that begin with a digit."""

from __future__ import annotations

import re

from engine.bpmn import xml
from tests.conformance.binding.tree import Binding

_NAME = re.compile(r"[^\W\d][\w.\-]{0,254}")


def identifiers(binding: Binding) -> None:
    """A name that XML allows for each element of the process that has none, wherever the file points to it."""
    given = [each.get("id", "") for each in binding.process.iterdescendants() if xml.tag(each)[0] == xml.BPMN]
    names = {old: "_" + re.sub(r"[^\w.\-]", "_", old)[:250] for old in given if old and not _NAME.fullmatch(old)}
    if not names:
        return
    for element in binding.root.iter():
        for attribute, value in element.attrib.items():
            prefix, colon, name = value.rpartition(":")
            if value in names or name in names:
                element.set(attribute, names.get(value) or f"{prefix}{colon}{names[name]}")
        text = (element.text or "").strip()
        if text in names and not len(element):
            element.text = names[text]
    binding.bound["ids"] += len(names)
