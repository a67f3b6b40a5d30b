"""One run: tasks are answered, timers fired, messages delivered in a seeded order, and the token game follows."""

from __future__ import annotations

import random
import time
import zlib
from dataclasses import dataclass
from typing import Any

from engine.bpmn import PENDING, Bundle, Execution, clear_cache
from engine.bpmn.token_game import Concrete, Net, Raised
from tests.bpmn.running import NOW
from tests.bpmn.token_game.following import Following, TooMany, data
from tests.conformance.binding.choices import ASK
from tests.conformance.guessing import Guesses

#: acts of the engine between two rests, before a run counts as one that goes on by itself for ever
MANY = 60
#: tokens, above which a run is right as far as it went
CROWD = 30


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended."""

    outcome: str  #: "finished", "incident", "deadlock" or "unfinished"
    reason: str = ""
    element: str = ""
    rule: str = ""


class Driver:
    """Plays one bundle once, from one of its start events where it has several."""

    def __init__(self, bundle: Bundle, net: Net, guesses: Guesses, seed: int, event: str = "") -> None:
        self.bundle, self.net, self.guesses = bundle, net, guesses
        self.chance = random.Random(seed)
        self.restoring = seed % 2 == 1
        self.guarded = {
            event.attached_to
            for place in net.places.values()
            for event in place.scope.nodes.values()
            if event.attached_to
        }
        variables = {name: guesses.of(name, self.chance) for name in guesses.names}
        self.following = Following(net, variables, self.quick, event)
        self.execution = Execution.start(bundle, dict(variables), now=NOW, event=event)

    def quick(self, node: Any, path: tuple[str, ...], parameters: dict[str, Any]) -> list[Any]:
        return [None] if self.at_once(node.id, node.operator.handler) else []

    def at_once(self, element: str, handler: str) -> bool:
        """Some handlers answer in the run, the others are jobs."""
        return handler != ASK and element not in self.guarded and zlib.crc32(element.encode()) % 2 == 0

    def invoke(self, call: Any) -> object:
        return None if self.at_once(call.element, call.handler) else PENDING

    def play(self, acts: int, until: float) -> End:
        """Play to an end, or for so many acts; a difference between engine and game raises Mismatch."""
        for _ in range(acts):
            if time.monotonic() > until:
                return End("unfinished", "It was broken off for its time; right as far as it went.")
            try:
                rest = self.run()
            except TooMany:
                return End("unfinished", "Its tokens became too many to follow; right as far as it went.")
            if rest.finished:
                return End("finished")
            stuck = [failure for failure in rest.failures if failure.kind == "stuck"]
            conflicts = [failure for failure in rest.failures if failure.kind == "conflict"]
            if conflicts:
                self.settle(min(conflicts, key=lambda failure: (failure.element, failure.cause)))
            elif not self.act(rest):
                if stuck:
                    return End("deadlock", stuck[0].cause, stuck[0].element, "a token waits for ever")
                if rest.failures:
                    failure = rest.failures[0]
                    return End("incident", failure.cause, failure.element, failure.kind)
                return End("deadlock", "Nothing can happen any more.", "", "nothing can happen")
        return End("unfinished", f"It had not ended after {acts} acts; right as far as it went.")

    def run(self) -> Any:
        for _ in range(MANY):
            self.restore()
            rest = self.execution.run(self.invoke, self.chance.choice([3, 7, 30]))
            self.following.follow(rest.trace, rest.thrown)
            if not rest.more:
                self.restore()
                self.following.rested(rest, self.execution.variables())
                return rest
            if sum(each.count for each in self.execution.active()) > CROWD:
                break
        raise TooMany

    def restore(self) -> None:
        if self.restoring:
            clear_cache()
            self.execution = Execution.restore(self.bundle, self.execution.state(), now=NOW)

    def settle(self, failure: Any) -> None:
        values = {name: self.chance.randint(1_000, 9_999) for name in failure.cause.split('"')[1::2]}
        self.execution.retry(failure.task_id, values)
        self.following.settle(failure.element, failure.kind, values)

    def act(self, rest: Any) -> bool:
        """Let one of the things happen that the instance waits for; people and handlers more often than clocks."""
        acts: list[tuple[Any, ...]] = [("user", t.element, t.scope, data(t.variables), t) for t in rest.user_tasks] * 3
        acts += [("job", j.element, j.scope, data(j.parameters), j) for j in rest.jobs] * 3
        acts += [("timer", t.element, t.scope, "", t) for t in rest.timers]
        acts += [(m.kind, m.name, (), "", m) for m in rest.messages]
        if not acts:
            return False
        kind, element, scope, seen, one = self.chance.choice(sorted(acts, key=lambda act: act[:4]))
        getattr(self, f"_{kind}")(element, scope, seen, one)
        return True

    def _user(self, element: str, scope: tuple[str, ...], seen: str, task: Any) -> None:
        answer = {"value": self.chance.randint(0, 9)}
        self.execution.complete_user_task(task.task_id, answer)
        world = Concrete(answer=lambda node, path, carried: [answer] if data(carried) == seen else [])
        self.following.act(world, "answer", _there(element, scope))

    def _job(self, element: str, scope: tuple[str, ...], seen: str, job: Any) -> None:
        codes = sorted(self.codes(job))
        if codes and self.chance.random() < 0.4:
            code = self.chance.choice(codes)
            if self.execution.fail_service_task(job.task_id, code):
                world = Concrete(outcome=lambda node, path, given: [Raised(code)] if data(given) == seen else [])
                self.following.act(world, "raise", _there(element, scope))
                return
            self.execution.retry(job.task_id)
        value = self.guesses.of(job.result_variable, self.chance) if job.result_variable else None
        self.execution.complete_service_task(job.task_id, value)
        world = Concrete(outcome=lambda node, path, given: [value] if data(given) == seen else [])
        self.following.act(world, "result", _there(element, scope))

    def codes(self, job: Any) -> set[str]:
        """The errors that someone around the job may catch."""
        place = next(p for (process, _), p in self.net.places.items() if process == job.process
                     and job.element in p.scope.nodes)  # fmt: skip
        return {
            definition.code or "any"
            for event in place.boundary[job.element]
            for definition in event.events
            if definition.kind == "error"
        }

    def _timer(self, element: str, scope: tuple[str, ...], seen: str, timer: Any) -> None:
        assert self.execution.fire_timer(timer.task_id, timer.due)
        self.following.act(Concrete(), "fire", _there(element, scope))

    def _message(self, name: str, scope: tuple[str, ...], seen: str, waiting: Any) -> None:
        payload = {"value": self.chance.randint(0, 9)}
        assert self.execution.deliver_message(name, payload)
        self.following.act(Concrete(delivered=(("message", name, payload),)), "deliver", lambda token, step: True)

    def _signal(self, name: str, scope: tuple[str, ...], seen: str, waiting: Any) -> None:
        payload = {"value": self.chance.randint(0, 9)}
        assert self.execution.deliver_signal(name, payload)
        self.following.act(Concrete(delivered=(("signal", name, payload),)), "deliver", lambda token, step: True)


def _there(element: str, scope: tuple[str, ...]) -> Any:
    return lambda token, step: (token.node, token.path) == (element, scope)
