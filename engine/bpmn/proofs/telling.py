"""What there is to tell of a token: what of it makes a configuration another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.bpmn.proofs.values import label
from engine.bpmn.token_game import Token
from engine.bpmn.token_game.configuration import ENDED, Record, Repetition

Key = tuple[Any, ...]


def tree(tokens: Iterable[Token]) -> tuple[dict[int, list[Token]], Callable[[Token], Key]]:
    """(what stands beneath each token, what there is to tell of one with all that is beneath it)."""
    beneath: dict[int, list[Token]] = {}
    for token in tokens:
        beneath.setdefault(token.of or (token.within[-1] if token.within else 0), []).append(token)
    known: dict[int, Key] = {}

    def told(token: Token) -> Key:
        found = known.get(token.id)
        if found is None:
            inner = beneath.get(token.id)
            below = tuple(sorted(told(each) for each in inner)) if inner else ()
            found = known[token.id] = (*own(token), below)
        return found

    return beneath, told


def own(token: Token) -> Key:
    """What there is to tell of a token but for what stands beneath it; texts only, so that keys can be put in order."""
    held = token.carried.held
    data = tuple((name, label(held[name][0])) for name in sorted(held)) if held else ()
    left = "" if token.left == 1 else str(token.left)
    index = "" if token.index is None else str(token.index)
    repetition = "" if token.repetition is None else repeated(token.repetition)
    # By which end a branch ended tells nothing.
    node = "" if token.phase == ENDED else token.node
    phase = f"{token.phase} met" if token.met else token.phase
    which = str((token.which, sorted(place for place, _ in token.occurred))) if token.which or token.occurred else ""
    return (node, phase, token.flow, left, index, repetition, data, which)


def repeated(repetition: Repetition) -> str:
    carried = [*repetition.copies, *([repetition.current] if repetition.current else [])]
    data = [sorted((name, label(value)) for name, (value, _) in each.held.items()) for each in carried]
    counts = (repetition.total, repetition.started, repetition.done, repetition.enough, bool(repetition.broken))
    return f"{counts}{sorted(data)}"


def remembered(record: Record) -> Key:
    values = tuple((name, label(value)) for name, value in sorted(record.restored.items()))
    return record.node, record.within, values, tuple(map(remembered, record.inner)), record.whole, record.copies
