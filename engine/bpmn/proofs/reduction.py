"""Which token may be moved alone: an order of steps that makes no difference is explored in one way only.

A set of steps is persistent where nothing that others may do before them depends on them (Godefroid, 1996, chapter 4).
Here it is the steps of one token, with those of the events armed for it, where each of them

- leaves every other token as it is; a copy of a repeated activity may be counted, an ended branch joined,
- changes nothing for an inclusive or parallel gateway at which others may arrive,
- neither throws a signal that others may wait for nor begins to wait for one,
- does not end a branch that a terminate event beside it might have taken away with what it wrote,
- is none that a policy speaks of, or one whose order among those that others may take makes no difference to it.

An interruption from outside takes the token wherever it stands: moved before or not, the rest is the same. That does
not hold for a branch that has ended, which keeps its writes, nor for what a policy saw.
Elements that are not listed here are moved in every order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.bpmn.model import Event, Flow, Node
from engine.bpmn.proofs.indifference import NONE, Effects, Indifference, handles
from engine.bpmn.proofs.liveness import conditions_of, names
from engine.bpmn.token_game import Configuration, Net, Step, Token
from engine.bpmn.token_game.configuration import ARMED, CATCHING, ENDED, LEAVING, WAITING
from engine.bpmn.token_game.gateways import ways
from engine.bpmn.token_game.net import CONTAINERS, Place

#: what the arguments above were made for
KINDS = frozenset(
    {
        "task", "manualTask", "userTask", "serviceTask", "scriptTask", "businessRuleTask", "sendTask", "receiveTask",
        "subProcess", "callActivity", "exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway",
        "startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent",
    }
)  # fmt: skip
EVENTS = frozenset({"message", "signal", "timer", "error", "escalation", "terminate", "link", "conditional"})
REPEATED = frozenset({"parallel", "sequential", "standard"})

Ask = Callable[[Token], list[Step]]


@dataclass(slots=True)
class Reduction:
    """What may be moved alone in one net."""

    net: Net
    effects: Mapping[str, Effects]  #: by the ids of elements that policies speak of
    followed: frozenset[str]  #: the variables of which a value may be known
    possible: bool = field(init=False)  #: whether every element of the net is of a kind that is known here
    _caught: frozenset[str] = field(init=False)
    _joins: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    _terminating: dict[tuple[str, str], bool] = field(default_factory=dict)
    _policies: Indifference = field(init=False)

    def __post_init__(self) -> None:
        nodes = [node for place in self.net.places.values() for node in place.scope.nodes.values()]
        asked = {name for node in nodes for text in conditions_of(node) if not node.loop for name in names(text)}
        self.possible = all(_known(node) for node in nodes) and not asked & self.followed
        signals = [(node, e.name) for node in nodes for e in node.events if e.kind == "signal"]
        throwing = {"endEvent", "intermediateThrowEvent", "sendTask"}
        self._caught = frozenset(name for node, name in signals if node.kind not in throwing)
        self._policies = Indifference(self.net, self.effects)

    def alone(self, configuration: Configuration, ask: Ask) -> list[Step] | None:
        """The steps of one token that stand for all others, or None where each order has to be gone through.

        ask: the steps that a token offers, deliveries to it included. Whoever explores sees to it that no token is
        put off for ever by one that goes round in a circle.
        """
        if not self.possible:
            return None
        # The innermost first: what holds them has nothing to do until they are done.
        for token in reversed(configuration.tokens):
            if token.phase in {ENDED, ARMED}:
                continue
            armed = [each for each in configuration.tokens if each.phase == ARMED and each.of == token.id]
            if not self._fit(configuration, token, armed):
                continue
            steps = [step for each in (token, *armed) for step in ask(each)]
            group = {token.id, *(each.id for each in armed)}
            if steps and all(self._local(configuration, token, group, step) for step in steps):
                return steps
        return None

    def _fit(self, configuration: Configuration, token: Token, armed: list[Token]) -> bool:
        """Whether what others do cannot change what this token may do next."""
        place = self.net.places[token.process, token.scope]
        node = place.scope.nodes[token.node]
        inside = any(token.id in other.within and other.phase != ENDED for other in configuration.tokens)
        if inside and (armed or (token.repetition is not None and node.loop and node.loop.condition)):
            return False
        if token.index is not None and node.loop is not None and node.loop.condition:
            return False
        awaited = {event.name for each in (*armed, token) for event in self._events(each) if event.kind == "signal"}
        if node.kind == "endEvent" or node.kind == "intermediateThrowEvent":
            if awaited & self._caught:
                return False
        elif awaited:
            return False
        return token.phase != WAITING or self._gathered(configuration, token, place)

    def _local(self, configuration: Configuration, token: Token, group: set[int], step: Step) -> bool:
        """Whether a step touches nothing but its token, and no policy cares when it is taken."""
        effects = NONE.union(*(self.effects.get(each.element, NONE) for each in step.action.happenings))
        if step.action.kind == "finish":
            return False
        if effects and not self._policies.indifferent(configuration, token, group, effects):
            return False
        after = {each.id: each for each in step.configuration.tokens}
        for other in configuration.tokens:
            if other.id in group or token.id in other.within or after.get(other.id) is other:
                continue
            if token.phase == WAITING and other.phase == WAITING and other.node == token.node:
                continue  # joined with it
            if other.phase == ENDED and other.within == token.within:
                continue  # what ended is put together
            if token.index is None or other.id != token.within[-1] or other.repetition is None:
                return False
        before = {each.id for each in configuration.tokens}
        made = [each for each in step.configuration.tokens if each.id not in before or each.id in group]
        place = self.net.places[token.process, token.scope]
        if any(self._awaits(each) for each in made):
            return False
        if any(each.phase == ENDED for each in made) and self._terminates(place):
            return False  # what it wrote stays once it has ended, and is lost where it is taken away before
        if any(handles(each, token) for each in configuration.tokens) and not all(
            self._data(each) == self._data(token) for each in made
        ):
            return False  # an event subprocess begins with what the branches carry then
        beside = [
            each
            for each in configuration.tokens
            if _beside(each, token) and each.phase != ENDED and each.id not in group
        ]
        return not beside or self._same_reach(configuration, token, group, made, beside)

    def _same_reach(
        self, configuration: Configuration, token: Token, group: set[int], made: list[Token], beside: list[Token]
    ) -> bool:
        """Whether inclusive gateways at which others may arrive see no difference."""
        place = self.net.places[token.process, token.scope]
        for gateway in self._inclusive(place):
            if token.phase == WAITING and token.node == gateway:
                continue  # asked before
            if not any(self._reach(place, other, gateway) for other in beside):
                continue
            own = [each for each in configuration.tokens if each.id in group]
            now = [each for each in made if _beside(each, token)]
            if self._holding(place, own, gateway) != self._holding(place, now, gateway):
                return False
        return True

    def _holding(self, place: Place, tokens: list[Token], gateway: str) -> set[frozenset[str]]:
        """What of an inclusive gateway's flows has to be full for each of the tokens not to hold it back.

        A token that may come along several holds it back while all of them are empty, so of such sets only the
        smallest count: a token that parts into two does make a difference.
        """
        incoming = frozenset(flow.id for flow in place.incoming[gateway])
        found: set[frozenset[str]] = set()
        for token in tokens:
            if token.phase == WAITING and token.node == gateway:
                found.add(frozenset({token.flow}))
            elif token.phase != ENDED:
                for flows in ways(place, token):
                    found.add(frozenset().union(*(place.reach(flow, gateway) for flow in flows)) & incoming)
        found.discard(frozenset())
        return {each for each in found if not any(other < each for other in found)}

    def _gathered(self, configuration: Configuration, token: Token, place: Place) -> bool:
        """Whether all that can come to a joining gateway is there, one token a flow."""
        flows: list[str] = []
        for other in configuration.tokens:
            if not _beside(other, token) or other.phase == ENDED:
                continue
            if other.phase == WAITING and other.node == token.node:
                flows.append(other.flow)
            elif self._reach(place, other, token.node):
                return False
        return len(set(flows)) == len(flows)

    def _reach(self, place: Place, token: Token, gateway: str) -> frozenset[str]:
        """The flows into a gateway along which a token may still come, or has come."""
        incoming = frozenset(flow.id for flow in place.incoming[gateway])
        if token.phase == WAITING and token.node == gateway:
            return frozenset({token.flow})
        found: frozenset[str] = frozenset()
        for flow in self._ways(place, token):
            found |= place.reach(flow, gateway) & incoming
        return found

    def _ways(self, place: Place, token: Token) -> Iterator[Flow]:
        yield from place.outgoing[token.node]
        if token.phase not in {ARMED, LEAVING}:
            for event in place.boundary[token.node]:
                yield from place.outgoing[event.id]
        node = place.scope.nodes[token.node]
        if node.kind == "eventBasedGateway":
            for flow in place.outgoing[token.node]:
                yield from place.outgoing[flow.target]

    def _data(self, token: Token) -> dict[str, object]:
        return {name: held for name, held in token.carried.held.items() if name in self.followed}

    def _inclusive(self, place: Place) -> tuple[str, ...]:
        key = (place.scope.process, place.scope.id)
        if key not in self._joins:
            self._joins[key] = tuple(
                node.id
                for node in place.scope.nodes.values()
                if node.kind == "inclusiveGateway" and len(place.incoming[node.id]) > 1
            )
        return self._joins[key]

    def _terminates(self, place: Place) -> bool:
        key = (place.scope.process, place.scope.id)
        if key not in self._terminating:
            self._terminating[key] = any(
                event.kind == "terminate" for node in place.scope.nodes.values() for event in node.events
            )
        return self._terminating[key]

    def _events(self, token: Token) -> tuple[Event, ...]:
        return self.net.node(token.process, token.scope, token.node).events

    def _awaits(self, token: Token) -> bool:
        """Whether a token waits for a signal, or is about to: one that comes reaches all who wait for it then."""
        place = self.net.places[token.process, token.scope]
        node = place.scope.nodes[token.node]
        near = [node] if token.phase in {CATCHING, ARMED} else []
        near += place.boundary[node.id]
        if node.kind == "eventBasedGateway":
            near += [place.scope.nodes[flow.target] for flow in place.outgoing[node.id]]
        return any(event.kind == "signal" for each in near for event in each.events)


def _beside(other: Token, token: Token) -> bool:
    """Whether a token stands in the same scope; an armed event subprocess has one of its own."""
    return (other.within, other.scope) == (token.within, token.scope)


def _known(node: Node) -> bool:
    return (
        node.kind in KINDS
        and all(event.kind in EVENTS for event in node.events)
        and (node.loop is None or node.loop.kind in REPEATED)
        and not node.compensation
        and (node.kind not in CONTAINERS or node.kind in {"subProcess", "callActivity"})
    )
