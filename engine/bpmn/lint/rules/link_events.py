"""Link events: a way between two places of one scope, told by a name instead of a line."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, nearest, rule, shown
from engine.bpmn.model import Node, Scope

CATCH, THROW = "intermediateCatchEvent", "intermediateThrowEvent"


@rule("link-events")
def check(subject: Subject) -> Iterator[Finding]:
    """A link leads from one or more throwing events to exactly one catching event of its name, in one scope."""
    for scope in subject.scopes():
        links = [
            node
            for node in scope.nodes.values()
            if node.kind in {CATCH, THROW} and node.event is not None and node.event.kind == "link"
        ]
        for node in links:
            name = _name(node)
            if not name:
                yield Finding(
                    at=node, reason="The link event has no name.", hint="Give both events of the link the same name."
                )
            elif node.kind == THROW:
                yield from _thrown(subject, scope, links, node, name)
            else:
                yield from _caught(scope, links, node, name)


def _thrown(subject: Subject, scope: Scope, links: list[Node], node: Node, name: str) -> Iterator[Finding]:
    catches = [other for other in links if other.kind == CATCH and _name(other) == name]
    if not catches:
        elsewhere = [other for other in subject.nodes(CATCH) if other.event is not None and other.event.kind == "link"]
        outside = next((other for other in elsewhere if _name(other) == name), None)
        yield Finding(
            at=node,
            reason=f'No catching link event is called "{name}"'
            + (f" in this scope; {shown(outside)} lies in another one." if outside is not None else "."),
            hint="Links stay in one scope: draw both events there."
            if outside is not None
            else nearest(name, {_name(other) for other in links if other.kind == CATCH} - {""}, "catching links"),
        )
    elif len(catches) > 1:
        yield Finding(
            at=node,
            reason=f'{len(catches)} link events catch "{name}": {", ".join(map(shown, catches))}.',
            hint="Keep one: a link leads to one place.",
        )
    if any(flow.drawn for flow in scope.outgoing(node.id)):
        yield Finding(
            at=node,
            reason="A sequence flow leaves the throwing event of a link.",
            hint="Remove it: the token goes on behind the catching event.",
        )


def _caught(scope: Scope, links: list[Node], node: Node, name: str) -> Iterator[Finding]:
    if not any(other.kind == THROW and _name(other) == name for other in links):
        yield Finding(
            at=node,
            reason=f'No throwing link event is called "{name}" in this scope, so it would never run.',
            hint=nearest(name, {_name(other) for other in links if other.kind == THROW} - {""}, "throwing links"),
        )
    if any(flow.drawn for flow in scope.incoming(node.id)):
        yield Finding(
            at=node,
            reason="A sequence flow leads to the catching event of a link.",
            hint="Let it lead to the element behind that event, or throw the link there.",
        )


def _name(node: Node) -> str:
    return "" if node.event is None else node.event.name
