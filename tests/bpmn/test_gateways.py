"""Gateways choose, fork and join; branches do not see each other and lose nothing."""

from __future__ import annotations

import pytest

from tests.bpmn import drawing as d
from tests.bpmn.running import Running, made


def fork(kind="parallel", *branches, conditions=("", "")):
    names = [branch[0] for branch in branches]
    parts = [d.start(), d.gateway(kind, "Split"), d.gateway(kind, "Join"), d.end(), *(b[1] for b in branches)]
    parts += [d.flow("Start", "Split"), d.flow("Join", "End")]
    parts += [d.flow("Split", n, c) + d.flow(n, "Join") for n, c in zip(names, conditions, strict=False)]
    return made(*parts)


def test_parallel_branches_keep_what_each_wrote():
    """Fault 3: the last branch to arrive no longer overwrites the others."""
    run = Running(
        fork("parallel", ("A", d.script("A", "a = a + 1")), ("B", d.script("B", "b = b + 1"))), {"a": 0, "b": 0}
    )
    assert run.rest.finished
    assert run.variables == {"a": 1, "b": 1}


def test_parallel_branches_do_not_see_each_others_nested_values():
    """Fault 6: branches share no nested value."""
    run = Running(
        fork("parallel", ("A", d.script("A", "x = {'y': {'z': 1}}")), ("B", d.script("B", "seen = x.y.z"))),
        {"x": {"y": {"z": 0}}},
    )
    assert run.variables == {"x": {"y": {"z": 1}}, "seen": 0}


def test_a_real_conflict_is_a_failure_that_names_variable_and_join_and_can_be_settled():
    run = Running(fork("parallel", ("A", d.script("A", "v = 1")), ("B", d.script("B", "v = 2"))), {"v": 0})
    (failure,) = run.rest.failures
    assert (failure.kind, failure.element) == ("conflict", "Join")
    assert '"v"' in failure.cause
    run.act(lambda execution: execution.retry(failure.task_id))
    assert [f.element for f in run.rest.failures] == ["Join"]
    run.act(lambda execution: execution.retry(run.rest.failures[0].task_id, {"v": 3}))
    assert run.rest.finished
    assert run.variables == {"v": 3}


def test_two_branches_that_write_the_same_value_agree():
    run = Running(fork("parallel", ("A", d.script("A", "v = 1")), ("B", d.script("B", "v = 1"))), {"v": 0})
    assert run.variables == {"v": 1}


@pytest.mark.parametrize("order", [("A", "B"), ("B", "A")])
def test_a_parallel_join_waits_for_every_branch_in_whatever_order(order):
    run = Running(fork("parallel", ("A", d.user("A")), ("B", d.user("B"))))
    assert run.waits() == ["A", "B"]
    run.answer(order[0], ok=True)
    assert not run.rest.finished
    assert run.active == {(order[1], 1), ("Join", 1)}
    run.answer(order[1], ok=True)
    assert run.rest.finished
    assert run.variables == {"a": {"ok": True}, "b": {"ok": True}}
    assert run.completed().count("Join") == 1
    assert run.steps.count(("Join", "entered")) == 1


def test_an_inclusive_gateway_joins_only_the_branches_it_took():
    branches = [(name, d.user(name)) for name in "ABC"]
    of = fork("inclusive", *branches, conditions=("n > 0", "n > 1", "n > 2"))
    run = Running(of, {"n": 2})
    assert run.waits() == ["A", "B"]
    run.answer("B")
    assert run.waits() == ["A"]
    run.answer("A")
    assert run.rest.finished


def test_an_inclusive_gateway_without_a_true_condition_waits_for_an_operator():
    of = fork("inclusive", ("A", d.user("A")), ("B", d.user("B")), conditions=("n > 0", "n > 1"))
    run = Running(of, {"n": 0})
    assert [(f.element, f.kind) for f in run.rest.failures] == [("Split", "expression")]
    run.act(lambda execution: execution.retry(run.rest.failures[0].task_id, {"n": 1}))
    assert run.waits() == ["A"]


def test_an_inclusive_join_waits_for_a_token_that_is_further_back():
    """Inclusive join of a long and a short branch; the short one arrives first."""
    run = Running(
        made(
            d.start(),
            d.gateway("inclusive", "Split"),
            d.gateway("inclusive", "Join"),
            d.end(),
            d.user("Long1"),
            d.user("Long2"),
            d.script("Short", "s = 1"),
            d.flow("Start", "Split"),
            d.flow("Split", "Long1", "true"),
            d.flow("Split", "Short", "true"),
            d.chain("Long1", "Long2", "Join", "End"),
            d.flow("Short", "Join"),
        )
    )
    assert run.waits() == ["Long1"]
    run.answer("Long1")
    assert not run.rest.finished
    run.answer("Long2")
    assert run.rest.finished
    assert set(run.variables) == {"long1", "long2", "s"}


def test_an_inclusive_join_goes_on_when_the_other_branch_ends_elsewhere():
    run = Running(
        made(
            d.start(),
            d.gateway("parallel", "Split"),
            d.gateway("inclusive", "Join"),
            d.gateway("exclusive", "Choice", default="out"),
            d.user("A"),
            d.user("B"),
            d.end(),
            d.end("Elsewhere"),
            d.flow("Start", "Split"),
            d.flow("Split", "A"),
            d.flow("Split", "B"),
            d.flow("A", "Join"),
            d.flow("B", "Choice"),
            d.flow("Choice", "Join", "b.stay == true"),
            d.flow("Choice", "Elsewhere", id="out"),
            d.flow("Join", "End"),
        )
    )
    run.answer("A")
    assert run.active == {("B", 1), ("Join", 1)}
    run.answer("B", stay=False)
    assert run.rest.finished
    assert run.completed()[-3:] == ["Elsewhere", "Join", "End"]


def test_a_condition_that_is_no_truth_value_is_a_failure():
    run = Running(
        made(
            d.start(),
            d.gateway("exclusive", "Choice", default="no"),
            d.end(),
            d.end("No"),
            d.flow("Start", "Choice"),
            d.flow("Choice", "End", "approved"),
            d.flow("Choice", "No", id="no"),
        ),
        {"approved": "no"},
    )
    assert [(f.element, f.kind) for f in run.rest.failures] == [("Choice", "expression")]


def test_a_script_error_can_be_tried_again():
    """Fault 7: an error leaves the token where it is."""
    run = Running(made(d.start(), d.script("S", "a = b.c"), d.end(), d.chain("Start", "S", "End")), {"b": {}})
    (failure,) = run.rest.failures
    assert (failure.element, failure.kind) == ("S", "expression")
    assert '"c"' in failure.cause
    run.act(lambda execution: execution.retry(failure.task_id, {"b": {"c": 1}}))
    assert run.rest.finished


def test_a_join_that_can_never_be_served_is_told_as_stuck():
    run = Running(
        made(
            d.start(),
            d.gateway("exclusive", "Choice", default="a"),
            d.gateway("parallel", "Join"),
            d.user("A"),
            d.user("B"),
            d.end(),
            d.flow("Start", "Choice"),
            d.flow("Choice", "A", id="a"),
            d.flow("Choice", "B", "false"),
            d.flow("A", "Join"),
            d.flow("B", "Join"),
            d.flow("Join", "End"),
        )
    )
    run.answer("A")
    (failure,) = run.rest.failures
    assert (failure.kind, failure.element) == ("stuck", "Join")
    assert '"B"' in failure.cause
    assert not run.rest.finished


def test_an_end_event_with_the_id_End_ends_only_its_own_token():
    """In stock SpiffWorkflow an element called End completes the whole process."""
    run = Running(
        made(
            d.start(),
            d.gateway("parallel", "Split"),
            d.end(),
            d.user("A"),
            d.end("Other"),
            d.flow("Start", "Split"),
            d.flow("Split", "End"),
            d.chain("Split", "A", "Other"),
        )
    )
    assert not run.rest.finished
    run.answer("A")
    assert run.rest.finished
