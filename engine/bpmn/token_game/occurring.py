"""Events that occur: which of them takes what is thrown or comes, and how it leaves its activity (13.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.bpmn.token_game import event_subprocesses
from engine.bpmn.token_game.configuration import ARMED, CATCHING, FIRED, Token

if TYPE_CHECKING:
    from engine.bpmn.token_game.moves import Move


def fire(move: Move, event: Token, payload: dict[str, Any] | None = None) -> None:
    """An event occurs: its activity is left by it, or beside it, or its gateway has its answer."""
    node = move.node(event)
    if node.kind == "startEvent":
        event_subprocesses.begin(move, event, payload)
        return
    carried = event.carried
    if payload is not None and node.event is not None and node.event.variable:
        carried = carried.written({node.event.variable: payload}, move.number())
    if event.phase == CATCHING:
        move.keep(replace(event, phase=FIRED, carried=carried))
        return
    holder = move.tokens[event.of]
    if node.kind != "boundaryEvent":
        move.tell("completed", holder)
        del move.tokens[holder.id]
        move.disarm(holder)
    elif node.interrupting:
        move.cancel(holder)
    elif event.left != 1:
        met = node.event is not None and node.event.kind == "conditional"
        move.keep(replace(event, left=None if event.left is None else event.left - 1, met=met))
    else:
        del move.tokens[event.id]
    fired = replace(event, id=move.number(), phase=FIRED, carried=carried, of=0)
    move.tell("entered", fired)
    move.keep(fired)


def catcher(move: Move, token: Token, kind: str, code: str | None) -> Token | None:
    """The armed event that takes an error or escalation, from the activity outwards.

    Inside an activity its event subprocesses come first, then the events on its boundary (10.5.6). At one place
    the event of exactly this code comes before one without a code, which takes all.
    """
    for holder in (token.id, *reversed(token.within), 0):
        for inside in (True, False):
            armed = [
                (other, event)
                for other in move.tokens.values()
                if other.phase == ARMED
                and other.of == holder
                and event_subprocesses.armed(move, other) == inside
                and (event := move.node(other).event) is not None
                and event.kind == kind
            ]
            for wanted in (code, None):
                for other, event in armed:
                    if event.code == wanted:
                        return other
    return None


def listeners(move: Move, kind: str, name: str) -> list[Token]:
    """The events that wait for a message or signal, the outermost first.

    Of one scope the event subprocesses come first, an interrupting one before the others: it takes the scope.
    """
    found = []
    for token in move.tokens.values():
        event = move.node(token).event
        if token.phase in {ARMED, CATCHING} and event is not None and (event.kind, event.name) == (kind, name):
            found.append(token)
    return sorted(found, key=lambda token: (len(token.within), _turn(move, token)))


def _turn(move: Move, token: Token) -> int:
    if not event_subprocesses.armed(move, token):
        return 2
    return 0 if move.node(token).interrupting else 1


def broadcast(move: Move, name: str, payload: dict[str, Any]) -> int:
    """A signal reaches everything that waits for it now; returns how many events it set off."""
    count = 0
    for listener in listeners(move, "signal", name):
        if listener.id in move.tokens:
            fire(move, move.tokens[listener.id], payload)
            count += 1
    return count
