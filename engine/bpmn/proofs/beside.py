"""What stands beside an activity, put there again and again by an event that does not interrupt it."""

from __future__ import annotations

from dataclasses import replace

from engine.bpmn.model import Node
from engine.bpmn.proofs.weights import led_to
from engine.bpmn.token_game import Configuration, Net, Token
from engine.bpmn.token_game.net import Place


def beside(net: Net) -> frozenset[str]:
    """The elements to which only events lead that occur again and again beside an activity.

    Of tokens there two stand for two or more. A timer that occurs once is among such events as long as nothing that it
    leads to can be reached otherwise: what it puts into the flow has to be counted.
    """
    found: set[str] = set()
    for place in net.places.values():
        once: set[str] = set()
        while True:
            apart = place.scope.nodes.keys() - _reached(net, place, once)
            leading_on = {
                event.id
                for event in place.scope.nodes.values()
                if event.kind == "boundaryEvent" and _occurs_once(event) and not led_to(place, event.id) <= apart
            }
            if leading_on <= once:
                break
            once |= leading_on
        found |= apart
    return frozenset(found)


def _reached(net: Net, place: Place, once: set[str]) -> set[str]:
    reached: set[str] = set()
    stack = [node.id for node in place.scope.nodes.values() if node.kind == "startEvent"]
    stack += [node.id for node in net.starts(place.scope.process, place.scope.id)]
    while stack:
        at = stack.pop()
        if at in reached:
            continue
        reached.add(at)
        stack += [flow.target for flow in place.outgoing[at]]
        stack += [event.id for event in place.boundary[at] if event.interrupting or event.id in once]
    return reached


def _occurs_once(event: Node) -> bool:
    timer = event.event
    return not event.interrupting and timer is not None and timer.kind == "timer" and timer.timer != "cycle"


def with_another(after: Configuration, before: Configuration, token: Token) -> Configuration:
    """With the token as it stood before, beside what became of it."""
    number = after.next
    renamed: dict[int, int] = {}
    for each in before.tokens:
        if each.id == token.id or token.id in each.within or each.of == token.id or each.of in renamed:
            number += 1
            renamed[each.id] = number
    copies = [
        replace(
            each,
            id=renamed[each.id],
            within=tuple(renamed.get(holder, holder) for holder in each.within),
            of=renamed.get(each.of, each.of),
        )
        for each in before.tokens
        if each.id in renamed
    ]
    return replace(after, tokens=(*after.tokens, *copies), next=number)
