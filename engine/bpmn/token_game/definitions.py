"""Events of several definitions (BPMN 2.0.2, 10.5.2 to 10.5.4): for which of them an event waits.

An armed event with several definitions is armed for each of them, since each may occur. One that is parallel multiple
is armed once, and occurs when all of them have.
"""

from __future__ import annotations

from engine.bpmn.model import Event, Node
from engine.bpmn.token_game.configuration import Token


def ways(node: Node) -> list[int | None]:
    """For which definition an event is armed, each by itself; None: for all that it has."""
    several = len(node.events) > 1 and not node.together
    return [*range(len(node.events))] if several else [None]


def awaited(node: Node, token: Token) -> list[tuple[int, Event]]:
    """The definitions that may occur still, each with its place among those of its event."""
    if token.which is not None:
        return [(token.which, node.events[token.which])]
    over = {place for place, _ in token.occurred}
    return [(place, event) for place, event in enumerate(node.events) if place not in over]
