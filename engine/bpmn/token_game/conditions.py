"""Conditional events (BPMN 2.0.2, 10.5.1): they occur when their condition becomes true."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.bpmn.model import Event
from engine.bpmn.token_game.carried import Carried, joined
from engine.bpmn.token_game.configuration import Token
from engine.bpmn.token_game.definitions import awaited
from engine.bpmn.token_game.event_subprocesses import armed
from engine.bpmn.token_game.world import Trouble

if TYPE_CHECKING:
    from engine.bpmn.token_game.moves import Move


def true(move: Move, token: Token, event: Event) -> frozenset[bool]:
    """What the condition of an armed or catching event may be now, in the scope in which the event waits."""
    carried, unsure = watched(move, token.within)
    return frozenset(move.world.met(event.expression, carried, unsure))


def forget(move: Move) -> None:
    """An event that occurred may occur again once its condition may be false."""
    for token in [each for each in move.tokens.values() if each.met]:
        try:
            ((_, event),) = awaited(move.node(token), token)
            still = true(move, token, event) == {True}
        except Trouble:
            still = False
        if not still:
            move.keep(replace(token, met=False))


def watched(move: Move, within: tuple[int, ...]) -> tuple[Carried, frozenset[str]]:
    """(what the scope would hold if all its activities were left as they are, the names on which branches disagree)."""
    branches, unsure = [], set[str]()
    beside = [token for token in move.tokens.values() if token.within == within and not armed(move, token)]
    tokens = [token for token in beside if not token.undoes]
    for token in tokens:
        carried, inside = token.carried, (*within, token.id)
        if token.repetition is None and any(other.within == inside for other in move.tokens.values()):
            inner, doubtful = watched(move, inside)
            carried, unsure = carried.written(inner.variables, move.number()), unsure | doubtful
        branches.append(carried)
    together, conflicts = joined(branches, move.number())
    unsettled = {
        name
        for token, carried in zip(tokens, branches, strict=True)
        for name in token.conflicts
        if carried.held[name][1] == together.held[name][1]
    }
    return together, frozenset({*unsure, *conflicts, *unsettled})
