"""Conditional events: on the way, at the boundary, at the start of an event subprocess."""

from __future__ import annotations

import pytest

from tests.bpmn import drawing as d
from tests.bpmn.running import Running, made

DECLARED = d.declared("come")


def beside_writer(*branch, script="x = x + 1", writes=3, **given):
    """A branch beside one that writes `x` each time its user task is done."""
    return made(
        d.start(), d.gateway("parallel", "F"), d.gateway("exclusive", "Top"), d.user("Step"), d.script("Write", script),
        d.gateway("exclusive", "More", default="out"), d.end("WriterEnd"), d.flow("Start", "F"),
        d.chain("F", "Top", "Step", "Write", "More"), d.flow("More", "Top", f"n_of_steps < {writes}"),
        d.flow("More", "WriterEnd", id="out"), *branch, **given,
    )  # fmt: skip


WAITING = (d.catch("Wait", d.condition("x >= 2")), d.user("After"), d.end(), d.chain("F", "Wait", "After", "End"))


def test_a_token_waits_until_its_condition_is_true_whoever_makes_it_so():
    run = Running(beside_writer(*WAITING, script="x = x + 1\nn_of_steps = x"), {"x": 0, "n_of_steps": 0})
    assert [(c.element, c.condition) for c in run.rest.conditions] == [("Wait", "x >= 2")]
    run.answer("Step")
    assert run.waits() == ["Step"]
    run.answer("Step")
    assert run.waits() == ["After", "Step"]
    assert not run.rest.conditions


def test_a_condition_that_is_true_from_the_beginning_is_passed_at_once():
    of = made(d.start(), d.catch("Wait", d.condition("x > 1")), d.end(), d.chain("Start", "Wait", "End"))
    assert Running(of, {"x": 2}).rest.finished
    assert not Running(of, {"x": 1}).rest.finished


def test_a_condition_over_a_variable_that_is_not_there_yet_is_not_true():
    of = made(
        d.start(), d.gateway("parallel", "F"), d.user("Work"), d.catch("Wait", d.condition("work.good == true")),
        d.end(), d.end("End2"), d.flow("Start", "F"), d.chain("F", "Work", "End"), d.chain("F", "Wait", "End2"),
    )  # fmt: skip
    run = Running(of)
    assert run.rest.conditions
    assert not run.rest.failures
    assert run.answer("Work", good=True).finished


def test_a_condition_that_is_neither_true_nor_false_is_a_failure_until_it_is():
    of = made(d.start(), d.catch("Wait", d.condition("x")), d.end(), d.chain("Start", "Wait", "End"))
    run = Running(of, {"x": "yes"})
    (failure,) = run.rest.failures
    assert (failure.kind, failure.element) == ("expression", "Wait")
    assert run.act(lambda execution: execution.retry(failure.task_id, {"x": True})).finished


def guarded(interrupting, *, inside=None):
    return made(
        d.start(), inside or d.user("Work"), d.boundary("Alarm", "Work", d.condition("score < 0.5"), interrupting),
        d.user("Look"), d.end(), d.end("LookEnd"), d.chain("Start", "Work", "End"), d.chain("Alarm", "Look", "LookEnd"),
    )  # fmt: skip


def test_an_interrupting_one_sees_what_goes_on_inside_its_subprocess_and_takes_it_away():
    inside = d.sub(
        "Work", d.start("S"), d.user("Measure", result="measured"), d.script("Set", "score = measured.score"),
        d.user("Again"), d.end("E"), d.chain("S", "Measure", "Set", "Again", "E"),
    )  # fmt: skip
    run = Running(guarded(True, inside=inside), {"score": 1.0})
    run.answer("Measure", score=0.4)
    assert run.waits() == ["Look"]
    assert ("Work", "cancelled") in run.steps
    assert run.rest.user_tasks[0].variables == {"score": 1.0}, "what it interrupts is lost"
    run = Running(guarded(True, inside=inside), {"score": 1.0})
    run.answer("Measure", score=0.6)
    assert run.waits() == ["Again"]


def test_one_that_does_not_interrupt_occurs_again_once_it_was_false():
    of = made(
        d.start(),
        d.sub("Work", d.start("S"), d.gateway("exclusive", "Top"), d.user("Set", result="set"),
              d.script("Take", "x = set.x"), d.gateway("exclusive", "More", default="out"), d.end("E"),
              d.chain("S", "Top", "Set", "Take", "More"), d.flow("More", "Top", "x < 9"),
              d.flow("More", "E", id="out")),
        d.boundary("High", "Work", d.condition("x > 3"), False), d.user("Note"), d.end(), d.end("NoteEnd"),
        d.chain("Start", "Work", "End"), d.chain("High", "Note", "NoteEnd"),
    )  # fmt: skip
    run = Running(of, {"x": 0})
    notes = []
    for x in (4, 5, 1, 6, 2):
        run.answer("Set", x=x)
        notes.append(run.waits().count("Note"))
    assert notes == [1, 1, 1, 2, 2]


@pytest.mark.parametrize("interrupting", [True, False])
def test_one_begins_an_event_subprocess_of_its_scope(interrupting):
    handler = d.handler(
        "H", d.start("HS", d.condition("x >= 2"), interrupting), d.user("Handle"), d.end("HE"),
        d.chain("HS", "Handle", "HE"),
    )  # fmt: skip
    of = made(
        d.start(), d.gateway("exclusive", "Top"), d.user("Step"), d.script("Write", "x = x + 1"), d.end(),
        d.gateway("exclusive", "More", default="out"), d.chain("Start", "Top", "Step", "Write", "More"),
        d.flow("More", "Top", "x < 9"), d.flow("More", "End", id="out"), handler,
    )  # fmt: skip
    run = Running(of, {"x": 0})
    run.answer("Step")
    assert run.waits() == ["Step"]
    run.answer("Step")
    assert run.waits() == (["Handle"] if interrupting else ["Handle", "Step"])
    handling = next(task for task in run.rest.user_tasks if task.element == "Handle")
    assert handling.variables["x"] == 2
    if not interrupting:
        run.answer("Step")
        assert run.waits() == ["Handle", "Step"], "it has been true all the time"


def test_a_condition_behind_an_event_gateway_takes_part_in_the_race():
    def race(x):
        return Running(made(
            d.start(), d.gateway("eventBased", "First"), d.catch("High", d.condition("x > 3")),
            d.catch("Come", d.message("come")), d.end(), d.end("Other"), d.flow("Start", "First"),
            d.chain("First", "High", "End"), d.chain("First", "Come", "Other"), declared=DECLARED,
        ), {"x": x})  # fmt: skip

    assert race(4).rest.finished
    run = race(1)
    assert [c.element for c in run.rest.conditions] == ["High"]
    assert run.send("come").finished


def test_a_condition_on_which_branches_disagree_is_not_true_until_they_are_joined():
    of = made(
        d.start(), d.gateway("parallel", "F"), d.script("A", "x = 5"), d.script("B", "x = 6"), d.user("U"), d.user("V"),
        d.gateway("parallel", "J"), d.user("Later"), d.catch("Wait", d.condition("x > 5")), d.end(), d.end("End2"),
        d.flow("Start", "F"), d.chain("F", "A", "U", "J", "Later", "End"), d.chain("F", "B", "V", "J"),
        d.chain("F", "Wait", "End2"),
    )  # fmt: skip
    run = Running(of, {"x": 0})
    assert run.rest.conditions
    run.answer("U")
    (failure,) = run.answer("V").failures
    assert run.rest.conditions
    run.act(lambda execution: execution.retry(failure.task_id, {"x": 7}))
    assert not run.rest.conditions
    assert run.waits() == ["Later"]
