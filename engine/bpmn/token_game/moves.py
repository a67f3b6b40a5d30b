"""One step in the making: tokens are placed, taken away and fired until the next configuration is whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from engine.bpmn.model import Event, Flow, Node
from engine.bpmn.token_game import conditions, event_subprocesses, undoing
from engine.bpmn.token_game.carried import Carried, joined
from engine.bpmn.token_game.configuration import (
    ARMED,
    CATCHING,
    COMING,
    ENDED,
    FIRED,
    LEAVING,
    STANDING,
    WAITING,
    Action,
    Configuration,
    Happening,
    Record,
    Repetition,
    Step,
    Throw,
    Token,
)
from engine.bpmn.token_game.net import CONTAINERS, GATEWAYS, JOINS, Net, Place, cancels, waits
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
        if node.kind in {"intermediateThrowEvent", "endEvent"} and node.event is not None:
            token = undoing.asks(self, token, node.event)
        self.keep(replace(token, phase=CATCHING) if waits(node) else token)
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
        self.keep(
            replace(
                token,
                id=self.number(),
                node=event.id,
                phase=ARMED,
                of=token.id,
                left=self.occurrences(event, token.carried),
                index=None,
                repetition=None,
            )
        )

    def occurrences(self, event: Node, carried: Carried) -> int | None:
        """How often an armed event may occur (BPMN 2.0.2, 13.5.3: a non-interrupting one again and again)."""
        definition = event.event
        if event.kind not in {"boundaryEvent", "startEvent"} or event.interrupting or definition is None:
            return 1
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
                self._count(token, carried, record)
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
            self.end(replace(token, repetition=None), carried)

    def cancel(self, token: Token) -> None:
        """The token is taken away, with everything beneath its activity and the events armed for it."""
        for other in list(self.tokens.values()):
            if other.id == token.id or token.id in other.within or (other.phase == ARMED and other.of == token.id):
                if other.phase in {STANDING, CATCHING, FIRED}:
                    self.tell("cancelled", other)
                del self.tokens[other.id]
                self.records = undoing.drop(self.records, other.id)

    def fire(self, event: Token, payload: dict[str, Any] | None = None) -> None:
        """An event occurs: its activity is left by it, or beside it, or its gateway has its answer."""
        node = self.node(event)
        if node.kind == "startEvent":
            event_subprocesses.begin(self, event, payload)
            return
        carried = event.carried
        if payload is not None and node.event is not None and node.event.variable:
            carried = carried.written({node.event.variable: payload}, self.number())
        if event.phase == CATCHING:
            self.keep(replace(event, phase=FIRED, carried=carried))
            return
        holder = self.tokens[event.of]
        if node.kind != "boundaryEvent":
            self.tell("completed", holder)
            del self.tokens[holder.id]
            self.disarm(holder)
        elif node.interrupting:
            self.cancel(holder)
        elif event.left != 1:
            met = node.event is not None and node.event.kind == "conditional"
            self.keep(replace(event, left=None if event.left is None else event.left - 1, met=met))
        else:
            del self.tokens[event.id]
        fired = replace(event, id=self.number(), phase=FIRED, carried=carried, of=0)
        self.tell("entered", fired)
        self.keep(fired)

    def catcher(self, token: Token, kind: str, code: str | None) -> Token | None:
        """The armed event that takes an error or escalation, from the activity outwards.

        Inside an activity its event subprocesses come first, then the events on its boundary (10.5.6). At one place
        the event of exactly this code comes before one without a code, which takes all.
        """
        for holder in (token.id, *reversed(token.within), 0):
            for inside in (True, False):
                armed = [
                    (other, event)
                    for other in self.tokens.values()
                    if other.phase == ARMED
                    and other.of == holder
                    and event_subprocesses.armed(self, other) == inside
                    and (event := self.node(other).event) is not None
                    and event.kind == kind
                ]
                for wanted in (code, None):
                    for other, event in armed:
                        if event.code == wanted:
                            return other
        return None

    def listeners(self, kind: str, name: str) -> list[Token]:
        """The events that wait for a message or signal, the outermost first.

        Of one scope the event subprocesses come first, an interrupting one before the others: it takes the scope.
        """
        found = []
        for token in self.tokens.values():
            event = self.node(token).event
            if token.phase in {ARMED, CATCHING} and event is not None and (event.kind, event.name) == (kind, name):
                found.append(token)
        return sorted(found, key=lambda token: (len(token.within), self._turn(token)))

    def _turn(self, token: Token) -> int:
        if not event_subprocesses.armed(self, token):
            return 2
        return 0 if self.node(token).interrupting else 1

    def broadcast(self, name: str, payload: dict[str, Any]) -> int:
        """A signal reaches everything that waits for it now; returns how many events it set off."""
        count = 0
        for listener in self.listeners("signal", name):
            if listener.id in self.tokens:
                self.fire(self.tokens[listener.id], payload)
                count += 1
        return count

    def end(self, token: Token, carried: Carried | None = None) -> None:
        """The token is consumed; what it carries waits for the end of its scope, with that of the ones before it."""
        carried = token.carried if carried is None else carried
        ended = [each.id for each in self.tokens.values() if each.phase == ENDED and each.within == token.within]
        for other in ended:
            together = self._folded(token, self.tokens[other], carried)
            if together is not None:
                carried = together
                del self.tokens[other]
        self.keep(replace(token, phase=ENDED, carried=carried))
        event_subprocesses.completing(self, token.within)

    def _folded(self, token: Token, other: Token, carried: Carried) -> Carried | None:
        """What two ended tokens carry as one; None where it would make a difference to what is joined later.

        That is so where they disagree, and where somebody knows one of two writes that agree and not the other. Who
        knows both knows the write on which they agree.
        """
        together, conflicts = joined([other.carried, carried], self.number())
        made = {
            name: {other.carried.held[name][1], carried.held[name][1]}
            for name in other.carried.held.keys() & carried.held.keys()
        }
        agreed = {name: both for name, both in made.items() if len(both) > 1 and together.held[name][1] not in both}
        beside = [
            each for each in self.tokens.values() if each.within == token.within and each.id not in {token.id, other.id}
        ]
        apart = any(len(both & each.carried.seen) == 1 for both in agreed.values() for each in beside)
        if conflicts or apart:
            return None
        held, seen = dict(together.held), together.seen
        for name, both in agreed.items():
            number = self.number()
            held[name], seen = (held[name][0], number), seen | {number}
            for each in beside:
                known = self.tokens[each.id].carried
                if both <= known.seen:
                    self.keep(replace(self.tokens[each.id], carried=Carried(known.held, known.seen | {number})))
        return Carried(held, seen)

    def ended(self, within: tuple[int, ...]) -> tuple[Carried, tuple[str, ...]] | None:
        """(what a scope carries at its end, conflicts), or None while a token is left in it."""
        inside = [token for token in self.tokens.values() if token.within[: len(within)] == within]
        if not inside or any(token.phase != ENDED for token in inside):
            return None
        return joined([token.carried for token in inside], self.number())

    def close(self, within: tuple[int, ...]) -> None:
        """The ended tokens of a scope go with it."""
        for number in [token.id for token in self.tokens.values() if token.within == within]:
            del self.tokens[number]

    def _count(self, copy: Token, carried: Carried, record: Record | None) -> None:
        """A copy of a repeated activity is over (BPMN 2.0.2, 13.3.6 and 13.3.7)."""
        wrapper = self.tokens[copy.within[-1]]
        loop, repetition = self.node(wrapper).loop, wrapper.repetition
        if loop is None or repetition is None or copy.index is None:
            raise ValueError(f"{copy.node} is no copy of a repeated activity")
        repetition = replace(repetition, records=(*repetition.records, *([record] if record else [])))
        if loop.kind == "standard":
            self.keep(replace(wrapper, repetition=replace(repetition, done=repetition.done + 1, current=carried)))
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
        outside = before.written(values, self.number())
        done, enough = repetition.done + 1, repetition.enough
        if loop.condition and not broken:
            active = repetition.total - done if loop.kind == "parallel" else 0
            counts = _counters(repetition.total, active, done, copy.index + 1)
            try:
                enough = any(self.world.enough(loop.condition, carried, counts))
            except Trouble:
                broken = loop.condition
        if enough:
            for other in [each for each in self.tokens.values() if each.within == copy.within]:
                self.cancel(other)
        self.keep(
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
