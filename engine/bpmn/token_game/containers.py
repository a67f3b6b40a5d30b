"""Embedded subprocesses and calls (BPMN 2.0.2, 13.3.4 and 13.3.5): active while a token is left in them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.token_game import ending
from engine.bpmn.token_game.configuration import Step
from engine.bpmn.token_game.registry import Position, element
from engine.bpmn.token_game.world import Trouble


@element("subProcess", "transaction", "callActivity")
def contained(at: Position) -> Iterator[Step]:
    """Over when the last token in it has ended; what its branches carry is joined and goes on."""
    within = (*at.token.within, at.token.id)
    move = at.move()
    if not at.net.places[at.net.inside(at.token.process, at.node)].scope.nodes:
        move.complete(at.token)  # nothing is drawn in it
        yield move.step("complete", at.token)
        return
    found = ending.ended(move, within)
    if found is None:
        return
    carried, conflicts = found
    if conflicts:
        raise Trouble("conflict", conflicts)
    ending.close(move, within)
    # To whoever stands outside, what an activity leaves changed is one write of its own.
    move.complete(at.token, at.token.carried.written(carried.variables, move.number()))
    yield move.step("complete", at.token)
