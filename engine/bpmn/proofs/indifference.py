"""Whether a policy sees a difference between two orders of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.bpmn.model import Flow
from engine.bpmn.token_game import Configuration, Net, Token
from engine.bpmn.token_game.configuration import ARMED, ENDED, WAITING

#: what an element means to policies: (policy, "needed", "undone", "asked", ...)
Effects = frozenset[tuple[str, str]]
NONE: Effects = frozenset()


@dataclass(slots=True)
class Indifference:
    """What the elements of one net mean to policies."""

    net: Net
    effects: Mapping[str, Effects]  #: by the ids of elements that policies speak of
    own: dict[tuple[str, str], Effects] = field(default_factory=dict)
    ahead: dict[tuple[str, str], Effects] = field(default_factory=dict)
    ends: bool = field(init=False)  #: whether anything may take branches away that policies saw

    def __post_init__(self) -> None:
        nodes = (node for place in self.net.places.values() for node in place.scope.nodes.values())
        self.ends = any(event.kind == "terminate" for node in nodes for event in node.events)
        if self.effects:
            self.own, self.ahead = _effects(self.net, self.effects)

    def indifferent(self, configuration: Configuration, token: Token, group: set[int], effects: Effects) -> bool:
        """Whether whatever others may do before it means the same to the policies, and nothing can prevent it."""
        if self.ends:
            return False
        for other in configuration.tokens:
            node = self.net.node(other.process, other.scope, other.node)
            if other.phase == ARMED and node.interrupting and (other.of in token.within or handles(other, token)):
                return False
        still = {token.id: token, **{each.id: each for each in configuration.tokens if each.id in token.within}}
        others = NONE.union(*(self._meanwhile(configuration, each, group) for each in still.values()))
        repeated = [each for each in configuration.tokens if each.id in token.within and each.repetition is not None]
        if token.index is not None or repeated:
            return False
        for policy in {policy for policy, _ in effects}:
            own = {effect for name, effect in effects if name == policy}
            theirs = {effect for name, effect in others if name == policy}
            if theirs and len(own | theirs) > 1:
                return False
        return True

    def _meanwhile(self, configuration: Configuration, still: Token, group: set[int]) -> Effects:
        """What the other tokens of a scope may do as long as one stays where it is.

        None passes a parallel gateway of which a flow is left empty meanwhile.
        """
        place = self.net.places[still.process, still.scope]
        arrived: dict[str, set[str]] = {}
        seen: set[str] = set()
        stack: list[str] = []
        effects: Effects = NONE

        def come(flow: Flow) -> None:
            gateway = place.scope.nodes[flow.target]
            if gateway.kind == "parallelGateway":
                arrived.setdefault(gateway.id, set()).add(flow.id)
                if len(arrived[gateway.id]) < len(place.incoming[gateway.id]):
                    return
            stack.append(flow.target)

        for other in configuration.tokens:
            if other.id in group or other.id == still.id or other.phase == ENDED or other.within != still.within:
                continue
            if other.scope != still.scope:  # an event subprocess that may begin
                effects |= self.ahead[other.process, other.node]
            elif other.phase == WAITING:
                for flow in place.incoming[other.node]:
                    if flow.id == other.flow:
                        come(flow)
            else:
                stack.append(other.node)
        while stack:
            at = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            effects |= self.own[still.process, at]
            for flow in place.outgoing[at]:
                come(flow)
            stack += [event.id for event in place.boundary[at]]
        return effects


def handles(event: Token, token: Token) -> bool:
    """Whether an event is armed for an event subprocess of a scope around the token."""
    holder = event.within[-1] if event.within else 0
    return event.phase == ARMED and event.of == holder and event.within == token.within[: len(event.within)]


def _effects(
    net: Net, effects: Mapping[str, Effects]
) -> tuple[dict[tuple[str, str], Effects], dict[tuple[str, str], Effects]]:
    """By (process, element): what it means with everything inside it, and with everything after it in its scope."""
    nodes = [(process, node) for process, diagram in net.diagrams.items() for node in diagram.process.nodes]
    own = {(process, node.id): effects.get(node.id, NONE) for process, node in nodes}
    changed = True
    while changed:
        changed = False
        for process, node in nodes:
            inner: list[tuple[str, str]] = []
            if node.kind == "callActivity" and node.called in net.diagrams:
                inner = [(node.called, each) for each in net.places[node.called, node.called].scope.nodes]
            elif (process, node.id) in net.places:
                inner = [(process, each) for each in net.places[process, node.id].scope.nodes]
            now = own[process, node.id].union(*(own[each] for each in inner))
            changed |= now != own[process, node.id]
            own[process, node.id] = now
    ahead = dict(own)
    changed = True
    while changed:
        changed = False
        for process, node in reversed(nodes):
            place = net.places[process, node.scope]
            after = [flow.target for flow in place.outgoing[node.id]] + [e.id for e in place.boundary[node.id]]
            now = ahead[process, node.id].union(*(ahead[process, each] for each in after))
            changed |= now != ahead[process, node.id]
            ahead[process, node.id] = now
    return own, ahead
