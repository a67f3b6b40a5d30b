"""Tokens that are consumed, and what the ended ones of a scope carry together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.bpmn.token_game import event_subprocesses
from engine.bpmn.token_game.carried import Carried, joined
from engine.bpmn.token_game.configuration import ENDED, Token

if TYPE_CHECKING:
    from engine.bpmn.token_game.moves import Move


def end(move: Move, token: Token, carried: Carried | None = None) -> None:
    """The token is consumed; what it carries waits for the end of its scope, with that of the ones before it."""
    carried = token.carried if carried is None else carried
    ended = [each.id for each in move.tokens.values() if each.phase == ENDED and each.within == token.within]
    for other in ended:
        together = _folded(move, token, move.tokens[other], carried)
        if together is not None:
            carried = together
            del move.tokens[other]
    move.keep(replace(token, phase=ENDED, carried=carried))
    event_subprocesses.completing(move, token.within)


def ended(move: Move, within: tuple[int, ...]) -> tuple[Carried, tuple[str, ...]] | None:
    """(what a scope carries at its end, conflicts), or None while a token is left in it."""
    inside = [token for token in move.tokens.values() if token.within[: len(within)] == within]
    if not inside or any(token.phase != ENDED for token in inside):
        return None
    return joined([token.carried for token in inside], move.number())


def close(move: Move, within: tuple[int, ...]) -> None:
    """The ended tokens of a scope go with it."""
    for number in [token.id for token in move.tokens.values() if token.within == within]:
        del move.tokens[number]


def _folded(move: Move, token: Token, other: Token, carried: Carried) -> Carried | None:
    """What two ended tokens carry as one; None where it would make a difference to what is joined later.

    That is so where they disagree, and where somebody knows one of two writes that agree and not the other. Who
    knows both knows the write on which they agree.
    """
    together, conflicts = joined([other.carried, carried], move.number())
    made = {
        name: {other.carried.held[name][1], carried.held[name][1]}
        for name in other.carried.held.keys() & carried.held.keys()
    }
    agreed = {name: both for name, both in made.items() if len(both) > 1 and together.held[name][1] not in both}
    beside = [
        each for each in move.tokens.values() if each.within == token.within and each.id not in {token.id, other.id}
    ]
    apart = any(len(both & each.carried.seen) == 1 for both in agreed.values() for each in beside)
    if conflicts or apart:
        return None
    held, seen = dict(together.held), together.seen
    for name, both in agreed.items():
        number = move.number()
        held[name], seen = (held[name][0], number), seen | {number}
        for each in beside:
            known = move.tokens[each.id].carried
            if both <= known.seen:
                move.keep(replace(move.tokens[each.id], carried=Carried(known.held, known.seen | {number})))
    return Carried(held, seen)
