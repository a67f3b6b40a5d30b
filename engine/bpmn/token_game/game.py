"""The relation: from a configuration, every step that the standard allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from engine.bpmn import calendar
from engine.bpmn.model import Event
from engine.bpmn.token_game import conditions, containers, ending, events, gateways, occurring, tasks, undoing
from engine.bpmn.token_game.carried import Carried, joined
from engine.bpmn.token_game.configuration import (
    ARMED,
    CATCHING,
    COMING,
    ENDED,
    LEAVING,
    STANDING,
    UNDOING,
    Action,
    Configuration,
    Step,
    Token,
)
from engine.bpmn.token_game.definitions import awaited
from engine.bpmn.token_game.moves import Move
from engine.bpmn.token_game.net import Net
from engine.bpmn.token_game.registry import ELEMENTS, Position
from engine.bpmn.token_game.repetition import repeated
from engine.bpmn.token_game.world import Trouble, World

PARTS = (containers, events, gateways, tasks)  #: they register what they know of each kind of element


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An element that cannot go on though its token is there, until somebody helps."""

    token: int  #: 0 where it is the end of the process
    element: str
    kind: str  #: "expression", "decision", "conflict", "loop" or "error"
    names: tuple[str, ...] = ()


def begin(net: Net, world: World, variables: Mapping[str, Any], message: str | None = None, event: str = "") -> Step:
    """The first configuration, its token at the start event that is meant."""
    move = Move(net, world, Configuration(tokens=(), next=0))
    move.open((net.main, net.main), (), (), Carried().written(variables, move.number()), message, event)
    return move.step("start", next(iter(move.tokens.values())))


def steps(net: Net, world: World, configuration: Configuration) -> Iterator[Step]:
    """Every (action, next configuration)."""
    if configuration.finished:
        return
    for token in configuration.tokens:
        yield from steps_of(net, world, configuration, token)
    yield from deliveries(net, world, configuration)
    yield from finishing(net, world, configuration)


def steps_of(net: Net, world: World, configuration: Configuration, token: Token) -> Iterator[Step]:
    """The steps that one token offers by itself."""
    for offer in _offers(Position(net, world, configuration, token)):
        with suppress(Trouble):
            yield from offer


def finishing(net: Net, world: World, configuration: Configuration) -> Iterator[Step]:
    """The last step: all tokens have ended."""
    move = Move(net, world, configuration)
    found = ending.ended(move, ())
    if found is not None and not found[1]:
        move.tokens.clear()
        move.finished, move.carried = True, found[0]
        yield Step(
            Action(kind="finish", element=net.main, path=(), token=0),
            move.step("", configuration.tokens[0]).configuration,
        )


def held(net: Net, world: World, configuration: Configuration) -> list[Held]:
    """What stands in the way of which token."""
    found = []
    for token in configuration.tokens:
        for offer in _offers(Position(net, world, configuration, token)):
            try:
                for _ in offer:
                    pass
            except Trouble as trouble:
                found.append(Held(token=token.id, element=token.node, kind=trouble.kind, names=trouble.names))
    over = ending.ended(Move(net, world, configuration), ())
    if over is not None and over[1] and not configuration.finished:
        found.append(Held(token=0, element=net.main, kind="conflict", names=over[1]))
    return found


def settle(
    net: Net, world: World, configuration: Configuration, at: Held, variables: Mapping[str, Any]
) -> Configuration:
    """With a conflict settled by an operator: these values are what the branches agree on."""
    move = Move(net, world, configuration)
    number = move.number()
    if at.token and move.tokens[at.token].conflicts:
        token = move.tokens[at.token]
        left = tuple(name for name in token.conflicts if name not in variables)
        move.keep(replace(token, carried=token.carried.written(variables, number), conflicts=left))
    elif at.token and (wrapper := move.tokens[at.token]).repetition is not None:
        repetition = wrapper.repetition
        assert repetition is not None  # noqa: S101 - just asked
        carried, _ = joined([wrapper.carried, *repetition.copies], number)
        current = carried.written(variables, move.number())
        move.keep(replace(wrapper, repetition=replace(repetition, copies=(), current=current)))
    else:
        within = () if not at.token else (*move.tokens[at.token].within, at.token)
        ended = [token for token in move.tokens.values() if token.within == within]
        carried, _ = joined([token.carried for token in ended], number)
        ending.close(move, within)
        move.keep(replace(ended[0], carried=carried.written(variables, move.number())))
    return move.step("settle", next(iter(move.tokens.values()))).configuration


def assigned(net: Net, world: World, configuration: Configuration, values: Mapping[str, Any]) -> Configuration:
    """With these values in every token, given by an operator: one write that all of them know of."""
    move = Move(net, world, configuration)
    number = move.number()
    for token in list(move.tokens.values()):
        repetition = token.repetition
        if repetition is not None:
            current = repetition.current and repetition.current.rewritten(values, number)
            copies = tuple(copy.rewritten(values, number) for copy in repetition.copies)
            repetition = replace(repetition, copies=copies, current=current)
        left = tuple(name for name in token.conflicts if name not in values)
        carried = token.carried.rewritten(values, number)
        undo = token.undo and replace(token.undo, carried=token.undo.carried.rewritten(values, number))
        move.keep(replace(token, carried=carried, repetition=repetition, conflicts=left, undo=undo))
    return replace(configuration, tokens=tuple(move.tokens.values()), next=move.next)


def moved(net: Net, world: World, configuration: Configuration, number: int, element: str) -> Step:
    """An operator takes a token away where it stands and puts it at another element of its scope."""
    move = Move(net, world, configuration)
    token = move.tokens[number]
    incoming = move.place(token).incoming[element]
    current = token.repetition.current if token.repetition is not None else None
    move.cancel(token)
    move.come(
        Token(
            id=move.number(),
            node=element,
            process=token.process,
            scope=token.scope,
            within=token.within,
            path=token.path,
            phase=STANDING,
            carried=current or token.carried,
            flow=incoming[0].id if incoming else "",
        )
    )
    return move.step("move", token)


def waiting(net: Net, configuration: Configuration, kinds: tuple[str, ...]) -> list[tuple[Token, Event]]:
    """The events of these kinds that may occur, each with the definition."""
    return [
        (token, event)
        for token in configuration.tokens
        if token.phase in {ARMED, CATCHING}
        for _, event in awaited(net.node(token.process, token.scope, token.node), token)
        if event.kind in kinds
    ]


def _offers(at: Position) -> Iterator[Iterator[Step]]:
    """The steps that a token offers; of an event by definition, since one may be held up while another is not."""
    if at.token.phase in {ARMED, CATCHING}:
        yield from (_occurring(at, which, event) for which, event in awaited(at.node, at.token))
    else:
        yield _steps(at)


def _steps(at: Position) -> Iterator[Step]:
    token = at.token
    if token.phase == ENDED:
        return
    if token.undo is not None and (token.undo.pending or token.undo.current):
        if token.undo.current is None:
            move = at.move()
            undoing.go_on(move, token)
            yield move.step("advance", token)
        return
    if token.phase == UNDOING:
        move = at.move()
        move.go_on(token, token.undo.carried if token.undo else None)
        yield move.step("advance", token)
    elif token.phase == LEAVING:
        yield from gateways.chosen(at)
    elif token.phase == COMING:
        if token.conflicts:
            raise Trouble("conflict", token.conflicts)
        move = at.move()
        move.activate(token)
        yield move.step("activate", token)
    elif token.repetition is not None:
        yield from repeated(at)
    else:
        yield from ELEMENTS[at.node.kind](at)


def _occurring(at: Position, which: int, event: Event) -> Iterator[Step]:
    """An event that waits occurs by itself."""
    move = at.move()
    if event.kind == "timer":
        timed(at, event)
        occurring.fire(move, at.token, which=which)
        yield move.step("fire", at.token)
    elif event.kind == "conditional" and not at.token.met and True in conditions.true(move, at.token, event):
        occurring.fire(move, at.token, which=which)
        yield move.step("occur", at.token)


def timed(at: Position, event: Event) -> None:
    """Raises Trouble where the timer's expression gives no time: it never comes by itself."""
    if calendar.is_literal(event.timer, event.expression):
        return
    for text in at.world.times(event.expression, at.token.carried):
        try:
            calendar.checked(event.timer, text)
        except calendar.NotATime as error:
            raise Trouble("timer") from error


def deliveries(net: Net, world: World, configuration: Configuration) -> Iterator[Step]:
    """What comes from outside: a message is taken by one event that waits for it, a signal by all."""
    for kind, name, payload in world.deliveries():
        listeners = occurring.listeners(Move(net, world, configuration), kind, name)
        for listener, which in listeners if kind == "message" else listeners[:1]:
            move = Move(net, world, configuration)
            if kind == "signal":
                occurring.broadcast(move, name, payload)
            else:
                occurring.fire(move, move.tokens[listener.id], payload, which)
            yield move.step("deliver", listener, payload)
