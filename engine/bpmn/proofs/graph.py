"""What was gone through: configurations by number, and the steps between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.bpmn.proofs.world import Anything
from engine.bpmn.token_game import Action, Configuration, Held, Net, Token


@dataclass(frozen=True, slots=True)
class Edge:
    """One step between two configurations, by their numbers."""

    target: int
    action: Action
    wrote: Mapping[str, Any] = field(default_factory=dict)  #: what a decision gave


@dataclass(slots=True)
class Graph:
    """What was gone through."""

    net: Net
    world: Anything
    starts: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)  #: (configuration, variables given)
    first: list[Action] = field(default_factory=list)  #: what the start did, by start
    configurations: list[Configuration] = field(default_factory=list)
    edges: list[list[Edge]] = field(default_factory=list)
    parents: list[tuple[int, Action] | None] = field(default_factory=list)
    finished: int | None = None
    stuck: dict[int, list[Held]] = field(default_factory=dict)  #: no step is left, and it has not finished
    grown: dict[int, Token] = field(default_factory=dict)  #: more tokens than on the way there, and so on for ever
    complete: bool = False  #: all was gone through

    def path(self, to: int) -> list[int]:
        """The configurations from the start to one, both included."""
        found = [to]
        while (parent := self.parents[found[-1]]) is not None:
            found.append(parent[0])
        return found[::-1]


def terminal(graph: Graph) -> Iterator[set[int]]:
    """The strongly connected parts that no step leaves (Tarjan, 1972), but for those without any step."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    part: dict[int, int] = {}
    stack: list[int] = []
    for root in range(len(graph.edges)):
        if root in index:
            continue
        work: list[tuple[int, int]] = [(root, 0)]
        while work:
            at, next_edge = work.pop()
            if next_edge == 0:
                index[at] = low[at] = len(index)
                stack.append(at)
            for position in range(next_edge, len(graph.edges[at])):
                target = graph.edges[at][position].target
                if target not in index:
                    work += [(at, position + 1), (target, 0)]
                    break
                if target not in part:
                    low[at] = min(low[at], index[target])
            else:
                if low[at] == index[at]:
                    members: set[int] = set()
                    while not members or at not in members:
                        members.add(stack.pop())
                    part.update(dict.fromkeys(members, at))
                    leaves = any(part.get(e.target) != at for each in members for e in graph.edges[each])
                    if not leaves and graph.edges[at]:
                        yield members
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[at])


def elements(graph: Graph) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every element to which something happened: (path of calls around it, element)."""
    seen: set[tuple[tuple[str, ...], str]] = set()
    for action in (*graph.first, *(edge.action for edges in graph.edges for edge in edges)):
        for each in action.happenings:
            seen.add((each.path, each.element))
    yield from seen
