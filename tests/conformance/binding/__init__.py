"""A diagram from elsewhere, with the words bound that only its own engine knows, so that its structure can run.

What is bound is what an architect would bind who imports the diagram: people to a role and a form, code to a handler,
missing names of messages and codes, times that nobody wrote, conditions in another engine's notation to their
translation, and choices without a condition to a question. What is drawn stays as it is. Each binding is counted.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable

from lxml import etree

from engine.bpmn import xml
from tests.conformance.binding.choices import conditions, questions
from tests.conformance.binding.copies import copies
from tests.conformance.binding.events import messages, starts, times, triggers
from tests.conformance.binding.identifiers import identifiers
from tests.conformance.binding.tree import Binding, Node
from tests.conformance.binding.words import code, foreign, people

#: the process that stands for one that is not there
STUB = "called_process"
STEPS: tuple[Callable[[Binding], None], ...] = (
    identifiers, foreign, code, starts, triggers, messages, times, copies, conditions, people, questions,
)  # fmt: skip


def bound(root: Node, process: Node, called: frozenset[str]) -> tuple[bytes, Counter[str]]:
    """(the file with this process made executable and its words bound, what was bound)."""
    tree = copy.deepcopy(root)
    found = xml.children(tree, "process")[xml.children(root, "process").index(process)]
    binding = Binding(tree, found)
    for other in xml.children(tree, "process"):
        other.set("isExecutable", "true" if other is found else "false")
    for step in STEPS:
        step(binding)
    for call in binding.nodes("callActivity"):
        if call.get("calledElement", "").rpartition(":")[2] not in called:
            call.set("calledElement", STUB)
            binding.bound["calls"] += 1
    return etree.tostring(tree, encoding="UTF-8", xml_declaration=True), binding.bound
