"""Loops and multi-instance activities (BPMN 2.0.2, 13.3.6 and 13.3.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.bpmn.model import Loop, Node
from engine.bpmn.token_game.carried import Carried, joined
from engine.bpmn.token_game.configuration import STANDING, Repetition, Step, Token
from engine.bpmn.token_game.moves import Move
from engine.bpmn.token_game.registry import Position
from engine.bpmn.token_game.world import Trouble

DEFAULT_CAP = 1_000


def repeated(at: Position) -> Iterator[Step]:
    """Makes its copies, or is over once they are, or enough of them."""
    loop, repetition = _facts(at.node, at.token)
    if loop.kind == "standard":
        yield from _looped(at, loop, repetition)
        return
    if repetition.total < 0:
        for items in at.world.items(at.node, at.token.carried):
            made = Repetition(items=items)
            if made.total > int(at.node.properties.get("max_instances") or DEFAULT_CAP):
                raise Trouble("loop")
            move = at.move()
            token = move.keep(replace(at.token, repetition=replace(made, results=(None,) * made.total)))
            if not _more(move, token, loop.kind == "parallel"):
                _over(at, move, token)
            yield move.step("advance", at.token)
        return
    if repetition.broken:
        raise Trouble("loop")
    move = at.move()
    if repetition.over:
        _over(at, move, at.token)
    elif loop.kind == "parallel" or repetition.done < repetition.started or not _more(move, at.token, False):
        return
    yield move.step("advance", at.token)


def _looped(at: Position, loop: Loop, repetition: Repetition) -> Iterator[Step]:
    """One pass after the other, each from what the last one left, as long as the condition holds."""
    if repetition.started > repetition.done:
        return
    carried = at.token.carried if repetition.current is None else repetition.current
    for again in _again(at, loop, repetition.done, carried):
        move = at.move()
        if again:
            wrapper = move.keep(replace(at.token, repetition=replace(repetition, started=repetition.started + 1)))
            _copy(move, wrapper, repetition.done, carried)
        else:
            move.complete(at.token, at.token.carried.written(carried.variables, move.number()))
        yield move.step("advance", at.token)


def _again(at: Position, loop: Loop, done: int, carried: Carried) -> Iterator[bool]:
    """Whether there may be another pass. Without a maximum, the loop is held past that of the house."""
    if loop.maximum and done >= int(loop.maximum):
        yield False
    elif done == 0 and not (loop.condition and loop.test_before):
        yield True
    elif not loop.condition:
        yield from at.world.another(int(loop.maximum)) if loop.maximum else (True,)
    else:
        for again in at.world.enough(loop.condition, carried, {"loopCounter": done}):
            if again and not loop.maximum and done >= DEFAULT_CAP:
                raise Trouble("loop")
            yield again


def _copy(move: Move, wrapper: Token, index: int, carried: Carried) -> None:
    move.enter(
        replace(
            wrapper,
            id=move.number(),
            within=(*wrapper.within, wrapper.id),
            phase=STANDING,
            carried=carried,
            index=index,
            repetition=None,
            undoes=0,
        )
    )


def _more(move: Move, wrapper: Token, all_at_once: bool) -> bool:
    """Start the next copy or all of them; whether there were any."""
    loop, repetition = _facts(move.node(wrapper), wrapper)
    if repetition.over:
        return False
    first = repetition.started
    last = repetition.total if all_at_once else first + 1
    move.keep(replace(wrapper, repetition=replace(repetition, started=last)))
    for index in range(first, last):
        carried = wrapper.carried if repetition.current is None else repetition.current
        if loop.item:
            item = index if isinstance(repetition.items, int) else repetition.items[index]
            # A name of its own in each copy, whatever it is called outside.
            number = move.number()
            held = {**carried.held, loop.item: (item, number)}
            carried = Carried(held, carried.seen | {number})
        _copy(move, wrapper, index, carried)
    return True


def _over(at: Position, move: Move, wrapper: Token) -> None:
    loop, repetition = _facts(at.node, wrapper)
    carried, conflicts = joined([wrapper.carried, *repetition.copies], move.number())
    if conflicts:
        raise Trouble("conflict", conflicts)
    if repetition.current is not None:
        carried = repetition.current
    # Whatever its copies did to a variable, the activity leaves it changed once or not at all.
    carried = wrapper.carried.written(carried.variables, move.number())
    if loop.output:
        results = repetition.results[: repetition.started] if loop.kind == "sequential" else repetition.results
        carried = carried.written({loop.output: list(results)}, move.number())
    move.complete(wrapper, carried)


def _facts(node: Node, token: Token) -> tuple[Loop, Repetition]:
    if node.loop is None or token.repetition is None:
        raise ValueError(f"{node.id} is not repeated")
    return node.loop, token.repetition
