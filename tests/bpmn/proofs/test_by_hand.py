"""A move by hand, from where the tokens of an instance stand: what waits for ever then, and what did before."""

from __future__ import annotations

import random

import pytest

from engine.bpmn import Execution, bundle
from engine.bpmn.proofs import FAILS, HOLDS, UNDECIDED, after_move
from engine.bpmn.token_game import net
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW, Running
from tests.bpmn.token_game import diagrams
from tests.bpmn.token_game.playing import Player
from tests.bpmn.token_game.test_same_as_engine import accepted


def moved(run, source, target):
    execution = Execution.restore(run.bundle, run.kept, now=NOW)
    (task,) = [each.task_id for each in execution.standing() if each.element == source]
    assert target in execution.targets(task)
    return after_move(execution, task, target, {})


def running(*parts, variables=None, **given):
    return Running(bundle(d.files("p", *parts, **given)), variables or {}, lambda call: None)


FORKED = (
    d.start(), d.gateway("parallel", "F"), d.user("A"), d.user("A2"), d.user("B"), d.gateway("parallel", "J"),
    d.user("After"), d.end(), d.chain("Start", "F", "A", "A2", "J", "After", "End"), d.chain("F", "B", "J"),
)  # fmt: skip


def test_a_token_that_leaves_its_branch_lets_a_join_wait():
    run = running(*FORKED)
    assert moved(run, "A", "A2").outcome == HOLDS
    found = moved(run, "A", "After")
    assert (found.outcome, found.element) == (FAILS, "J")
    assert [visit.element for visit in found.path][-4:] == ["B", "After", "End", "J"]


def test_what_waits_for_ever_already_refuses_nothing():
    """The join lacks the token of the other branch, and a move cannot make that worse."""
    run = running(*FORKED)
    run.act(lambda execution: execution.move(task(execution, "A"), "After"))
    run.answer("B")
    assert moved(run, "After", "End").outcome == HOLDS


def task(execution, element):
    return next(each.task_id for each in execution.standing() if each.element == element)


def test_a_second_token_at_a_join_is_told_too():
    run = running(*FORKED)
    assert moved(run, "A", "F").outcome == FAILS


def test_what_the_instance_knows_counts():
    """Both gateways ask the same: whoever went by A is joined with nobody."""
    parts = (
        d.start(), d.script("Set", 'way = "a"'), d.gateway("inclusive", "F", "b"), d.user("A"), d.user("B"),
        d.gateway("exclusive", "Which", "other"), d.gateway("parallel", "J"), d.user("C"), d.end(),
        d.chain("Start", "Set", "F"), d.flow("F", "A", 'way == "a"'), d.flow("F", "B", id="b"), d.chain("A", "Which"),
        d.chain("B", "Which"), d.flow("Which", "C", 'way == "a"'), d.flow("Which", "J", id="other"),
        d.flow("B", "J", id="second"), d.chain("J", "End"), d.chain("C", "End"),
    )  # fmt: skip
    assert moved(running(*parts), "A", "Which").outcome == HOLDS


def test_compensation_is_not_decided():
    parts = (
        d.start(), d.script("A", "a = 1"), d.undoing("A", "Undo"), d.for_compensation(d.script("Undo", "a = 0")),
        d.user("U"), d.throw("T", d.compensate()), d.end(), d.chain("Start", "A", "U", "T", "End"),
    )  # fmt: skip
    found = moved(running(*parts), "U", "T")
    assert found.outcome == UNDECIDED
    assert "can be undone" in found.reason


class Moving(Player):
    """Moves a token at random, and follows whether what comes of it is as it was told."""

    def operate(self):
        places = [each for each in self.execution.standing() if not each.element.startswith("(")]
        places = [each for each in places if self.execution.targets(each.task_id)]
        if not places:
            return False
        at = self.chance.choice(sorted(places, key=lambda each: (each.element, each.scope)))
        target = self.chance.choice(sorted(self.execution.targets(at.task_id)))
        self.told = after_move(self.execution, at.task_id, target, None, self.bound)
        self.execution.move(at.task_id, target)
        return True


def moves(seeds, bound):
    """How often a move was told to leave nothing behind, and to leave something; runs after the first are not stuck."""
    held = failed = 0
    for seed in seeds:
        files, called, variables = diagrams.made(seed)
        if not accepted(files, called):
            continue
        player = Moving(bundle(files, called), net(files, called), variables, seed, restoring=False)
        player.chance, player.bound = random.Random(seed), bound
        player.play(2)
        rest = player.execution.run(lambda call: None, 50)
        if rest.finished or rest.more or any(each.kind == "stuck" for each in rest.failures) or not player.operate():
            continue
        failed += player.told.outcome == FAILS
        if player.told.outcome != HOLDS or player.told.reason:
            continue
        held += 1
        rest = finish(player)
        assert not any(each.kind == "stuck" for each in rest.failures), f"seed {seed}"
    return held, failed


def test_what_is_told_to_leave_no_token_behind_leaves_no_run_stuck():
    held, _ = moves(range(40), 200)
    assert held > 2


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_fresh_moves_leave_no_run_stuck_that_was_told_not_to_be():
    first = random.SystemRandom().randrange(10**9)
    print(f"seeds from {first}:", moves(range(first, first + 600), 1_500))


def finish(player, acts=25):
    """The instance from there on, each thing that can happen at random."""
    rest = player.execution.run(lambda call: None, 50)
    for _ in range(acts):
        conflicts = [each for each in rest.failures if each.kind == "conflict"]
        if rest.finished or any(each.kind == "stuck" for each in rest.failures):
            break
        todo = [("user", each.task_id) for each in rest.user_tasks] + [("timer", each) for each in rest.timers]
        todo += [("message", each) for each in rest.messages] + [("settle", each) for each in conflicts]
        if not todo:
            break
        kind, one = player.chance.choice(todo)
        if kind == "user":
            player.execution.complete_user_task(one, {"v": player.chance.randint(0, 9)})
        elif kind == "timer":
            player.execution.fire_timer(one.task_id, one.due)
        elif kind == "settle":
            player.execution.retry(one.task_id, {name: player.value(name) for name in one.cause.split('"')[1::2]})
        else:
            act = player.execution.deliver_message if one.kind == "message" else player.execution.deliver_signal
            act(one.name, {"v": 1})
        rest = player.execution.run(lambda call: None, 50)
    return rest
