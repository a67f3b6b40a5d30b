"""Events that occur: which of them takes what is thrown or comes, and how it leaves its activity (13.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.bpmn.token_game import event_subprocesses
from engine.bpmn.token_game.configuration import ARMED, CATCHING, FIRED, Brought, Token
from engine.bpmn.token_game.definitions import awaited

if TYPE_CHECKING:
    from engine.bpmn.token_game.moves import Move


def fire(move: Move, event: Token, payload: dict[str, Any] | None = None, which: int = 0) -> None:
    """An event occurs by one of its definitions: its activity is left by it, or beside it, or its gateway is answered.

    Where all of the definitions have to occur it does so with the last of them.
    """
    node = move.node(event)
    definition = node.events[which] if node.events else None
    variable = "" if definition is None else definition.variable
    brought: Brought = () if payload is None or not variable else ((variable, payload),)
    if node.together:
        occurred = (*event.occurred, (which, brought))
        if len(occurred) < len(node.events):
            move.keep(replace(event, occurred=occurred))
            return
        brought = tuple(each for _, part in occurred for each in part)
        event = replace(event, occurred=())
    met = definition is not None and definition.kind == "conditional"
    if node.kind == "startEvent":
        event_subprocesses.begin(move, event, brought, met=met)
        return
    carried = event.carried
    if brought:
        carried = carried.written(dict(brought), move.number())
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
        move.keep(replace(event, left=None if event.left is None else event.left - 1, met=met))
    else:
        del move.tokens[event.id]
    fired = replace(event, id=move.number(), phase=FIRED, carried=carried, of=0, which=None)
    move.tell("entered", fired)
    move.keep(fired)


def catcher(move: Move, token: Token, kind: str, code: str | None) -> tuple[Token, int] | None:
    """The armed event that takes an error or escalation, with the definition, from the activity outwards.

    Inside an activity its event subprocesses come first, then the events on its boundary (10.5.6). At one place
    the event of exactly this code comes before one without a code, which takes all.
    """
    for holder in (token.id, *reversed(token.within), 0):
        for inside in (True, False):
            armed = [
                (other, which, event)
                for other in move.tokens.values()
                if other.phase == ARMED and other.of == holder and event_subprocesses.armed(move, other) == inside
                for which, event in awaited(move.node(other), other)
                if event.kind == kind
            ]
            for wanted in (code, None):
                for other, which, event in armed:
                    if event.code == wanted:
                        return other, which
    return None


def listeners(move: Move, kind: str, name: str) -> list[tuple[Token, int]]:
    """The events that wait for a message or signal, each with the definition, the outermost first.

    Of one scope the event subprocesses come first, an interrupting one before the others: it takes the scope.
    """
    found = [
        (token, which)
        for token in move.tokens.values()
        if token.phase in {ARMED, CATCHING}
        for which, event in awaited(move.node(token), token)
        if (event.kind, event.name) == (kind, name)
    ]
    return sorted(found, key=lambda each: (len(each[0].within), _turn(move, each[0])))


def _turn(move: Move, token: Token) -> int:
    if not event_subprocesses.armed(move, token):
        return 2
    return 0 if move.node(token).interrupting else 1


def broadcast(move: Move, name: str, payload: dict[str, Any]) -> int:
    """A signal reaches everything that waits for it now; returns how many events it set off."""
    count = 0
    for listener, which in listeners(move, "signal", name):
        if listener.id in move.tokens:
            fire(move, move.tokens[listener.id], payload, which)
            count += 1
    return count
