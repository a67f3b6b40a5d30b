"""Start, throw and end events (BPMN 2.0.2, 13.5); those that catch go on as in `tasks`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from engine.bpmn.model import Event
from engine.bpmn.token_game import ending, occurring
from engine.bpmn.token_game.carried import Carried
from engine.bpmn.token_game.configuration import ENDED, THROWING, Step, Throw, Token
from engine.bpmn.token_game.moves import Move
from engine.bpmn.token_game.net import aside
from engine.bpmn.token_game.registry import Position, element
from engine.bpmn.token_game.world import Trouble


@element("startEvent")
def started(at: Position) -> Iterator[Step]:
    """The token leaves the start event (13.5.1)."""
    move = at.move()
    move.complete(at.token)
    yield move.step("complete", at.token)


@element("intermediateThrowEvent", "sendTask")
def thrown(at: Position) -> Iterator[Step]:
    """What is thrown reaches those who wait for it now, before the token goes on (13.5.2)."""
    for move, left in _throwing(at):
        if at.token.id in move.tokens and aside(at.place, at.node):
            ending.end(move, replace(at.token, undo=None), left)  # another has gone on for it
        elif at.token.id in move.tokens:
            move.go_on(replace(at.token, undo=None), left)
        yield move.step("complete", at.token)


@element("endEvent")
def ended(at: Position) -> Iterator[Step]:
    """The token is consumed (13.5.4). A terminate event takes the other tokens of its scope with it."""
    if at.token.phase == ENDED:
        return
    for move, left in _throwing(at):
        if at.token.id in move.tokens:
            if any(event.kind == "terminate" for event in at.node.events):
                for other in list(move.tokens.values()):
                    beside = other.within == at.token.within and other.id != at.token.id and other.phase != ENDED
                    if beside and other.id in move.tokens:
                        move.cancel(other)
            ending.end(move, replace(at.token, undo=None), left)
        yield move.step("complete", at.token)


def _left(at: Position, move: Move) -> Carried:
    """What the token carries on: what compensation changed is one write, whatever went on meanwhile."""
    if at.token.undo is None:
        return at.token.carried
    return at.token.carried.written(at.token.undo.carried.variables, move.number())


def _throwing(at: Position) -> Iterator[tuple[Move, Carried]]:
    """All that the event throws, one after the other, with what the token carries on.

    What ends its scope comes last, so that all of it is thrown.
    """
    carried = at.token.carried if at.token.undo is None else at.token.undo.carried
    sent = [event for event in at.node.events if event.kind in {"message", "signal"}]
    ending = [event for event in at.node.events if event.kind in {"error", "cancel"}]
    if any(
        event.kind == "error" and not occurring.catcher(at.move(), at.token, "error", event.code) for event in ending
    ):
        raise Trouble("error")
    others = [event for event in at.node.events if event not in ending]
    for payloads in product(*(at.world.payloads(event, carried) for event in sent)):
        move, brought = at.move(), iter(payloads)
        left = _left(at, move)
        # Complete before it is caught: the error leaves by it. An escalation that nobody catches goes on (10.5.4).
        move.tell("completed", at.token)
        if any(_reaches(move, at.token, event) for event in at.node.events):
            move.keep(replace(at.token, phase=THROWING, carried=left, undo=None))
        for event in (*others, *ending):
            if event.kind in {"message", "signal"}:
                payload = next(brought)
                move.thrown.append(Throw(kind=event.kind, name=event.name, payload=payload))
                if event.kind == "signal":
                    occurring.broadcast(move, event.name, payload)
            elif event.kind in {"error", "escalation", "cancel"}:
                catcher = occurring.catcher(move, at.token, event.kind, event.code)
                if catcher is not None:
                    occurring.fire(move, catcher[0], {"code": event.code}, catcher[1])
        yield move, left


def _reaches(move: Move, token: Token, event: Event) -> bool:
    """Whether what is thrown may set something off here."""
    if event.kind in {"error", "escalation", "cancel"}:
        return occurring.catcher(move, token, event.kind, event.code) is not None
    return event.kind == "signal"
