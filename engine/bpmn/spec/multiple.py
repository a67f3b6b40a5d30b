"""Catching events of several definitions (BPMN 2.0.2, 10.5.4): an armed part for each of them.

The parts carry the drawn event, each with one definition; nobody else sees that there are several. On a boundary and
behind an event-based gateway they are armed as events of their own, and whichever occurs goes on behind the drawn one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.bpmn.model import Node
from engine.bpmn.spec.element import Parting
from engine.bpmn.spec.gateways import EventBasedGateway
from engine.bpmn.tokens import MAYBE, STARTED, WAITING, Token


class MultipleCatch(EventBasedGateway):
    """Waits until one of its parts has occurred, or all of them have."""

    chooses = False
    stamped = True
    parts: tuple[Any, ...] = ()

    def _update_hook(self, my_task: Token) -> bool:
        my_task._inherit_data()
        my_task._set_state(STARTED)
        for part in self.parts:
            armed = my_task._add_child(part, MAYBE)
            armed._inherit_data()
            armed._set_state(WAITING)
        return False

    def _run_hook(self, my_task: Token) -> bool:
        return True

    def chosen(self, my_task: Token, event: Token) -> None:
        """Go on with what the part carries that occurred."""
        my_task.data, my_task.stamps, my_task.seen = event.data, event.stamps, event.seen
        for part in my_task.children:
            part.cancel()
            my_task.workflow._remove_task(part.id)
        my_task._ready()


def parts(node: Node, made: Callable[[Node, str], Any]) -> list[Any]:
    """The elements of an event's definitions: `made` makes one of a node under a name."""
    # No XML id holds a bracket.
    names = [f"({number} of {node.id})" for number in range(1, len(node.events) + 1)]
    found = [made(replace(node, events=(event,)), name) for name, event in zip(names, node.events, strict=True)]
    for which, part in enumerate(found):
        part.which = which
        part.together = frozenset(names) - {part.name} if node.together else frozenset()
    return found


def waiting(spec: Any, node: Node, beneath: list[Any], **common: Any) -> MultipleCatch:
    """The element of an event in the flow; its parts are told of in its name."""
    element = MultipleCatch(spec, node.id, **common)
    element.node, element.parts = node, tuple(beneath)
    for part in beneath:
        part.told = False
    return element


def behind(spec: Any, node: Node, armed: list[Any]) -> Parting:
    """Where the token goes on, whichever of the parts has occurred."""
    element = Parting(spec, f"(after {node.id})", bpmn_name=node.name)
    element.node, element.told = replace(node, kind="task", events=(), implied_by=node.id), False
    for part in armed:
        part.connect(element)
    return element
