"""Where the drawing alone shows that tokens do not multiply without bound, in whatever order they are moved.

Each flow gets a weight, so that no element puts out more than it takes in (a sub-invariant of the places: Murata, 1989,
section VI). The weight of all tokens of a scope then never grows, and each token has at least the smallest.
"""

from __future__ import annotations

from fractions import Fraction

from engine.bpmn.model import Node
from engine.bpmn.token_game import Net
from engine.bpmn.token_game.net import GATEWAYS, Place

#: weights that have not settled after so many rounds go down for ever: something leaks in a circle
ROUNDS = 60


def bounded(net: Net, beside: frozenset[str]) -> bool:
    """Whether every scope has such weights; where not, tokens may multiply, or it shows in the exploration only.

    beside: elements that only events beside an activity lead to; what stands there is followed as two or more.
    """
    return all(_settles(net, place, beside) for place in net.places.values())


def _settles(net: Net, place: Place, beside: frozenset[str]) -> bool:
    weight: dict[str, Fraction | None] = {flow.id: None for flow in place.scope.flows}
    starts = net.starts(place.scope.process, place.scope.id)
    first = Fraction(1, max(1, len(starts)))
    into: dict[str, Fraction | None] = dict.fromkeys(place.scope.nodes)
    for node in place.scope.nodes.values():
        if node.kind == "startEvent" or node in starts:
            into[node.id] = first
    for _ in range(ROUNDS + len(into)):
        changed = False
        for node in place.scope.nodes.values():
            taken = _taken(place, node, weight, into)
            if taken is None:
                continue
            share = _share(place, node, taken, beside)
            if share is None or share.denominator.bit_length() > ROUNDS:
                return False
            into[node.id] = taken
            for flow in place.outgoing[node.id]:
                changed |= weight[flow.id] != share
                weight[flow.id] = share
            for event in place.boundary[node.id]:
                given = taken if event.interrupting else share
                changed |= into[event.id] != given
                into[event.id] = given
        if not changed:
            return True
    return False


def _taken(
    place: Place, node: Node, weight: dict[str, Fraction | None], into: dict[str, Fraction | None]
) -> Fraction | None:
    """What the element takes in: of alternatives the least, of a parallel join all; None while nothing is known."""
    incoming = [weight[flow.id] for flow in place.incoming[node.id]]
    if not incoming:
        return into[node.id]
    known = [each for each in incoming if each is not None]
    if node.kind == "parallelGateway":
        return sum(known, Fraction(0)) if len(known) == len(incoming) else None
    return min(known) if known else None


def led_to(place: Place, element: str) -> set[str]:
    """Everything in the scope that a token may come to from an element."""
    found: set[str] = set()
    stack = [element]
    while stack:
        at = stack.pop()
        ways = [flow.target for flow in place.outgoing[at]] + [event.id for event in place.boundary[at]]
        stack += [each for each in ways if each not in found]
        found.update(ways)
    return found


def _share(place: Place, node: Node, taken: Fraction, beside: frozenset[str]) -> Fraction | None:
    """What each flow out of the element gets; None where an event beside it may put any number of tokens."""
    outgoing = place.outgoing[node.id]
    ways = 1 if node.kind in {"exclusiveGateway", "eventBasedGateway"} else max(1, len(outgoing))
    for event in place.boundary[node.id]:
        if event.interrupting or led_to(place, event.id) <= beside:
            continue
        timer = event.event
        if node.kind in GATEWAYS or timer is None or timer.kind != "timer" or timer.timer == "cycle":
            return None
        ways += 1
    return taken / ways
