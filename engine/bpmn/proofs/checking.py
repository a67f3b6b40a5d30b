"""A policy against every path of an explored process: the graph is walked together with what the policy remembers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.bpmn.proofs import paths
from engine.bpmn.proofs.graph import Edge, Graph
from engine.bpmn.proofs.liveness import Place
from engine.bpmn.proofs.paths import Visit
from engine.bpmn.proofs.policies import (
    ENDS,
    NEVER_WITHOUT,
    SHUT_OUT,
    STARTER,
    TIER,
    Answers,
    Applied,
    Policy,
    Step,
    listed,
)
from engine.bpmn.proofs.verdicts import FAILS, HOLDS, UNDECIDED, Verdict
from engine.bpmn.proofs.world import process_of
from engine.bpmn.token_game import Action

#: more pairs of configuration and memory than this are not gone through
MEMORIES = 200_000


@dataclass(frozen=True, slots=True)
class Memory:
    """What a policy remembers of the path so far."""

    tier: str | None  #: as a decision gave it; None where nobody knows, and every tier is meant
    met: bool = False  #: what is demanded has happened; of `never-without`: nothing is owed
    people: frozenset[Place] = frozenset()  #: who is to be shut out later has acted


@dataclass(frozen=True, slots=True)
class Breach:
    """Where a policy is broken."""

    place: Place
    why: str = ""


def verdict(applied: Applied, graph: Graph, tiers: frozenset[str], given: bool) -> Verdict:
    """What the graph says of one policy.

    given: whether a process that begins with a tier has it from somebody else than whoever starts it.
    """
    policy = applied.policy
    watch = Watch(applied, graph, tiers)
    found = _search(graph, watch.after, [watch.first(values, given) for _, values in graph.starts])
    told: dict[str, Any] = {
        "name": policy.name,
        "title": policy.title,
        "version": policy.version,
        "source": policy.source,
        "tiers": tuple(sorted(policy.tiers or ())),
        "hint": policy.hint,
    }
    if found is None:
        if graph.complete and not graph.grown:
            return Verdict(**told, outcome=HOLDS)
        return Verdict(**told, outcome=UNDECIDED, reason=undecided(graph))
    if isinstance(found, int):
        return Verdict(**told, outcome=UNDECIDED, reason=f"More than {found:,} states were met.")
    start, way, breach, memory = found
    process, element = breach.place
    node = graph.net.diagrams[process].process.node(element)
    passed = [*paths.visits(graph, start, way)]
    if node is not None and (not passed or (passed[-1].process, passed[-1].element) != breach.place):
        passed.append(paths.visit(node, process))
    return Verdict(
        **told,
        outcome=FAILS,
        tier=memory.tier or "",
        process=process,
        element=element if node is not None else "",
        reason=_reason(policy, node.name or node.id if node is not None else process, breach, memory),
        path=tuple(passed),
        free=paths.free(graph, way),
    )


def undecided(graph: Graph) -> str:
    """Why a graph is no proof."""
    if graph.grown:
        return "The number of tokens grows without bound, so that not every path was gone through."
    return f"{len(graph.configurations):,} configurations were met, and there are more that were not gone through."


class Watch:
    """What one policy makes of one step."""

    def __init__(self, applied: Applied, graph: Graph, tiers: frozenset[str]) -> None:
        self.applied, self.graph, self.tiers = applied, graph, tiers
        self.policy = applied.policy
        self.concerned = {element for element, _ in applied.effects()}
        self._targets: dict[Place, frozenset[str]] = {}
        for process, element in applied.target:
            node = graph.net.diagrams[process].process.node(element)
            self._targets[process, element] = listed(node.properties.get("shut_out", "")) if node else frozenset()

    def first(self, values: Mapping[str, Any], given: bool) -> Memory:
        """What is known before the first step."""
        tier = values.get(TIER) if given else None
        return Memory(self._tier(tier), met=self.policy.form == NEVER_WITHOUT)

    def after(self, memory: Memory, action: Action, wrote: Mapping[str, Any]) -> tuple[Memory, Breach | None]:
        """(what is remembered after a step, how it breaks the policy)."""
        if action.kind == "finish":
            end = self.policy.target.kind in ENDS and not memory.met and self._holds_for(memory)
            return memory, Breach((self.graph.net.main, "")) if end else None
        if not any(each.element in self.concerned for each in action.happenings):
            return memory, None
        completed = [each for each in action.happenings if each.happened == "completed"]
        entered = [each for each in action.happenings if each.happened == "entered"]
        for each in completed:
            place = (process_of(self.graph.net, each.path), each.element)
            memory = self._completed(memory, place, self._answer(action, each.element), wrote)
        for each in entered:
            place = (process_of(self.graph.net, each.path), each.element)
            if place in self._targets and self._holds_for(memory):
                why = self._wrong(memory, place)
                if why is not None:
                    return memory, Breach(place, why)
            if place in self.applied.since and self.policy.form not in {NEVER_WITHOUT, SHUT_OUT}:
                memory = Memory(memory.tier, False, memory.people)
        return memory, None

    def _completed(self, memory: Memory, place: Place, answer: str | None, wrote: Mapping[str, Any]) -> Memory:
        applied, tier, met, people = self.applied, memory.tier, memory.met, memory.people
        if place in applied.deciding:
            tier = self._tier(wrote.get(TIER))
        elif place in applied.writing:
            tier = None
        if _counts(applied.since, place, answer):
            met = False
        if place in applied.no and answer == "reject":
            met = False
        if _counts(applied.required, place, answer):
            met = True
        if any(place in several for several in applied.people.values()):
            people = people | {place}
        return Memory(tier, met, people)

    def _wrong(self, memory: Memory, place: Place) -> str | None:
        if self.policy.form != SHUT_OUT:
            return None if memory.met else ""
        if self.policy.starter and STARTER not in self._targets[place]:
            return "whoever started the life cycle"
        for process, element in sorted(memory.people & self.applied.people.get(place, frozenset())):
            node = self.graph.net.diagrams[process].process.node(element)
            return f'whoever did "{node.name or element}"' if node else element
        return None

    def _holds_for(self, memory: Memory) -> bool:
        return self.policy.tiers is None or memory.tier is None or memory.tier in self.policy.tiers

    def _tier(self, value: object) -> str | None:
        return value if isinstance(value, str) and value in self.tiers and self.policy.tiers is not None else None

    def _answer(self, action: Action, element: str) -> str | None:
        if action.kind == "answer" and action.element == element and isinstance(action.detail, dict):
            answer = action.detail.get("decision")
            return answer if isinstance(answer, str) else None
        return None


def _counts(answers: Answers, place: Place, answer: str | None) -> bool:
    wanted = answers.get(place)
    return wanted is not None and ("" in wanted or (answer is not None and answer in wanted))


def _search(
    graph: Graph,
    after: Callable[[Memory, Action, Mapping[str, Any]], tuple[Memory, Breach | None]],
    firsts: list[Memory],
) -> tuple[int, list[tuple[int, Edge]], Breach, Memory] | int | None:
    """(start, path, breach, memory) of a shortest path that breaks the policy, None, or the bound that was reached."""
    parents: dict[tuple[int, Memory], tuple[tuple[int, Memory], Edge] | None] = {}
    begun: dict[tuple[int, Memory], int] = {}
    queue: deque[tuple[int, Memory]] = deque()
    for number, ((configuration, _), memory) in enumerate(zip(graph.starts, firsts, strict=True)):
        memory, breach = after(memory, graph.first[number], {})
        if breach is not None:
            return number, [], breach, memory
        state = (configuration, memory)
        if state not in parents:
            parents[state] = None
            begun[state] = number
            queue.append(state)
    while queue:
        state = queue.popleft()
        configuration, memory = state
        for edge in graph.edges[configuration]:
            now, breach = after(memory, edge.action, edge.wrote)
            if breach is not None:
                way = [(configuration, edge)]
                while (before := parents[state]) is not None:
                    state, earlier = before
                    way.append((state[0], earlier))
                return begun[state], way[::-1], breach, now
            reached = (edge.target, now)
            if reached not in parents:
                if len(parents) >= MEMORIES:
                    return MEMORIES
                parents[reached] = (state, edge)
                queue.append(reached)
    return None


def _reason(policy: Policy, where: str, breach: Breach, memory: Memory) -> str:
    tier = f" for a model of the tier {memory.tier}" if memory.tier else ""
    if policy.form == SHUT_OUT:
        return f'"{where}" does not shut out {breach.why}{tier}.'
    needed = ", or ".join(map(str, policy.required))
    if policy.form == NEVER_WITHOUT:
        after = " or ".join(map(str, policy.since))
        end = f'"{where}" is reached' if breach.place[1] else "The life cycle ends"
        return f"{end}{tier} after {after} and without {needed}."
    since = f" after the last {' or '.join(map(_bare, policy.since))}" if policy.since else ""
    return f'"{where}" is reached{tier} without {needed}{since}.'


def _bare(step: Step) -> str:
    """The step without its article."""
    return str(step).removeprefix("a ").removeprefix("an ").removeprefix("the ")


def describe(path: tuple[Visit, ...], most: int = 12) -> str:
    """A path in one line; a long one is cut in its middle."""
    told = [str(each) for each in path if each.name or each.kind.endswith("Event")]
    if len(told) > most:
        told = [*told[: most // 2], "...", *told[-most // 2 :]]
    return " > ".join(told)
