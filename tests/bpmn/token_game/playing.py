"""One run of the engine by a seeded player, followed in the token game."""

from __future__ import annotations

import random
from typing import Any

from engine.bpmn import PENDING, BpmnError, Bundle, Execution, clear_cache
from engine.bpmn.token_game import Concrete, Net, Raised
from tests.bpmn.running import NOW
from tests.bpmn.token_game.following import Following, TooMany, data

ERRORS = ("e1", "e2")


def quick(node: Any, path: tuple[str, ...], parameters: dict[str, Any]) -> list[Any]:
    """What the handler `quick` returns at once; the handler `service` is a job."""
    return [parameters["n"] * 2 + len(node.id)] if node.operator.handler == "quick" else []


def invoke(call: Any) -> object:
    return call.parameters["n"] * 2 + len(call.element) if call.handler == "quick" else PENDING


class Player:
    """Plays one bundle."""

    def __init__(
        self, of: Bundle, net: Net, variables: dict[str, Any], seed: int, restoring: bool, operated: bool = False
    ) -> None:
        self.bundle, self.net, self.restoring, self.operated = of, net, restoring, operated
        self.chance = random.Random(seed)
        event = self.begun(net)
        self.following = Following(net, variables, quick, event)
        self.execution = Execution.start(of, dict(variables), now=NOW, event=event)
        self.trace: list[tuple[str, tuple[str, ...], str]] = []
        self.ending = "long"
        self.restored, self.first = 0, seed % 10  #: how often it was restored; at which of ten without specifications

    def begun(self, net: Net) -> str:
        """The start event, where there are several."""
        nodes = net.places[net.main, net.main].scope.nodes.values()
        starts = [node.id for node in nodes if node.kind == "startEvent"]
        return self.chance.choice(starts) if len(starts) > 1 else ""

    def play(self, acts: int = 40) -> str:
        """How it ended: "finished", "held", "stuck", or "long" where it was broken off, right as far as it went."""
        for _ in range(acts):
            try:
                rest = self.run()
            except TooMany:
                return "long"
            if rest.finished:
                return "finished"
            conflicts = [f for f in rest.failures if f.kind == "conflict"]
            if [f for f in rest.failures if f.kind == "stuck"]:
                return "stuck"
            if self.operated and self.doubled():
                return "long"
            if self.operated and self.chance.random() < 0.3 and self.operate():
                continue
            if conflicts:
                self.settle(sorted(conflicts, key=lambda f: (f.element, f.cause))[0])
                continue
            if not self.act(rest):
                return "held"
        return "long"

    def run(self) -> Any:
        runs = 0
        while True:
            self.restore()
            rest = self.execution.run(invoke, self.chance.choice([1, 3, 7, 30, 30]))
            self.trace += [(s.element, s.scope, s.happened) for s in rest.trace]
            self.following.follow(rest.trace, rest.thrown)
            runs += 1
            if not rest.more:
                break
            if runs > 30 or sum(each.count for each in self.execution.active()) > 15:
                raise TooMany
        self.restore()
        self.following.rested(rest, self.execution.variables())
        return rest

    def restore(self) -> None:
        if self.restoring:
            if self.restored % 10 == self.first:
                # Seldom, and at another moment in each process: making specifications anew is most of a run's time.
                clear_cache()
            self.restored += 1
            self.execution = Execution.restore(self.bundle, self.execution.state(), now=NOW)

    def settle(self, failure: Any) -> None:
        names = failure.cause.split('"')[1::2]
        # A value that is new, so that whoever disagreed before has something to agree on.
        values = {name: self.value(name) for name in names}
        self.execution.retry(failure.task_id, values)
        self.following.settle(failure.element, failure.kind, values)

    def doubled(self) -> bool:
        """Whether two tokens stand at one element, as no diagram of blocks would have it: what a move can do.

        Engine and game may then fold tokens that ended in another order, and agree on another of two values.
        """
        places = [(each.element, each.scope) for each in self.execution.standing()]
        return len(set(places)) < len(places)

    def operate(self) -> bool:
        """An operator sets variables, or moves a token; False where there is none."""
        if any("undo" in token.internal_data for token in self.execution._instance.tokens()):
            return False  # compensation is under way: what a handler saw is not told apart from what is set now
        if self.chance.random() < 0.4:
            name = self.chance.choice(["x0", "x1", "x2", "a0", "new"])
            values = {name: {"v": 7} if name == "a0" else self.chance.randint(0, 9)}
            self.execution.set_variables(values)
            self.following.assigned(values)
            return True
        places = [(t.element, t.scope, t.task_id) for t in self.execution.standing()]
        # Of several at one element the game could not tell which one is meant.
        # What nobody drew it does not know: there the token has not left the element before.
        alone = [
            each
            for each in places
            if [other[:2] for other in places].count(each[:2]) == 1 and not each[0].startswith("(")
        ]
        if not alone:
            return False
        element, scope, task_id = self.chance.choice(sorted(alone))
        targets = self.execution.targets(task_id)
        if not targets:
            return False
        target = self.chance.choice(sorted(targets))
        self.execution.move(task_id, target)
        self.following.moved(element, scope, target)
        return True

    def value(self, name: str) -> Any:
        number = self.chance.randint(10, 99)
        return {"v": number} if name[0] == "a" or name == "got" else [number] if name == "results" else number

    def act(self, rest: Any) -> bool:
        acts: list[tuple[Any, ...]] = [("user", t.element, t.scope, data(t.variables), t) for t in rest.user_tasks]
        acts += [("job", j.element, j.scope, data(j.parameters), j) for j in rest.jobs] * 2
        acts += [("timer", t.element, t.scope, "", t) for t in rest.timers]
        acts += [(m.kind, m.name, (), "", m) for m in rest.messages]
        if not acts:
            return False
        kind, element, scope, seen, one = self.chance.choice(sorted(acts, key=lambda act: act[:4]))
        value = self.chance.randint(0, 9)
        follow = self.following

        def there(token: Any, step: Any) -> bool:
            return (token.node, token.path) == (element, scope)

        if kind == "user":
            self.execution.complete_user_task(one.task_id, {"v": value})
            world = Concrete(answer=lambda node, path, carried: [{"v": value}] if data(carried) == seen else [])
            follow.act(world, "answer", there)
        elif kind == "job" and self.chance.random() < 0.3:
            code = self.chance.choice(ERRORS)
            taken = self.execution.fail_service_task(one.task_id, code)
            world = Concrete(outcome=lambda node, path, given: [Raised(code)] if data(given) == seen else [])
            if taken:
                follow.act(world, "raise", there)
            else:
                self.execution.retry(one.task_id)
        elif kind == "job":
            self.execution.complete_service_task(one.task_id, value)
            world = Concrete(outcome=lambda node, path, given: [value] if data(given) == seen else [])
            follow.act(world, "result", there)
        elif kind == "timer":
            assert self.execution.fire_timer(one.task_id, one.due)
            follow.act(Concrete(), "fire", there)
        else:
            world = Concrete(delivered=((kind, element, {"v": value}),))
            deliver = self.execution.deliver_message if kind == "message" else self.execution.deliver_signal
            assert deliver(element, {"v": value})
            follow.act(world, "deliver", lambda token, step: True)
        return True


__all__ = ["BpmnError", "Player"]
