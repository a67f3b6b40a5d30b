"""Random processes explored, run and told apart, for the tests of the proofs."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace
from typing import Any

from engine.bpmn.proofs.beside import beside
from engine.bpmn.proofs.canonical import Canon
from engine.bpmn.proofs.checking import Watch, _search
from engine.bpmn.proofs.exploration import explore
from engine.bpmn.proofs.graph import Graph, elements
from engine.bpmn.proofs.policies import (
    AFTER_LAST,
    ALWAYS_BEFORE,
    NEVER_WITHOUT,
    Applied,
    Policy,
    Step,
    applied,
)
from engine.bpmn.proofs.variables import Variables, variables
from engine.bpmn.token_game import (
    Action,
    Concrete,
    Configuration,
    Net,
    Raised,
    begin,
    held,
    net,
    settle,
    steps,
)
from tests.bpmn.token_game import diagrams
from tests.bpmn.token_game.playing import ERRORS
from tests.bpmn.token_game.test_same_as_engine import accepted


class Made:
    """One random process with what a proof knows of it."""

    def __init__(self, seed: int, known: bool = False) -> None:
        self.seed = seed
        self.files, self.called, self.given = diagrams.made(seed)
        if known:
            self.files = written_down(self.files)
            self.called = {process: written_down(files) for process, files in self.called.items()}
        self.accepted = accepted(self.files, self.called)
        if self.accepted:
            self.net: Net = net(self.files, self.called)
            self.known: Variables = variables(self.net, {self.net.main: self.files, **self.called}, {})

    def explored(self, policies: list[Applied] | None = None, bound: int = 800, *, reduced: bool = True) -> Graph:
        effects: dict[str, frozenset[tuple[str, str]]] = {}
        for each in policies or []:
            for element, effect in each.effects():
                effects[element] = effects.get(element, frozenset()) | {effect}
        return explore(self.net, self.known, None, effects, bound, reduced=reduced)

    def policies(self, count: int) -> list[Applied]:
        """Rules of every form over elements taken at random."""
        chance = random.Random(self.seed)
        names = [f"{process}/{node.id}" for process, d in self.net.diagrams.items() for node in d.process.nodes]
        found = []
        for number in range(count):
            form = chance.choice([ALWAYS_BEFORE, AFTER_LAST, NEVER_WITHOUT])
            target, required, since = (Step(kind="element", name=chance.choice(names)) for _ in range(3))
            if form == NEVER_WITHOUT and chance.random() < 0.3:
                target = Step(kind="end")
            policy = Policy(
                name=f"r{number}", version=1, title="", source="", tiers=None, form=form, target=target,
                required=(required,), since=() if form == ALWAYS_BEFORE else (since,), hint="",
            )  # fmt: skip
            found.append(applied(policy, self.net))
        return [each for each in found if each is not None]

    def run(self, seed: int, most: int = 120) -> list[Action]:
        """What happens in one run with real data, everything open chosen at random."""
        chance = random.Random(seed)

        def outcome(node: Any, path: tuple[str, ...], parameters: dict[str, Any]) -> list[Any]:
            return [chance.randint(0, 9), Raised(chance.choice(ERRORS))]

        world = Concrete(
            answer=lambda node, path, data: [{"v": chance.randint(0, 9)}],
            outcome=outcome,
            delivered=tuple(("message", m, {"v": 1}) for m in diagrams.MESSAGES)
            + tuple(("signal", s, {"v": 1}) for s in diagrams.SIGNALS),
        )
        step = begin(self.net, world, self.given)
        actions = [step.action]
        self.markings = [step.configuration.marking]
        for _ in range(most):
            found = list(steps(self.net, world, step.configuration))
            if not found or len(step.configuration.tokens) > 25:
                break
            step = chance.choice(found)
            actions.append(step.action)
            self.markings.append(step.configuration.marking)
        return actions


def written_down(files: dict[str, bytes]) -> dict[str, bytes]:
    """With scripts that write what stands in them, and conditions that ask for it: so that choices hang together."""
    text = files["process.bpmn"]
    text = re.sub(rb"(<bpmn:script>\w+ = )x\d \+ (\d)", lambda found: found[1] + b"%d" % (int(found[2]) % 2), text)
    return {**files, "process.bpmn": re.sub(rb"x(\d) % \d ==", rb"x\1 ==", text)}


def broken(policy: Applied, graph: Graph, actions: list[Action]) -> bool:
    """Whether a run breaks a policy."""
    watch = Watch(policy, graph, frozenset())
    memory = watch.first({}, True)
    for action in actions:
        memory, breach = watch.after(memory, action, {})
        if breach is not None:
            return True
    return False


def breach(policy: Applied, graph: Graph) -> Any:
    """The shortest counter-example: (start, way, breach, memory), or None."""
    watch = Watch(policy, graph, frozenset())
    return _search(graph, watch.after, [watch.first(values, True) for _, values in graph.starts])


def alike(one: Graph, other: Graph, net: Net) -> list[str]:
    """In what two explorations of one process differ."""
    found = []
    if bool(one.stuck) != bool(other.stuck) or _stuck(one) != _stuck(other):
        found.append("where tokens are left behind")
    if (one.finished is None) != (other.finished is None):
        found.append("whether it can finish")
    if set(elements(one)) != set(elements(other)):
        found.append(f"what is reached: {set(elements(one)) ^ set(elements(other))}")
    return found


def _stuck(graph: Graph) -> set[frozenset[Any]]:
    return {
        frozenset(
            Counter((t.path, t.node, t.phase) for t in graph.configurations[n].tokens if t.phase != "ended").items()
        )
        for n in graph.stuck
    }


def replayed(made: Made, graph: Graph, way: list[Any]) -> bool:
    """Whether a counter-example is a path of the token game's relation, from step to step, never brought into form."""
    canon = Canon(made.net, made.known, graph.world.unknown, beside(made.net))
    keys = {}
    for number, configuration in enumerate(graph.configurations):
        keys[number] = canon.form(configuration)[0]
    at = begin(made.net, graph.world, {}).configuration
    for _, edge in way:
        found: list[Configuration] = []
        for _ in range(4):
            found = [
                step.configuration
                for world in (graph.world, replace(graph.world, enough_copies=True))
                for step in steps(made.net, world, at)
                if step.action.kind == edge.action.kind and canon.form(step.configuration)[0] == keys[edge.target]
            ]
            conflicts = [each for each in held(made.net, graph.world, at) if each.kind == "conflict"]
            if found or not conflicts:
                break
            # Where branches disagree an operator settles it, in one way or the other.
            values = {name: graph.world.unknown() for name in conflicts[0].names}
            at = settle(made.net, graph.world, at, conflicts[0], values)
        if not found:
            return False
        at = found[0]
    return True
