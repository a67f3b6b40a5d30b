"""Compensation (BPMN 2.0.2, 10.7 and 13.5.5): what has completed is undone by its handlers, the latest first.

The standard allows handlers side by side where their activities did not depend on each other; the house runs one after
the other. Of the data associated with an activity, its snapshot, a handler sees what the activity was called with and
what it left changed; the other variables are those of whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.bpmn import expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.model import Diagram, Event, Node
from engine.bpmn.token_game.carried import Carried, same
from engine.bpmn.token_game.configuration import COMING, ENDED, STANDING, UNDOING, Record, Token, Undo
from engine.bpmn.token_game.net import EMBEDDED

if TYPE_CHECKING:
    from engine.bpmn.token_game.moves import Move


def remember(move: Move, token: Token, carried: Carried) -> Record | None:
    """What is to be known of an activity that completes, where there is something to undo."""
    node = move.node(token)
    within = (*token.within, token.id)
    inner = [record for record in move.records if record.within == within]
    if node.kind not in EMBEDDED or node.triggered_by_event:
        inner = []
    move.records = [record for record in move.records if record.within != within]
    if token.undoes or not move.net.asked(token.process, token.scope):
        return None
    if token.repetition is not None:
        copies = token.repetition.records
        return _record(move, token, inner=copies, copies=True) if copies else None
    if move.place(token).handlers.get(node.id) is None:
        return _record(move, token, _changed(move, token, carried), tuple(inner)) if inner else None
    return _record(move, token, _changed(move, token, carried))


def _record(
    move: Move,
    token: Token,
    restored: dict[str, object] | None = None,
    inner: tuple[Record, ...] = (),
    *,
    whole: bool = True,
    copies: bool = False,
) -> Record:
    return Record(
        node=token.node,
        within=token.within,
        number=inner[-1].number if inner and not whole else move.number(),
        restored=restored or {},
        inner=inner,
        whole=whole,
        copies=copies,
    )


def _changed(move: Move, token: Token, carried: Carried) -> dict[str, object]:
    before = token.carried
    if token.index is not None:
        wrapper = move.tokens[token.within[-1]]
        current = wrapper.repetition.current if wrapper.repetition is not None else None
        before = wrapper.carried if current is None else current
    read = _read(move.net.diagrams[token.process], move.node(token))
    return {
        name: value
        for name, (value, _) in carried.held.items()
        if name in read or name not in before.held or not same(before.held[name][0], value)
    }


def _read(diagram: Diagram, node: Node) -> set[str]:
    """The data inputs of an activity: the variables in its expressions; and what a message brought it."""
    texts = [event.expression for event in node.events] + ([node.script] if node.script else [])
    texts += [parameter.value for parameter in node.operator.parameters] if node.operator else []
    texts += diagram.decisions[node.decision].inputs if node.decision else []
    found = {event.variable for event in node.events}
    for text in texts:
        try:
            lines = [each.expression for each in expressions.assignments(text)] if text == node.script else [text]
            for line in lines:
                found |= expressions.names(line) if line else set()
        except ExpressionError:
            continue
    return found


def asks(move: Move, token: Token, events: Sequence[Event]) -> Token:
    """A token comes to an event that compensates: what has completed by then in its scope is what it asks for.

    A cancel event ends all activity in its transaction as well (10.3.5).
    """
    named = {event.reference for event in events if event.kind == "compensate"}
    if any(event.kind == "cancel" for event in events):
        taken = completed(move, token.within)
        for other in list(move.tokens.values()):
            if other.within == token.within and other.id in move.tokens and other.phase != ENDED:
                move.cancel(other)
    elif named:
        taken = [r for r in move.records if r.within == token.within and named & {"", r.node}]
        move.records = [record for record in move.records if record not in taken]
    else:
        return token
    return replace(token, undo=Undo(pending=tuple(taken), carried=token.carried))


def cancelled(move: Move, within: tuple[int, ...]) -> bool:
    """Whether a scope is a transaction that is being cancelled: no more token comes to anything in it."""
    beside = (token for token in move.tokens.values() if token.within == within and token.undo is not None)
    return any(event.kind == "cancel" for token in beside for event in move.node(token).events)


def completed(move: Move, within: tuple[int, ...]) -> list[Record]:
    """What has completed in a scope, in activities that are still active there, and what others had yet to undo."""
    found = [record for record in move.records if record.within == within]
    for token in [each for each in move.tokens.values() if each.within == within]:
        if token.undoes:
            continue
        if token.undo is not None:
            found += _left(move, token)
        elif token.repetition is not None:
            found += [*token.repetition.records, *completed(move, (*within, token.id))]
        elif token.phase == STANDING and move.node(token).kind in EMBEDDED:
            inner = completed(move, (*within, token.id))
            if inner:
                found.append(_record(move, token, inner=tuple(inner), whole=False))
    move.records = [record for record in move.records if record.within != within]
    return sorted(found, key=lambda record: record.number)


def _left(move: Move, token: Token) -> list[Record]:
    undo = token.undo
    if undo is None:
        return []
    found = list(undo.pending)
    if undo.current is not None:
        handler = next(other for other in move.tokens.values() if other.undoes == token.id)
        record = undo.current
        if handler.undo is not None:
            record = replace(record, inner=tuple(_left(move, handler)), whole=False)
        found.append(record)
    return found


def go_on(move: Move, token: Token) -> None:
    """The next handler of those that a token asks for begins, where there is one."""
    undo = token.undo
    if undo is None or undo.current is not None:
        return
    pending = list(undo.pending)
    while pending and pending[-1].copies:
        pending += pending.pop().inner
    if not pending:
        move.keep(replace(token, undo=replace(undo, pending=())))
        return
    record = pending.pop()
    move.keep(replace(token, undo=replace(undo, pending=tuple(pending), current=record)))
    inside = token.phase == UNDOING
    scope = token.node if inside else token.scope
    handler = Token(
        id=move.number(),
        node=record.node,
        process=token.process,
        scope=scope,
        within=(*token.within, token.id) if inside else token.within,
        path=(*token.path, token.node) if inside else token.path,
        phase=UNDOING,
        carried=undo.carried.written(record.restored, move.number()),
        undoes=token.id,
    )
    named = move.net.places[token.process, scope].handlers.get(record.node) if record.whole else None
    if named is None:
        handler = move.keep(replace(handler, undo=Undo(pending=record.inner, carried=handler.carried)))
        return
    node = move.net.node(token.process, scope, named)
    handler = replace(handler, node=named, phase=COMING if node.loop is not None else STANDING)
    if node.loop is not None:
        move.keep(handler)
    else:
        move.enter(handler)


def over(move: Move, handler: Token, carried: Carried) -> None:
    """A handler is over: what it changed of what it saw is changed for whoever asked, who goes on."""
    asking = move.tokens[handler.undoes]
    undo = asking.undo
    if undo is None or undo.current is None:
        raise ValueError(f"{handler.node} undoes nothing")
    saw = undo.carried.written(undo.current.restored, move.number())
    changed = {
        name: value
        for name, (value, _) in carried.held.items()
        if name not in saw.held or not same(saw.held[name][0], value)
    }
    asking = move.keep(
        replace(asking, undo=replace(undo, current=None, carried=undo.carried.written(changed, move.number())))
    )
    go_on(move, asking)


def drop(records: Iterable[Record], beneath: int) -> list[Record]:
    """The records without those of an activity that is taken away."""
    return [record for record in records if beneath not in record.within]
