"""Which event definitions may stand together on one event, and what they mean together (BPMN 2.0.2, 10.5.2 to 10.5.4).

A catching event occurs with any of them or, where it is parallel multiple, once all of them have occurred; a throwing
event throws all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from engine.bpmn.model import Event, Node

THROWS: Final = frozenset({"intermediateThrowEvent", "endEvent"})
#: each ends a scope in its own way
ENDS: Final = frozenset({"error", "terminate", "cancel"})
#: what may be thrown beside others, and what may be one of several that are caught
THROWN: Final = frozenset({"message", "signal", "escalation", "compensate", *ENDS})
CAUGHT: Final = frozenset({"message", "signal", "timer", "conditional", "error", "escalation"})
#: what may have to occur together with others; of these alone what comes again and again
TOGETHER: Final = frozenset({"message", "signal", "timer", "conditional"})
AGAIN: Final = frozenset({"message", "signal"})

Refusal = tuple[str, str]  #: (reason, hint)


def in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    """The definitions of an event in the order in which they are thrown: what ends the scope comes last."""
    return tuple(sorted(events, key=lambda event: event.kind in ENDS))


def refusal(node: Node, *, starts: bool, raced: bool) -> Refusal | None:
    """Why the definitions of an event cannot stand together, with a way on; None where they can.

    starts: it starts instances of a process; raced: it stands behind an event-based gateway.
    """
    if len(node.events) < 2:
        return None
    return _thrown(node) if node.kind in THROWS else _caught(node, starts=starts, raced=raced)


def _thrown(node: Node) -> Refusal | None:
    kinds = [event.kind for event in node.events]
    one_behind_the_other = "Draw an event for each, one behind the other."
    if not THROWN.issuperset(kinds):
        return f"Among several events ({', '.join(kinds)}) stands one that is thrown alone.", one_behind_the_other
    if not all(event.waits for event in node.events):
        return "A compensation that is not waited for stands beside other events.", one_behind_the_other
    ends = [kind for kind in kinds if kind in ENDS]
    if len(ends) > 1:
        return f"The event ends its scope in several ways ({', '.join(ends)}).", f"Keep one of them: {', '.join(ends)}."
    if {"cancel", "compensate"} <= set(kinds):
        return "A cancel event undoes what a compensation event beside it asks for.", "Keep the cancel event."
    return None


def _caught(node: Node, *, starts: bool, raced: bool) -> Refusal | None:
    kinds = [event.kind for event in node.events]
    each = "Draw an event for each of them."
    if not CAUGHT.issuperset(kinds):
        return f"Among several events ({', '.join(kinds)}) stands one that is caught alone.", each
    twice = _twice(node.events)
    if twice:
        return f"The event waits for {twice} twice.", "Keep one of the two definitions."
    if starts and kinds.count("timer") > 1:
        return "Two timers stand on one start event, and a schedule has one time.", "Draw a start event for each."
    return _together(node, starts=starts, raced=raced) if node.together else None


def _together(node: Node, *, starts: bool, raced: bool) -> Refusal | None:
    kinds = {event.kind for event in node.events}
    if starts:
        return (
            "Several events together would start an instance, and nothing tells which of them belong to one.",
            "Start it by one of them, and wait for the others behind a parallel gateway.",
        )
    if raced:
        return (
            "An event-based gateway leads to an event that waits for several together.",
            "Draw the other events behind the first of them.",
        )
    if not kinds <= TOGETHER:
        return (
            f"An event that waits for several together waits for {', '.join(sorted(kinds - TOGETHER))}, which leaves "
            "the activity at once.",
            "Draw an event of its own for it.",
        )
    if node.kind in {"boundaryEvent", "startEvent"} and not node.interrupting and not kinds <= AGAIN:
        return (
            "An event that waits for several together does not interrupt, and not all of them come again.",
            "Let it interrupt, or wait for messages and signals alone.",
        )
    variables = Counter(event.variable for event in node.events if event.variable)
    if any(count > 1 for count in variables.values()):
        return (
            "Two events that occur together write one variable.",
            "Give each message and signal a variable of its own.",
        )
    return None


def _twice(events: Iterable[Event]) -> str:
    named = [
        (event.kind, event.code if event.kind in {"error", "escalation"} else event.name)
        for event in events
        if event.kind in {"message", "signal", "error", "escalation"}
    ]
    kind, name = next((each for each in named if named.count(each) > 1), ("", ""))
    return f'the {kind} "{name}"' if name else f"every {kind}" if kind else ""
