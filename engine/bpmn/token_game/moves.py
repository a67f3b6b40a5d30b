"""One step in the making: tokens are placed, taken away and fired until the next configuration is whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from engine.bpmn.model import Event, Flow, Node
from engine.bpmn.token_game import conditions, copies, definitions, ending, event_subprocesses, undoing
from engine.bpmn.token_game.carried import Carried
from engine.bpmn.token_game.configuration import (
    ARMED,
    CATCHING,
    COMING,
    FIRED,
    LEAVING,
    STANDING,
    WAITING,
    Action,
    Configuration,
    Happening,
    Repetition,
    Step,
    Throw,
    Token,
)
from engine.bpmn.token_game.net import CONTAINERS, GATEWAYS, JOINS, Net, Place, aside, cancels, waits
from engine.bpmn.token_game.world import Trouble, World

_CYCLE = re.compile(r"R(\d*)/.+")


class Move:
    """A configuration that changes; `step` takes it as the next one."""

    def __init__(self, net: Net, world: World, before: Configuration) -> None:
        self.net, self.world = net, world
        self.next = before.next
        self.tokens = {token.id: token for token in before.tokens}
        self.finished, self.carried = before.finished, before.carried
        self.records = list(before.records)
        self.happenings: list[Happening] = []
        self.thrown: list[Throw] = []

    def step(self, kind: str, token: Token, detail: Any = None) -> Step:
        """The step as it was made."""
        conditions.forget(self)
        action = Action(
            kind=kind,
            element=token.node,
            path=token.path,
            token=token.id,
            detail=detail,
            happenings=tuple(self.happenings),
            thrown=tuple(self.thrown),
        )
        after = Configuration(
            tokens=tuple(self.tokens.values()),
            next=self.next,
            finished=self.finished,
            carried=self.carried,
            records=tuple(self.records),
        )
        return Step(action, after)

    def number(self) -> int:
        """A number that nothing else has."""
        self.next += 1
        return self.next

    def node(self, token: Token) -> Node:
        """The element at which a token stands."""
        return self.net.node(token.process, token.scope, token.node)

    def place(self, token: Token) -> Place:
        """The scope in which it stands."""
        return self.net.places[token.process, token.scope]

    def tell(self, happened: str, token: Token) -> None:
        """Note what happened to the token's element; of a repeated activity only its copies are told."""
        if token.repetition is None:
            self.happenings.append(Happening(happened=happened, element=token.node, path=token.path))

    def keep(self, token: Token) -> Token:
        """Put a token, new or changed, into the configuration."""
        self.tokens[token.id] = token
        return token

    def arrive(self, like: Token, flow: Flow, carried: Carried) -> None:
        """A token comes along a flow."""
        self.come(
            Token(
                id=self.number(),
                node=flow.target,
                process=like.process,
                scope=like.scope,
                within=like.within,
                path=like.path,
                phase=STANDING,
                carried=carried,
                flow=flow.id,
            )
        )

    def come(self, token: Token) -> None:
        """A token comes to its element, along its flow or from the start of the scope."""
        node = self.node(token)
        if undoing.cancelled(self, token.within):
            return
        if node.kind in JOINS:
            self.keep(replace(token, phase=WAITING))
            return
        token = replace(token, flow="")
        if node.loop is not None or self.place(token).boundary[node.id]:
            self.keep(replace(token, phase=COMING))
        else:
            self.enter(token)

    def activate(self, token: Token) -> None:
        """The element becomes active: its boundary events are armed, a repeated one counts its copies."""
        node = self.node(token)
        for event in self.place(token).boundary[node.id]:
            self.arm(token, event)
        if node.loop is None:
            self.enter(replace(token, phase=STANDING))
        else:
            self.keep(replace(token, phase=STANDING, repetition=Repetition(items=-1)))

    def enter(self, token: Token) -> None:
        """The token is at its element; a subprocess or call opens its scope."""
        node = self.node(token)
        self.tell("entered", token)
        if node.kind in {"intermediateThrowEvent", "endEvent"} and node.events:
            token = undoing.asks(self, token, node.events)
        self.keep(replace(token, phase=CATCHING) if waits(node) else token)
        if aside(self.place(token), node):
            for flow in self.place(token).outgoing[node.id]:
                self.arrive(token, flow, token.carried)
        if node.kind in CONTAINERS:
            inner = self.net.inside(token.process, node)
            carried = event_subprocesses.context(self, token) if node.triggered_by_event else token.carried
            self.open(inner, (*token.within, token.id), (*token.path, node.id), carried)

    def open(
        self,
        inner: tuple[str, str],
        within: tuple[int, ...],
        path: tuple[str, ...],
        carried: Carried,
        message: str | None = None,
        event: str = "",
    ) -> None:
        """A scope begins: a token at its start event, or at each element that no flow leads to; events are armed."""
        process, scope = inner
        token = Token(
            id=0,
            node="",
            process=process,
            scope=scope,
            within=within,
            path=path,
            phase=STANDING,
            carried=carried,
        )
        starts = self.net.starts(process, scope, message, event)
        for node in sorted(starts, key=lambda node: not cancels(node)):
            self.come(replace(token, id=self.number(), node=node.id))
        event_subprocesses.arm(self, token)

    def arm(self, token: Token, event: Node) -> None:
        """An event of the token's activity, or behind its event-based gateway, may now occur."""
        for which in definitions.ways(event):
            self.keep(
                replace(
                    token,
                    id=self.number(),
                    node=event.id,
                    phase=ARMED,
                    of=token.id,
                    left=self.occurrences(event, which, token.carried),
                    which=which,
                    index=None,
                    repetition=None,
                )
            )

    def occurrences(self, event: Node, which: int | None, carried: Carried) -> int | None:
        """How often an armed event may occur (BPMN 2.0.2, 13.5.3: a non-interrupting one again and again)."""
        if event.kind not in {"boundaryEvent", "startEvent"} or event.interrupting or not event.events:
            return 1
        if event.together:
            return None
        definition = event.events[which or 0]
        if definition.kind != "timer":
            return None
        if definition.timer != "cycle":
            return 1
        for text in (definition.expression.strip(), *self._times(definition, carried)):
            cycle = _CYCLE.fullmatch(text)
            if cycle is not None:
                return int(cycle[1]) if cycle[1] else None
        return None

    def _times(self, definition: Event, carried: Carried) -> Iterable[str]:
        try:
            yield from self.world.times(definition.expression, carried)
        except Trouble:
            return

    def disarm(self, token: Token) -> None:
        """The events armed for a token may occur no more."""
        for number in [other.id for other in self.tokens.values() if other.phase == ARMED and other.of == token.id]:
            del self.tokens[number]

    def complete(self, token: Token, carried: Carried | None = None) -> None:
        """The element is over, and its token leaves."""
        self.tell("completed", token)
        self.go_on(token, carried)

    def go_on(self, token: Token, carried: Carried | None = None) -> None:
        """The token leaves along every flow that goes out of its element; where one is conditional it has to choose."""
        carried = token.carried if carried is None else carried
        record = undoing.remember(self, token, carried)
        flows = self.place(token).outgoing[token.node]
        if token.undoes or token.index is not None:
            del self.tokens[token.id]
            self.disarm(token)
            if token.index is not None:
                copies.counted(self, token, carried, record)
            else:
                undoing.over(self, token, carried)
            return
        if record is not None:
            self.records.append(record)
        chooses = self.node(token).kind not in GATEWAYS and any(flow.condition for flow in flows)
        if not chooses:
            self.leave(token, flows, carried)
            return
        self.disarm(token)
        self.keep(replace(token, phase=LEAVING, carried=carried, repetition=None))

    def leave(self, token: Token, flows: Sequence[Flow], carried: Carried | None = None) -> None:
        """The token leaves along these flows; where there are none it is consumed (BPMN 2.0.2, 10.5.3)."""
        carried = token.carried if carried is None else carried
        del self.tokens[token.id]
        self.disarm(token)
        for flow in sorted(flows, key=lambda flow: not cancels(self.net.node(token.process, token.scope, flow.target))):
            self.arrive(token, flow, carried)
        if not flows:
            ending.end(self, replace(token, repetition=None), carried)

    def cancel(self, token: Token) -> None:
        """The token is taken away, with everything beneath its activity and the events armed for it."""
        for other in list(self.tokens.values()):
            if other.id == token.id or token.id in other.within or (other.phase == ARMED and other.of == token.id):
                if other.phase in {STANDING, CATCHING, FIRED}:
                    self.tell("cancelled", other)
                del self.tokens[other.id]
                self.records = undoing.drop(self.records, other.id)
