"""Gateways (BPMN 2.0.2, 13.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from engine.bpmn.model import Flow
from engine.bpmn.token_game.carried import joined
from engine.bpmn.token_game.configuration import ARMED, COMING, ENDED, LEAVING, STANDING, WAITING, Step, Token
from engine.bpmn.token_game.net import Place, aside
from engine.bpmn.token_game.registry import Position, element
from engine.bpmn.token_game.world import Trouble


@element("exclusiveGateway")
def exclusive(at: Position) -> Iterator[Step]:
    """The first flow whose condition is true, in the order of the diagram, else the default (table 13.2)."""
    outgoing = at.place.outgoing[at.node.id]
    for flow in _first(at, [flow for flow in outgoing if _asked(at, flow)]) if outgoing else (None,):
        move = at.move()
        move.tell("completed", at.token)
        move.leave(at.token, [] if flow is None else [flow])
        yield move.step("complete", at.token)


def _first(at: Position, asked: Sequence[Flow]) -> Iterator[Flow]:
    """Every flow that may be the one: more than one only where the world leaves a condition open."""
    for flow in asked:
        truths = set(at.world.truths(flow.condition, at.token.carried))
        if True in truths:
            yield flow
        if False not in truths:
            return
    yield from _otherwise(at)


@element("inclusiveGateway")
def inclusive(at: Position) -> Iterator[Step]:
    """Joins what can still come, then takes every flow whose condition is true, else the default (table 13.3)."""
    if at.token.phase == WAITING:
        yield from _joining(at, _inclusive_arrivals(at))
        return
    _settled(at)
    asked = [flow for flow in at.place.outgoing[at.node.id] if _asked(at, flow)]
    trouble: Trouble | None = None
    for truths in _truths(at, asked):
        try:
            taken = [flow for flow, true in zip(asked, truths, strict=True) if true] or list(_otherwise(at))
        except Trouble as none:
            trouble = none  # another world may have a way on
            continue
        move = at.move()
        move.tell("completed", at.token)
        move.leave(at.token, taken)
        yield move.step("complete", at.token)
    if trouble is not None:
        raise trouble


def chosen(at: Position) -> Iterator[Step]:
    """Out of an activity (10.3, 13.3.2): the flows whose condition is true and those without one, else the default."""
    outgoing = at.place.outgoing[at.node.id]
    asked = [flow for flow in outgoing if _asked(at, flow)]
    always = [flow for flow in outgoing if not flow.condition and flow.id != at.node.default]
    default = [flow for flow in outgoing if flow.id == at.node.default]
    held = False
    for truths in _truths(at, asked):
        true = {flow.id for flow, true in zip(asked, truths, strict=True) if true}
        taken = [flow for flow in outgoing if flow.id in true or flow in always] or default
        if not taken:
            held = True  # another world may have a way on
            continue
        move = at.move()
        move.leave(at.token, taken)
        yield move.step("choose", at.token)
    if held:
        raise Trouble("expression")


def _truths(at: Position, asked: Sequence[Flow]) -> Iterator[tuple[bool, ...]]:
    yield from product(*(sorted(set(at.world.truths(flow.condition, at.token.carried))) for flow in asked))


@element("parallelGateway")
def parallel(at: Position) -> Iterator[Step]:
    """Joins one token from each incoming flow, then takes every outgoing one (table 13.1)."""
    if at.token.phase == WAITING:
        arrivals = _arrivals(at)
        missing = [flow for flow in at.place.incoming[at.node.id] if flow.id not in arrivals]
        yield from _joining(at, {} if missing else arrivals)
        return
    _settled(at)
    move = at.move()
    move.complete(at.token)
    yield move.step("complete", at.token)


@element("eventBasedGateway")
def event_based(at: Position) -> Iterator[Step]:
    """Arms the events behind it; the first to occur takes the token (table 13.4)."""
    if any(other.phase == ARMED and other.of == at.token.id for other in at.configuration.tokens):
        return
    move = at.move()
    for flow in at.place.outgoing[at.node.id]:
        move.arm(at.token, at.place.scope.nodes[flow.target])
    yield move.step("activate", at.token)


def _asked(at: Position, flow: Flow) -> bool:
    return bool(flow.condition) and flow.id != at.node.default


def _otherwise(at: Position) -> Iterator[Flow]:
    outgoing = at.place.outgoing[at.node.id]
    bare = [flow for flow in outgoing if not _asked(at, flow)]
    if not bare and outgoing:
        raise Trouble("expression")
    yield from bare


def _settled(at: Position) -> None:
    if at.token.conflicts:
        raise Trouble("conflict", at.token.conflicts)


def _arrivals(at: Position) -> dict[str, list[Token]]:
    """The tokens that wait at the gateway, by flow."""
    found: dict[str, list[Token]] = {}
    for token in at.configuration.tokens:
        if token.phase == WAITING and token.node == at.node.id and token.within == at.token.within:
            found.setdefault(token.flow, []).append(token)
    return found


def _joining(at: Position, arrivals: dict[str, list[Token]]) -> Iterator[Step]:
    """One token of each flow goes in. Any of several on one flow may be the one; data are joined by cause."""
    if not arrivals or min(token.id for tokens in arrivals.values() for token in tokens) != at.token.id:
        return  # offered once, by the oldest
    for chosen in product(*arrivals.values()):
        move = at.move()
        carried, conflicts = joined([token.carried for token in chosen], move.number())
        for token in chosen:
            del move.tokens[token.id]
        inside = Token(
            id=move.number(),
            node=at.node.id,
            process=at.token.process,
            scope=at.token.scope,
            within=at.token.within,
            path=at.token.path,
            phase=STANDING,
            carried=carried,
            conflicts=conflicts,
        )
        move.tell("entered", inside)
        move.keep(inside)
        yield move.step("enter", inside)


def _inclusive_arrivals(at: Position) -> dict[str, list[Token]]:
    """The arrivals, where nothing holds the gateway back.

    Table 13.3: it waits for a token elsewhere from which a path leads to an incoming flow that is empty, unless a path
    leads from it to one that holds a token; paths that pass the gateway do not count. A token at an activity may
    leave it by an interrupting boundary event as well; a non-interrupting one may put a further token, and counts
    beside it. A token inside the gateway counts by the flows on which it will leave.
    """
    arrivals = _arrivals(at)
    incoming = {flow.id for flow in at.place.incoming[at.node.id]}
    empty = incoming - arrivals.keys()
    if empty:
        for ways in _ways(at):
            reached = frozenset().union(*(at.place.reach(flow, at.node.id) for flow in ways))
            if reached & empty and not reached & arrivals.keys():
                return {}
    return arrivals


def _ways(at: Position) -> Iterator[list[Flow]]:
    """Of every token that is or may be put in the scope, the flows on which it may go on."""
    for token in at.configuration.tokens:
        if (token.within, token.scope) != (at.token.within, at.token.scope) or token.phase == ENDED or token.undoes:
            continue
        if token.phase != WAITING or token.node != at.node.id:
            yield from ways(at.place, token)


def ways(place: Place, token: Token) -> Iterator[list[Flow]]:
    """The flows on which a token may go on, and those of each further token that may be put beside it."""
    node = place.scope.nodes[token.node]
    own = [] if aside(place, node) else list(place.outgoing[node.id])
    if token.phase == LEAVING:
        yield own
    elif token.phase == ARMED:
        if node.kind == "boundaryEvent" and not node.interrupting:
            yield own
    else:
        for event in place.boundary[node.id]:
            if event.interrupting:
                own += place.outgoing[event.id]
            elif token.phase == COMING:
                yield list(place.outgoing[event.id])
        yield own
