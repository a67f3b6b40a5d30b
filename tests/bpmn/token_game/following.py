"""Follow an engine's run in the token game: is each thing it did a step that the relation has?"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from engine.bpmn.token_game import (
    Concrete,
    Configuration,
    Net,
    Step,
    Token,
    assigned,
    begin,
    conditions,
    held,
    moved,
    settle,
    steps,
    waiting,
)
from engine.bpmn.token_game.configuration import ARMED, COMING, ENDED, STANDING, WAITING, Record
from engine.bpmn.token_game.game import timed
from engine.bpmn.token_game.moves import Move
from engine.bpmn.token_game.registry import Position
from engine.bpmn.token_game.world import Trouble

Label = tuple[str, str, tuple[str, ...]]
JOINS = {"parallelGateway", "inclusiveGateway"}


#: more ways than this to have come along with the engine are not followed
MANY = 40


class Mismatch(AssertionError):
    """Engine and game differ."""


class TooMany(Exception):
    """Tokens of the same element that nothing tells apart, or a loop that multiplies them."""


@dataclass(frozen=True)
class State:
    """One way in which the game may have come along with the engine."""

    at: Configuration
    told: tuple[tuple[Label, int], ...] = ()  #: what its steps did beside what names them
    thrown: tuple[str, ...] = ()

    def after(self, step: Step) -> State:
        told = Counter(dict(self.told))
        told.update((h.happened, h.element, h.path) for h in step.action.happenings)
        own = label(step)
        if own is not None:
            told[own] -= 1
        thrown = [json.dumps([t.kind, t.name, t.payload], sort_keys=True) for t in step.action.thrown]
        return State(step.configuration, tuple(sorted((+told).items())), tuple(sorted((*self.thrown, *thrown))))

    @property
    def key(self) -> Any:
        """Alike for states that differ in numbers alone: the tokens as a tree, each with what is beneath it."""
        beneath: dict[int, list[Token]] = defaultdict(list)
        for token in self.at.tokens:
            beneath[token.of or (token.within[-1] if token.within else 0)].append(token)

        def told(token: Token) -> str:
            own = (
                token.node,
                token.phase,
                token.flow,
                token.left,
                token.index,
                repeated(token),
                token.conflicts,
                token.met,
                token.which,
                data({"caught": token.caught, "occurred": sorted(token.occurred)}),
            )
            undo = (completed((*token.within, token.id)), undone(token), bool(token.undoes))
            return f"{own}{undo}{data(token.carried.variables)}{sorted(map(told, beneath[token.id]))}"

        def completed(within: tuple[int, ...]) -> list[Any]:
            return [record(each) for each in self.at.records if each.within == within]

        return self.at.finished, self.told, self.thrown, str(completed(())), tuple(sorted(map(told, beneath[0])))


def repeated(token: Token) -> str:
    repetition = token.repetition
    if repetition is None:
        return ""
    left = [*repetition.copies, *([repetition.current] if repetition.current else [])]
    bare = replace(repetition, copies=(), current=None, records=())
    return f"{bare}{[data(each.variables) for each in left]}{[record(each) for each in repetition.records]}"


def record(each: Record) -> Any:
    """A completed activity without its numbers."""
    return each.node, data(dict(each.restored)), each.whole, [record(inner) for inner in each.inner]


def undone(token: Token) -> Any:
    undo = token.undo
    if undo is None:
        return None
    pending = [record(each) for each in undo.pending]
    return pending, record(undo.current) if undo.current else None, data(undo.carried.variables)


def data(variables: dict[str, Any]) -> str:
    return json.dumps(variables, sort_keys=True)


def label(step: Step) -> Label | None:
    """By which of the things it did a step is known in the engine's trace."""
    action = step.action
    if action.kind in {"complete", "answer", "result"}:
        return "completed", action.element, action.path
    return ("entered", action.element, action.path) if action.kind == "enter" else None


def names(kind: str, happened: str) -> bool:
    """Whether a line of the engine's trace is one by which a step is known."""
    if happened == "completed":
        return kind != "eventBasedGateway"
    return happened == "entered" and kind in JOINS


class Following:
    """All states of the game that agree with what the engine has done so far."""

    def __init__(
        self, of: Net, variables: dict[str, Any], quick: Callable[..., Iterable[Any]], event: str = ""
    ) -> None:
        self.net, self.quick = of, quick
        self.world = Concrete(outcome=quick)
        self.states = [State(begin(of, self.world, variables, event=event).configuration)]
        self.told: Counter[Label] = Counter()
        first = begin(of, self.world, variables, event=event).action.happenings
        told: Counter[Label] = Counter((h.happened, h.element, h.path) for h in first)
        self.states = [replace(self.states[0], told=tuple(sorted(told.items())))]
        self.expected: list[Label] = []
        nodes = [node for place in of.places.values() for node in place.scope.nodes.values()]
        self.lines: list[Label] = []
        self.began: list[State] = self.states
        self.known: dict[int, tuple[Configuration, list[Step]]] = {}
        self.conditional = any(event.kind == "conditional" for node in nodes for event in node.events)

    def act(self, world: Concrete, kind: str, fits: Callable[[Token, Step], bool]) -> None:
        """Somebody outside acts."""
        found: dict[Any, State] = {}
        for state in self.states:
            for step in steps(self.net, world, state.at):
                if step.action.kind == kind and fits(state.at.token(step.action.token), step):
                    after = state.after(step)
                    found.setdefault(after.key, after)
                    own = label(step)
        if not found:
            raise Mismatch(f"The game has no {kind} there.")
        self.expected = [own] if own is not None else []
        self.states = list(found.values())

    def settle(self, element: str, kind: str, variables: dict[str, Any]) -> None:
        """An operator settles a conflict."""
        found = []
        for state in self.states:
            for each in held(self.net, self.world, state.at):
                if (self.shown(state, each), each.kind) == (element, kind):
                    after = settle(self.net, self.world, state.at, each, variables)
                    found.append(replace(state, at=after))
        if not found:
            raise Mismatch(f"The game has nothing to settle at {element}.")
        self.states = found

    def assigned(self, values: dict[str, Any]) -> None:
        """An operator sets variables."""
        self.states = [replace(each, at=assigned(self.net, self.world, each.at, values)) for each in self.states]

    def moved(self, element: str, path: tuple[str, ...], target: str) -> None:
        """An operator moves the one token that stands there."""
        found: dict[Any, State] = {}
        for state in self.states:
            for token in state.at.tokens:
                stands = token.phase not in (ARMED, ENDED) and token.index is None
                if stands and (token.node, token.path) == (element, path):
                    after = state.after(moved(self.net, self.world, state.at, token.id, target))
                    found.setdefault(after.key, after)
        if not found:
            raise Mismatch(f"The game has no token at {element}.")
        self.expected = []
        self.states = list(found.values())

    def follow(self, trace: list[Any], thrown: list[Any]) -> None:
        """The engine ran: every line of its trace is looked for."""
        for line in trace:
            here: Label = (line.happened, line.element, line.scope)
            if not names(line.kind, line.happened):
                self.told[here] += 1
            elif self.expected:
                if here != self.expected.pop():
                    raise Mismatch(f"The engine did {here} first.")
            else:
                self._one(here)
        self.thrown = getattr(self, "thrown", Counter())
        self.thrown.update(json.dumps([t.kind, t.name, t.payload], sort_keys=True) for t in thrown)

    def _one(self, wanted: Label) -> None:
        if not self.lines:
            self.began = self.states
        self.lines.append(wanted)
        try:
            self._step(wanted, self._shortly, self._everything)
        except Mismatch:
            self._once_more()

    def _once_more(self) -> None:
        """From the last rest, with every order of what no trace shows: the short way took another."""
        self.states = self.began
        for line in self.lines:
            self._step(line, self._everything)

    def _step(self, wanted: Label, *reaches: Callable[[], list[State]]) -> None:
        for reach in reaches:
            found: dict[Any, State] = {}
            for state in reach():
                for step in self.steps(state.at):
                    if label(step) == wanted:
                        after = state.after(step)
                        found.setdefault(after.key, after)
            if found:
                self.states = list(found.values())
                if len(found) > MANY or max(len(state.at.tokens) for state in self.states) > MANY:
                    raise TooMany
                return
        enabled = sorted({str(label(s) or s.action.kind) for state in self._shortly() for s in self.automatic(state)})
        marking = [str(sorted(state.at.marking.items())) for state in self.states[:2]]
        raise Mismatch(f"The engine did {wanted}; the game has only {enabled}.\n" + "\n".join(marking))

    def steps(self, at: Configuration) -> list[Step]:
        """Every step from there, worked out once while the engine is followed past it."""
        if len(self.known) > 10 * MANY:
            self.known.clear()
        if id(at) not in self.known:
            self.known[id(at)] = at, list(steps(self.net, self.world, at))
        return self.known[id(at)][1]

    def automatic(self, state: State) -> list[Step]:
        return [s for s in self.steps(state.at) if not s.action.free or s.action.kind in {"result", "raise"}]

    def unseen(self, state: State) -> list[Step]:
        return [s for s in self.automatic(state) if label(s) is None]

    def quiet(self, state: State) -> State:
        """After every step that no trace shows; conditions are looked at before anything else."""
        while True:
            unseen = self.unseen(state)
            if not unseen:
                return state
            state = state.after(min(unseen, key=lambda step: step.action.kind != "occur"))

    def occurred(self, state: State) -> State:
        """After the events whose condition has become true."""
        while True:
            occurring = [step for step in self.unseen(state) if step.action.kind == "occur"]
            if not occurring:
                return state
            state = state.after(occurring[0])

    def _shortly(self) -> list[State]:
        ways = (self.occurred, self.quiet) if self.conditional else (self.quiet,)
        further = [after(state) for state in self.states for after in ways]
        return [*self.states, *(state for state in further if all(state is not each for each in self.states))]

    def _everything(self) -> list[State]:
        found = {state.key: state for state in self.states}
        stack = list(found.values())
        while stack:
            state = stack.pop()
            for step in self.unseen(state):
                after = state.after(step)
                if after.key not in found:
                    if len(found) > 10 * MANY:
                        raise TooMany
                    found[after.key] = after
                    stack.append(after)
        return list(found.values())

    def shown(self, state: State, each: Any) -> str:
        if not each.token:
            return each.element
        token = state.at.token(each.token)
        node = self.net.node(token.process, token.scope, token.node)
        if token.phase == COMING and node.triggered_by_event:
            return self.net.starts(token.process, node.id)[0].id
        end = each.kind == "conflict" and token.repetition is None and not token.conflicts
        return node.called if end and node.kind == "callActivity" else node.id

    def rested(self, rest: Any, variables: dict[str, Any]) -> None:
        """The engine came to rest: the game rests too, waits for the same, and shows the same data."""
        told = tuple(sorted((+self.told).items()))
        thrown = tuple(sorted(self.thrown.elements()))
        seen = self.engine(rest, variables)
        shortly = self._shortly if len(self.states) > 3 else self._everything
        agreeing, differing = self._compared(shortly(), told, thrown, seen)
        if not agreeing and self.lines:
            self._once_more()
            agreeing, differing = self._compared(self._everything(), told, thrown, seen)
        if not agreeing:
            raise Mismatch("\n".join(dict.fromkeys(differing)))
        self.states = [replace(state, told=(), thrown=()) for state in agreeing.values()]
        self.told, self.thrown = Counter(), Counter()
        self.lines = []

    def _compared(
        self, states: list[State], told: Any, thrown: Any, seen: dict[str, Any]
    ) -> tuple[dict[Any, State], list[str]]:
        """(the states that agree with the engine, in what the others differ)."""
        agreeing: dict[Any, State] = {}
        differing: list[str] = []
        for before in states:
            state = self.quiet(before)
            automatic = self.automatic(state)
            found = self.game(state)
            if automatic:
                differing.append(f"the game could still do {[label(s) or s.action.kind for s in automatic]}")
            elif state.told != told:
                ours, theirs = Counter(dict(state.told)), Counter(dict(told))
                differing.append(f"side effects: game alone {ours - theirs}, engine alone {theirs - ours}")
            elif state.thrown != thrown:
                differing.append(f"thrown: game {state.thrown}, engine {thrown}")
            elif found != seen:
                differing.append(
                    "\n".join(f"{k}: game {found[k]}\n   engine {seen[k]}" for k in seen if found[k] != seen[k])
                )
            else:
                agreeing.setdefault(state.key, state)
        return agreeing, differing

    def engine(self, rest: Any, variables: dict[str, Any]) -> dict[str, Any]:
        return {
            "finished": data(variables) if rest.finished else None,
            "user": sorted((t.element, t.scope, data(t.variables)) for t in rest.user_tasks),
            "jobs": sorted((j.element, j.scope, data(j.parameters)) for j in rest.jobs),
            "timers": sorted((t.element, t.scope) for t in rest.timers),
            "conditions": sorted((c.element, c.scope) for c in rest.conditions),
            "messages": sorted((m.kind, m.name, m.element, m.scope) for m in rest.messages),
            "held": sorted({(f.kind, f.element) for f in rest.failures if f.kind != "stuck"}),
            "stuck": sorted(
                {f.scope if f.cause.startswith("The gateway") else ("?",) for f in rest.failures if f.kind == "stuck"}
            ),
        }

    def able(self, at: Configuration, kind: str) -> Iterator[Token]:
        """Those who wait for a timer or a condition whose expression gives a time or a truth: the others are held."""
        for token, event in waiting(self.net, at, (kind,)):
            with suppress(Trouble):
                if kind == "timer":
                    timed(Position(self.net, self.world, at, token), event)
                else:
                    conditions.true(Move(self.net, self.world, at), token, event)
                yield token

    def beside(self, token: Token) -> bool:
        """Whether it waits to begin an event subprocess that helps nobody out."""
        node = self.net.node(token.process, token.scope, token.node)
        return token.phase == ARMED and node.kind == "startEvent" and not node.interrupting

    def game(self, state: State) -> dict[str, Any]:
        at, net = state.at, self.net
        users, jobs = [], []
        parameters: list[Any] = []
        world = Concrete(outcome=lambda node, path, given: parameters.append(given) or ())
        for token in at.tokens:
            node = net.node(token.process, token.scope, token.node)
            if token.phase == STANDING and token.repetition is None and node.kind == "userTask":
                users.append((token.node, token.path, data(token.carried.variables)))
            if token.phase == STANDING and token.repetition is None and node.kind == "serviceTask":
                with suppress(Trouble):  # a parameter that cannot be evaluated: no job, but held
                    world.outcomes(node, token.path, token.carried)
                    jobs.append((token.node, token.path, data(parameters.pop())))
        stuck = set()
        for within in {token.within for token in at.tokens}:
            here = [token for token in at.tokens if token.within == within and not self.beside(token)]
            if {token.phase for token in here} <= {WAITING, ENDED} and any(token.phase == WAITING for token in here):
                stuck.add(here[0].path)
        return {
            "finished": data(at.carried.variables) if at.finished else None,
            "user": sorted(users),
            "jobs": sorted(jobs),
            "timers": sorted((t.node, t.path) for t in self.able(at, "timer")),
            "conditions": sorted((t.node, t.path) for t in self.able(at, "conditional")),
            "messages": sorted((e.kind, e.name, t.node, t.path) for t, e in waiting(net, at, ("message", "signal"))),
            "held": sorted({(each.kind, self.shown(state, each)) for each in held(net, self.world, at)}),
            "stuck": sorted(stuck),
        }
