"""Start, throw and end events (BPMN 2.0.2, 13.5); those that catch go on as in `tasks`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.bpmn.model import Event
from engine.bpmn.token_game import ending, occurring
from engine.bpmn.token_game.carried import Carried
from engine.bpmn.token_game.configuration import ENDED, THROWING, Step, Throw
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
    for move in _throwing(at):
        if at.token.id in move.tokens and aside(at.place, at.node):
            ending.end(move, replace(at.token, undo=None), _left(at, move))  # another has gone on for it
        elif at.token.id in move.tokens:
            move.go_on(replace(at.token, undo=None), _left(at, move))
        yield move.step("complete", at.token)


@element("endEvent")
def ended(at: Position) -> Iterator[Step]:
    """The token is consumed (13.5.4). A terminate event takes the other tokens of its scope with it."""
    if at.token.phase == ENDED:
        return
    for move in _throwing(at):
        if at.token.id in move.tokens:
            if at.node.event is not None and at.node.event.kind == "terminate":
                for other in list(move.tokens.values()):
                    beside = other.within == at.token.within and other.id != at.token.id and other.phase != ENDED
                    if beside and other.id in move.tokens:
                        move.cancel(other)
            ending.end(move, replace(at.token, undo=None), _left(at, move))
        yield move.step("complete", at.token)


def _left(at: Position, move: Move) -> Carried:
    """What the token carries on: what compensation changed is one write, whatever went on meanwhile."""
    if at.token.undo is None:
        return at.token.carried
    return at.token.carried.written(at.token.undo.carried.variables, move.number())


def _throwing(at: Position) -> Iterator[Move]:
    event = at.node.event
    if event is None or event.kind in {"terminate", "link", "compensate"}:
        move = at.move()
        move.tell("completed", at.token)
        yield move
    elif event.kind in {"message", "signal"}:
        yield from _sending(at, event)
    else:
        move = at.move()
        catcher = occurring.catcher(move, at.token, event.kind, event.code)
        if catcher is None and event.kind == "error":
            raise Trouble("error")
        # Complete before it is caught: the error leaves by it. An escalation that nobody catches goes on (10.5.4).
        move.tell("completed", at.token)
        if catcher is not None:
            move.keep(replace(at.token, phase=THROWING))
            occurring.fire(move, catcher, {"code": event.code})
        yield move


def _sending(at: Position, event: Event) -> Iterator[Move]:
    for payload in at.world.payloads(event, at.token.carried):
        move = at.move()
        move.tell("completed", at.token)
        move.thrown.append(Throw(kind=event.kind, name=event.name, payload=payload))
        if event.kind == "signal":
            move.keep(replace(at.token, phase=THROWING))
            occurring.broadcast(move, event.name, payload)
        yield move
