"""Every configuration that a process may come to, up to what nothing tells apart, within a bound."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from engine.bpmn.proofs.beside import beside, with_another
from engine.bpmn.proofs.canonical import ALIKE, FINISHED, Canon
from engine.bpmn.proofs.graph import Edge, Graph, terminal
from engine.bpmn.proofs.indifference import Effects
from engine.bpmn.proofs.reduction import Reduction
from engine.bpmn.proofs.telling import Key
from engine.bpmn.proofs.variables import Variables
from engine.bpmn.proofs.world import Anything
from engine.bpmn.token_game import Action, Configuration, Net, Step, Token, begin, held
from engine.bpmn.token_game.configuration import ARMED, CATCHING, ENDED
from engine.bpmn.token_game.game import deliveries, finishing, steps_of

#: more configurations than this are not gone through
BOUND = 20_000
#: nor more steps of one token: an inclusive gateway with n open conditions has 2 ** n
MOST_STEPS = 1_024
#: nor are more tokens looked at than this, over all steps
WORK = 150_000
#: and no more configurations than this where each order of steps counts: to see whether tokens multiply
BOUND_OF_GROWTH = 5_000


class _TooManyError(Exception):
    """One token may go on in more ways than are gone through."""


def explore(
    net: Net,
    known: Variables,
    errors: Mapping[str, tuple[str, ...]] | None,
    effects: Mapping[str, Effects],
    bound: int = BOUND,
    *,
    reduced: bool = True,
    begun: Sequence[Step] = (),
) -> Graph:
    """All configurations from every start, breadth first; the graph says whether the bound was enough.

    begun: steps to go on from, instead of those by which the process may begin.
    """
    exploration = _Exploration(net, known, errors, effects, bound, reduced)
    starts = ((begin(net, exploration.world, given, event=event), given) for event, given in known.starts)
    return exploration.graph([(step, {}) for step in begun] if begun else starts)


class _Exploration:
    def __init__(
        self,
        net: Net,
        known: Variables,
        errors: Mapping[str, tuple[str, ...]] | None,
        effects: Mapping[str, Effects],
        bound: int,
        reduced: bool,
    ) -> None:
        self.net, self.known, self.bound = net, known, bound
        self.world = Anything.around(net, known, errors)
        self.worlds = [self.world]
        nodes = [node for place in net.places.values() for node in place.scope.nodes.values()]
        if any(node.loop is not None and node.loop.condition for node in nodes):
            self.worlds.append(replace(self.world, enough_copies=True))
        self.beside = beside(net)
        self.canon = Canon(net, known, self.world.unknown, self.beside)
        self.reduction = Reduction(net, effects, known.followed) if reduced else None
        self.numbers: dict[Key, int] = {}
        self.found = Graph(net, self.world)
        self.work = 0
        self.alone: set[int] = set()  #: configurations in which one token was moved and no other
        self.decisions = {node.id for node in nodes if node.kind == "businessRuleTask" and node.id in effects}

    def graph(self, starts: Iterable[tuple[Step, Mapping[str, Any]]]) -> Graph:
        queue: deque[int] = deque()
        for step, given in starts:
            number = self._number(*self.canon.form(step.configuration), None, queue)
            self.found.starts.append((number, given))
            self.found.first.append(step.action)
        while True:
            while queue:
                size, work = len(self.found.configurations), self.work
                if size > self.bound or work > WORK:
                    return self.found
                if 2 * size > self.bound or 2 * work > WORK:
                    self.world.widening.close()
                try:
                    self._expand(queue.popleft(), queue)
                except _TooManyError:
                    return self.found
            circles = [each for each in terminal(self.found) if self.alone.issuperset(each)]
            if not circles:
                break
            for circle in circles:
                # Nobody else was moved in it: what others may do has been put off for ever.
                self._expand(min(circle), queue, whole=True)
        self.found.complete = True
        return self.found

    def _number(
        self, key: Key, configuration: Configuration, parent: tuple[int, Action] | None, queue: deque[int]
    ) -> int:
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.found.configurations)
            self.found.configurations.append(configuration)
            self.found.edges.append([])
            self.found.parents.append(parent)
            if key == FINISHED:
                self.found.finished = number
            else:
                grown = self._grown(number)
                if grown is None:
                    queue.append(number)
                else:
                    self.found.grown[number] = grown
        return number

    def _expand(self, number: int, queue: deque[int], *, whole: bool = False) -> None:
        configuration = self.found.configurations[number]
        asked: dict[int, list[Step]] = {}
        delivered: list[Step] | None = None

        def ask(token: Token) -> list[Step]:
            nonlocal delivered
            if token.id not in asked:
                repeats = token.index is not None or token.repetition is not None
                worlds = self.worlds if repeats else self.worlds[:1]
                offered = (step for world in worlds for step in steps_of(self.net, world, configuration, token))
                steps = list(islice(offered, MOST_STEPS + 1))
                if len(steps) > MOST_STEPS:
                    raise _TooManyError
                if token.phase in {ARMED, CATCHING}:
                    if delivered is None:
                        delivered = list(deliveries(self.net, self.world, configuration))
                    steps += [step for step in delivered if step.action.token == token.id]
                asked[token.id] = self._again(configuration, token, steps)
            return asked[token.id]

        steps = None if whole or self.reduction is None else self.reduction.alone(configuration, ask)
        if steps is None:
            self.alone.discard(number)
            steps = [step for token in configuration.tokens for step in ask(token)]
            steps += finishing(self.net, self.world, configuration)
        else:
            self.alone.add(number)
        if not steps:
            self.found.stuck[number] = held(self.net, self.world, configuration)
        seen: set[tuple[int, Any]] = set()
        self.found.edges[number].clear()
        for step in steps:
            self.work += len(step.configuration.tokens)
            target = self._number(*self.canon.form(step.configuration), (number, step.action), queue)
            wrote = self._wrote(configuration, step)
            told = (target, (step.action.kind, step.action.token, _short(step.action.detail), _short(wrote)))
            if told not in seen:
                seen.add(told)
                self.found.edges[number].append(Edge(target, step.action, wrote))

    def _wrote(self, configuration: Configuration, step: Step) -> Mapping[str, Any]:
        """What a decision gave that policies speak of."""
        if step.action.element not in self.decisions:
            return {}
        before = {token.id for token in configuration.tokens}
        made = [token for token in step.configuration.tokens if token.id not in before]
        return made[0].carried.variables if made else {}

    def _again(self, configuration: Configuration, token: Token, steps: list[Step]) -> list[Step]:
        """With the steps after which as many tokens stand there as before, where two stand for two or more."""
        if not steps or not self.beside:
            return steps
        found = list(steps)
        for number in (token.id, *token.within):
            holder = token if number == token.id else configuration.token(number)
            if holder.node not in self.beside or holder.phase in {ENDED, ARMED}:
                continue
            if self.canon.alike(configuration, holder) >= ALIKE:
                found += [Step(step.action, with_another(step.configuration, configuration, holder)) for step in steps]
        return found

    def _grown(self, number: int) -> Token | None:
        """A token of which there are ever more: some configuration on the way here holds the same but for it."""
        configuration = self.found.configurations[number]
        counted = [token for token in configuration.tokens if self._counts(configuration, token)]
        places = Counter((token.within, token.node, token.phase, token.flow) for token in counted)
        if not places or max(places.values()) < 3:
            return None
        own = _standing(configuration)
        for earlier in self.found.path(number)[:-1]:
            before = _standing(self.found.configurations[earlier])
            if before <= own and before != own:
                more = own - before
                for token in counted:
                    if _told(configuration, token) in more:
                        return token
        return None

    def _counts(self, configuration: Configuration, token: Token) -> bool:
        """Whether more of a token would be growth: not where it is beside an activity, nor inside what is."""
        if token.phase in {ENDED, ARMED} or token.index is not None or token.node in self.beside:
            return False
        return not self.beside or all(configuration.token(each).node not in self.beside for each in token.within)


def _standing(configuration: Configuration) -> Counter[Any]:
    """How many tokens stand where."""
    return Counter(_told(configuration, token) for token in configuration.tokens)


def _told(configuration: Configuration, token: Token) -> Any:
    around = tuple((each.node, each.index) for each in map(configuration.token, token.within))
    return around, token.node, token.phase, token.flow, token.index, token.left


def _short(detail: Any) -> str:
    return repr(sorted(detail.items())) if isinstance(detail, dict) and "?" not in detail else str(type(detail))
