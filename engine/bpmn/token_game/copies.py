"""Copies of repeated activities as they are over (BPMN 2.0.2, 13.3.6 and 13.3.7)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.bpmn.token_game.carried import Carried
from engine.bpmn.token_game.configuration import Record, Token
from engine.bpmn.token_game.world import Trouble

if TYPE_CHECKING:
    from engine.bpmn.token_game.moves import Move


def counted(move: Move, copy: Token, carried: Carried, record: Record | None) -> None:
    """A copy of a repeated activity is over (BPMN 2.0.2, 13.3.6 and 13.3.7)."""
    wrapper = move.tokens[copy.within[-1]]
    loop, repetition = move.node(wrapper).loop, wrapper.repetition
    if loop is None or repetition is None or copy.index is None:
        raise ValueError(f"{copy.node} is no copy of a repeated activity")
    repetition = replace(repetition, records=(*repetition.records, *([record] if record else [])))
    if loop.kind == "standard":
        move.keep(replace(wrapper, repetition=replace(repetition, done=repetition.done + 1, current=carried)))
        return
    results, broken = list(repetition.results), repetition.broken
    if loop.output:
        values = carried.variables
        if loop.output_item not in values:
            broken = broken or loop.output_item
        results[copy.index] = values.get(loop.output_item)
    private = [name for name in (loop.item, loop.output_item if loop.output else "") if name]
    before = wrapper.carried if repetition.current is None else repetition.current
    values = {name: value for name, value in carried.variables.items() if name not in private}
    outside = before.written(values, move.number())
    done, enough = repetition.done + 1, repetition.enough
    if loop.condition and not broken:
        active = repetition.total - done if loop.kind == "parallel" else 0
        counts = _counters(repetition.total, active, done, copy.index + 1)
        try:
            enough = any(move.world.enough(loop.condition, carried, counts))
        except Trouble:
            broken = loop.condition
    if enough:
        for other in [each for each in move.tokens.values() if each.within == copy.within]:
            move.cancel(other)
    move.keep(
        replace(
            wrapper,
            repetition=replace(
                repetition,
                done=done,
                enough=enough,
                broken=broken,
                results=tuple(results),
                copies=(*repetition.copies, outside) if loop.kind == "parallel" else (),
                current=outside if loop.kind == "sequential" else None,
            ),
        )
    )


def _counters(total: int, active: int, completed: int, which: int) -> dict[str, int]:
    """Table 10.30, under the standard's names and those in wide use."""
    counters = {"Instances": total, "ActiveInstances": active, "CompletedInstances": completed}
    named = {f"{prefix}{name}": value for prefix in ("numberOf", "nrOf") for name, value in counters.items()}
    return {**named, "numberOfTerminatedInstances": 0, "loopCounter": which}
