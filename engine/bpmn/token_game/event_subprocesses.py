"""Event subprocesses (BPMN 2.0.2, 13.5.4): armed while their scope has a token of its own flow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.bpmn.token_game.carried import Carried, joined
from engine.bpmn.token_game.configuration import ARMED, COMING, ENDED, Brought, Token
from engine.bpmn.token_game.definitions import ways

if TYPE_CHECKING:
    from engine.bpmn.token_game.moves import Move


def armed(move: Move, token: Token) -> bool:
    """Whether this is the armed start event of an event subprocess."""
    return token.phase == ARMED and move.node(token).kind == "startEvent"


def arm(move: Move, first: Token) -> None:
    """A scope opened: the events of its event subprocesses may occur from now on. `first` is its first token."""
    for event in move.net.handlers(first.process, first.scope):
        for which in ways(event):
            move.keep(
                replace(
                    first,
                    id=move.number(),
                    node=event.id,
                    scope=event.scope,
                    path=(*first.path, event.scope),
                    phase=ARMED,
                    of=first.within[-1] if first.within else 0,
                    left=move.occurrences(event, which, first.carried),
                    which=which,
                )
            )


def begin(move: Move, event: Token, brought: Brought, *, met: bool) -> None:
    """The event occurred. An interrupting one takes away whatever else goes on in the scope, and disarms the others.

    "They run in the context of the Sub-Process": with what its branches carry together. Where those disagree it has to
    be settled first.
    """
    start = move.node(event)
    carried, conflicts = gathered(move, event.within)
    if start.interrupting:
        for other in list(move.tokens.values()):
            if other.within == event.within and other.phase != ENDED and other.id in move.tokens:
                move.cancel(other)
    elif event.left is not None and event.left < 2:
        del move.tokens[event.id]
    else:
        move.keep(replace(event, left=None if event.left is None else event.left - 1, met=met))
    around = move.net.around(event.process, event.scope)
    assert around is not None  # noqa: S101 - a start event is armed for a subprocess only
    handler = Token(
        id=move.number(),
        node=around.id,
        process=event.process,
        scope=around.scope,
        within=event.within,
        path=event.path[:-1],
        phase=COMING,
        carried=carried,
        conflicts=conflicts,
        caught=brought,
    )
    move.keep(handler)
    if not conflicts:
        move.activate(handler)


def context(move: Move, handler: Token) -> Carried:
    """What the event subprocess begins with: the context of its scope, and what its event brought."""
    if not handler.caught:
        return handler.carried
    return handler.carried.written(dict(handler.caught), move.number())


def gathered(move: Move, within: tuple[int, ...]) -> tuple[Carried, tuple[str, ...]]:
    """(what the branches of a scope carry together, the names on which they disagree)."""
    branches = [
        token
        for token in move.tokens.values()
        if token.within == within and not token.undoes and not armed(move, token)
    ]
    carried, conflicts = joined([token.carried for token in branches], move.number())
    unsettled = {
        name for token in branches for name in token.conflicts if token.carried.held[name][1] == carried.held[name][1]
    }
    return carried, tuple(sorted({*conflicts, *unsettled}))


def completing(move: Move, within: tuple[int, ...]) -> None:
    """Once the flow of the scope has no token left no more event subprocesses begin; those that run are waited for."""
    beside = [token for token in move.tokens.values() if token.within == within]
    waiting = [token for token in beside if armed(move, token)]
    flow = [token for token in beside if token.phase != ENDED and not move.node(token).triggered_by_event]
    if len(flow) == len(waiting):
        for token in waiting:
            del move.tokens[token.id]
