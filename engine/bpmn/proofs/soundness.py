"""Soundness of a process: no token left behind, no growth without bound, an end from everywhere, no dead element.

The first two are proven for every run: whatever data and people do, the relation that is explored does at least that.
The last two speak of the drawing alone: that a way to an end, or to an element, is drawn does not say that data ever
take it. Where they fail, they fail for every run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from engine.bpmn.model import Node
from engine.bpmn.proofs import paths
from engine.bpmn.proofs.checking import undecided
from engine.bpmn.proofs.graph import Edge, Graph, elements
from engine.bpmn.proofs.verdicts import FAILS, HOLDS, UNDECIDED, Verdict
from engine.bpmn.proofs.world import process_of
from engine.bpmn.token_game import Token
from engine.bpmn.token_game.configuration import ARMED, ENDED

SOURCE = "BPMN 2.0.2, 13; soundness after van der Aalst (1998)"
WAITS = "Let each join wait only for what always comes: split and join by gateways of one kind, or end the branch."
GROWS = "Join what a parallel or inclusive gateway has split before the flow goes back."
STAYS = "Draw a way from there to an end event."
NEVER = "Mend the conditions before it, or take it out."
UNCAUGHT = "Catch it at the call, or end without an error: nobody catches it where this process is started by itself."
MAKES_LONG = "Draw less in one diagram: call a process for what is a step of its own."


def verdicts(graph: Graph, growth: Graph | None) -> Iterator[Verdict]:
    """One verdict for each part of soundness, in the order above.

    growth: what was gone through in every order of steps, which alone shows whether tokens multiply; None where the
    drawing shows that they do not.
    """
    decided = graph.complete and not graph.grown
    yield _left_behind(graph, decided)
    yield _growth(graph if growth is None else growth, growth is None)
    yield _end(graph, decided)
    yield _dead(graph, decided)
    found = _errors(graph)
    if found is not None:
        yield found


def _verdict(name: str, title: str, outcome: str, hint: str = "", **told: object) -> Verdict:
    return Verdict(name=name, title=title, outcome=outcome, kind="soundness", source=SOURCE, hint=hint, **told)  # type: ignore[arg-type]


def _left_behind(graph: Graph, decided: bool) -> Verdict:
    title = "No token is left behind"
    for number, held in sorted(graph.stuck.items()):
        if any(each.kind == "error" for each in held):
            continue  # told by itself: it stops as an incident
        tokens = [t for t in graph.configurations[number].tokens if t.phase not in {ENDED, ARMED}]
        inner = [t for t in tokens if not any(t.id in other.within for other in tokens)] or tokens
        where = [_element(graph, each.element, each.token, number) for each in held] or [_at(graph, t) for t in inner]
        process, node = where[0]
        why = {each.kind for each in held}
        reason = f'A token waits at "{node.name or node.id}" for what never comes.'
        if "decision" in why:
            reason = f'No row of the decision at "{node.name or node.id}" fits.'
        elif why:
            reason = f'A token cannot leave "{node.name or node.id}" ({", ".join(sorted(why))}).'
        return _fails(graph, number, "no-token-left-behind", title, WAITS, reason, process, node)
    return _verdict(
        "no-token-left-behind", title, HOLDS if decided else UNDECIDED, MAKES_LONG, reason=_why(graph, decided)
    )


def stranded(graph: Graph) -> dict[tuple[str, str], int]:
    """By (process, element) a configuration in which a token waits there for ever, or has no way on to an end."""
    found: dict[tuple[str, str], int] = {}
    without = _without_end(graph) if graph.complete and not graph.grown else []
    for number, held in sorted([*graph.stuck.items(), *((number, []) for number in without)]):
        if any(each.kind == "error" for each in held):
            continue  # it stops as an incident
        tokens = [t for t in graph.configurations[number].tokens if t.phase not in {ENDED, ARMED}]
        for token in tokens:
            if not any(token.id in other.within for other in tokens):
                found.setdefault((token.process, token.node), number)
    return found


def waits_at(graph: Graph, number: int, place: tuple[str, str], title: str, hint: str) -> Verdict:
    """The verdict on a token that waits there for ever, with the path to it."""
    process, element = place
    node = graph.net.diagrams[process].process.node(element)
    assert node is not None  # noqa: S101 - a token stands there
    reason = f'A token then waits at "{node.name or node.id}" for what never comes.'
    return _fails(graph, number, "no-token-left-behind", title, hint, reason, process, node)


def _growth(graph: Graph, known: bool) -> Verdict:
    title = "The number of tokens is bounded"
    if known:
        return _verdict("bounded", title, HOLDS)
    for number, token in sorted(graph.grown.items()):
        process, node = _at(graph, token)
        reason = f'There may be ever more tokens at "{node.name or node.id}".'
        return _fails(graph, number, "bounded", title, GROWS, reason, process, node)
    return _verdict(
        "bounded", title, HOLDS if graph.complete else UNDECIDED, MAKES_LONG, reason=_why(graph, graph.complete)
    )


def _end(graph: Graph, decided: bool) -> Verdict:
    title = "From everywhere an end is drawn"
    if not decided:
        return _verdict("can-finish", title, UNDECIDED, MAKES_LONG, reason=_why(graph, decided))
    for number in _without_end(graph):
        tokens = [t for t in graph.configurations[number].tokens if t.phase not in {ENDED, ARMED}]
        inner = [t for t in tokens if not any(t.id in other.within for other in tokens)] or tokens
        process, node = _at(graph, inner[0])
        reason = f'No way leads from "{node.name or node.id}" to an end.'
        return _fails(graph, number, "can-finish", title, STAYS, reason, process, node)
    return _verdict("can-finish", title, HOLDS)


def _without_end(graph: Graph) -> list[int]:
    """The configurations from which no way leads to an end, nor to where it is stuck."""
    sources: dict[int, list[int]] = {}
    for source, edges in enumerate(graph.edges):
        for edge in edges:
            sources.setdefault(edge.target, []).append(source)
    ends = [*graph.stuck, *([graph.finished] if graph.finished is not None else [])]
    reached = set(ends)
    queue = deque(ends)
    while queue:
        for source in sources.get(queue.popleft(), ()):
            if source not in reached:
                reached.add(source)
                queue.append(source)
    return [number for number in range(len(graph.configurations)) if number not in reached]


def _dead(graph: Graph, decided: bool) -> Verdict:
    title = "Every element can be reached"
    if not decided:
        return _verdict(
            "no-dead-element", title, UNDECIDED, MAKES_LONG, reason=_why(graph, decided), severity="warning"
        )
    met = {(process_of(graph.net, path), element) for path, element in elements(graph)}
    main = graph.net.diagrams[graph.net.main].process
    dead = [node for node in main.nodes if (main.id, node.id) not in met and not node.compensates]
    if not dead:
        return _verdict("no-dead-element", title, HOLDS, severity="warning")
    named = ", ".join(f'"{node.name or node.id}"' for node in dead[:5]) + (", ..." if len(dead) > 5 else "")
    return _verdict(
        "no-dead-element",
        title,
        FAILS,
        NEVER,
        reason=f"No run ever reaches {named}.",
        process=main.id,
        element=dead[0].id,
        path=tuple(paths.visit(node, main.id) for node in dead),
        severity="warning",
    )


def _errors(graph: Graph) -> Verdict | None:
    for number, held in sorted(graph.stuck.items()):
        for each in held:
            if each.kind == "error":
                process, node = _element(graph, each.element, each.token, number)
                reason = f'An error leaves "{node.name or node.id}" and nobody catches it: it becomes an incident.'
                title = "Every error is caught"
                return _fails(graph, number, "errors-caught", title, UNCAUGHT, reason, process, node, "warning")
    return None


def _fails(
    graph: Graph,
    number: int,
    name: str,
    title: str,
    hint: str,
    reason: str,
    process: str,
    node: Node,
    severity: str = "error",
) -> Verdict:
    start, way = _way(graph, number)
    passed = [*paths.visits(graph, start, way)]
    if not passed or (passed[-1].process, passed[-1].element) != (process, node.id):
        passed.append(paths.visit(node, process))
    return _verdict(
        name,
        title,
        FAILS,
        hint,
        reason=reason,
        process=process,
        element=node.id,
        path=tuple(passed),
        free=paths.free(graph, way),
        severity=severity,
    )


def _way(graph: Graph, number: int) -> tuple[int, list[tuple[int, Edge]]]:
    """(the start, the steps) by which a configuration was first reached."""
    numbers = graph.path(number)
    way = []
    for source, target in pairwise(numbers):
        way.append((source, next(edge for edge in graph.edges[source] if edge.target == target)))
    start = next(index for index, (configuration, _) in enumerate(graph.starts) if configuration == numbers[0])
    return start, way


def _element(graph: Graph, element: str, token: int, number: int) -> tuple[str, Node]:
    for each in graph.configurations[number].tokens:
        if each.id == token:
            return _at(graph, each)
    tokens = graph.configurations[number].tokens
    return _at(graph, tokens[0])


def _at(graph: Graph, token: Token) -> tuple[str, Node]:
    return token.process, graph.net.node(token.process, token.scope, token.node)


def _why(graph: Graph, decided: bool) -> str:
    return "" if decided else undecided(graph)
