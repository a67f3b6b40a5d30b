"""Loops: long ones stay whole and small; repeated activities keep order and cap."""

from __future__ import annotations

import pytest

from engine.bpmn import Execution
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW, Running, made

PASSES = 1_000


def rejecting():
    return made(
        d.start(),
        d.user("Decide"),
        d.gateway("exclusive", "Good", default="no"),
        d.script("Count", "n = n + 1"),
        d.end(),
        d.chain("Start", "Decide", "Good"),
        d.flow("Good", "End", "decide.good == true"),
        d.flow("Good", "Count", id="no"),
        d.flow("Count", "Decide"),
    )


def test_a_thousand_rejections_leave_the_state_as_small_as_one():
    """Fault 4: stock SpiffWorkflow reports such a process completed after about 250 passes."""
    of, sizes = rejecting(), []
    state = Execution.start(of, {"n": 0}, now=NOW).state()
    for passed in range(PASSES):
        execution = Execution.restore(of, state, now=NOW)
        rest = execution.run(lambda call: None)
        (task,) = rest.user_tasks
        assert task.variables["n"] == passed
        execution.complete_user_task(task.task_id, {"good": False})
        execution.run(lambda call: None)
        state = execution.state()
        sizes.append(len(state))
    assert max(sizes) <= sizes[2] + 20
    execution = Execution.restore(of, state, now=NOW)
    (task,) = execution.run(lambda call: None).user_tasks
    execution.complete_user_task(task.task_id, {"good": True})
    assert execution.run(lambda call: None).finished
    assert execution.variables()["n"] == PASSES


def test_a_loop_without_a_wait_goes_on_by_continuations():
    """Fault 4: a script loop without a wait stopped at 499 of 3,000 passes and reported completed."""
    of = made(
        d.start(),
        d.script("Count", "n = n + 1"),
        d.gateway("exclusive", "More", default="no"),
        d.end(),
        d.chain("Start", "Count", "More"),
        d.flow("More", "Count", "n < 3000"),
        d.flow("More", "End", id="no"),
    )
    execution = Execution.start(of, {"n": 0}, now=NOW)
    runs = 0
    while True:
        rest = execution.run(lambda call: None)
        runs += 1
        assert len(rest.trace) <= 2 * 200 + 2
        if not rest.more:
            break
        assert not rest.finished
        execution = Execution.restore(of, execution.state(), now=NOW)
        assert len(execution.state()) < 3_000
    assert rest.finished
    assert execution.variables()["n"] == 3000
    assert runs == pytest.approx(6_004 / 200, abs=1)


def repeated(kind, item="item", **given):
    sequential = "true" if kind == "sequential" else "false"
    loop = (
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="{sequential}"><bpmn:loopDataInputRef>items'
        "</bpmn:loopDataInputRef><bpmn:loopDataOutputRef>results</bpmn:loopDataOutputRef>"
        f'<bpmn:inputDataItem id="{item}"/><bpmn:outputDataItem id="answer"/>'
        "</bpmn:multiInstanceLoopCharacteristics>"
    )
    return made(
        d.start(),
        d.user("Each", body=loop, result="answer", max_instances="5"),
        d.boundary("Late", "Each", d.timer("duration", "PT1H")),
        d.end(),
        d.end("LateEnd"),
        d.chain("Start", "Each", "End"),
        d.flow("Late", "LateEnd"),
    )


def test_copies_run_side_by_side_and_their_results_keep_the_order_of_the_items():
    run = Running(repeated("parallel"), {"items": ["a", "b", "c"]})
    assert [task.variables["item"] for task in run.rest.user_tasks] == ["a", "b", "c"]
    assert run.active == {("Each", 3)}
    while run.rest.user_tasks:
        task = run.rest.user_tasks[-1]
        run.act(lambda execution, task=task: execution.complete_user_task(task.task_id, {"of": task.variables["item"]}))
    assert run.rest.finished
    assert run.variables == {"items": ["a", "b", "c"], "results": [{"of": "a"}, {"of": "b"}, {"of": "c"}]}


def test_copies_run_one_after_the_other():
    """Fault 15: a half-done one goes on with a freshly built specification."""
    run = Running(repeated("sequential"), {"items": [1, 2, 3]})
    for item in (1, 2, 3):
        (task,) = run.rest.user_tasks
        assert task.variables["item"] == item
        run.act(lambda execution, task=task: execution.complete_user_task(task.task_id, {"n": task.variables["item"]}))
    assert run.rest.finished
    assert run.variables["results"] == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_no_items_are_no_copies():
    run = Running(repeated("parallel"), {"items": []})
    assert run.rest.finished
    assert run.variables["results"] == []


def test_more_items_than_the_cap_are_a_failure_that_can_be_mended():
    run = Running(repeated("parallel"), {"items": list(range(6))})
    (failure,) = run.rest.failures
    assert (failure.kind, failure.element) == ("loop", "Each")
    assert "its cap is 5" in failure.cause
    run.act(lambda execution: execution.retry(failure.task_id, {"items": [1]}))
    assert len(run.rest.user_tasks) == 1


@pytest.mark.parametrize("kind", ["parallel", "sequential"])
def test_a_boundary_event_takes_all_copies_away(kind):
    run = Running(repeated(kind), {"items": [1, 2]})
    run.fire("Late")
    assert run.rest.finished
    assert run.completed()[-1] == "LateEnd"


def test_the_same_step_runs_in_a_subprocess_for_each_item():
    loop = (
        '<bpmn:multiInstanceLoopCharacteristics isSequential="false">'
        "<bpmn:loopDataInputRef>items</bpmn:loopDataInputRef>"
        '<bpmn:loopDataOutputRef>doubled</bpmn:loopDataOutputRef><bpmn:inputDataItem id="item"/>'
        '<bpmn:outputDataItem id="twice"/></bpmn:multiInstanceLoopCharacteristics>'
    )
    inside = d.sub(
        "Each", d.start("S"), d.script("Double", "twice = item * 2"), d.end("E"), d.chain("S", "Double", "E")
    )
    inside = inside.replace("</bpmn:subProcess>", loop + "</bpmn:subProcess>")
    run = Running(made(d.start(), inside, d.end(), d.chain("Start", "Each", "End")), {"items": [1, 2, 3]})
    assert run.rest.finished
    assert run.variables["doubled"] == [2, 4, 6]


@pytest.mark.parametrize("name", ["numberOf", "nrOf"])
def test_a_completion_condition_sees_the_counters_of_the_standard(name):
    """BPMN 2.0.2, table 10.30."""
    loop = (
        "<bpmn:multiInstanceLoopCharacteristics><bpmn:loopCardinality>5</bpmn:loopCardinality><bpmn:completionCondition>"
        f"{name}CompletedInstances == 2 and {name}ActiveInstances == 3 and {name}Instances == 5 and loopCounter == 4"
        "</bpmn:completionCondition></bpmn:multiInstanceLoopCharacteristics>"
    )
    run = Running(made(d.start(), d.user("Each", body=loop), d.end(), d.chain("Start", "Each", "End")))
    for place in (0, 2):  # the second to be done is the fourth copy
        assert run.rest.user_tasks
        task = run.rest.user_tasks[place]
        run.act(lambda execution, task=task: execution.complete_user_task(task.task_id, {}))
    assert run.rest.finished


def looping(loop, **given):
    task = d.user("Each", body=f"<bpmn:standardLoopCharacteristics {loop}</bpmn:standardLoopCharacteristics>", **given)
    return made(
        d.start(), task, d.boundary("Late", "Each", d.timer("duration", "PT1H")), d.end(), d.end("LateEnd"),
        d.chain("Start", "Each", "End"), d.flow("Late", "LateEnd"),
    )  # fmt: skip


def test_a_loop_runs_on_while_its_condition_holds():
    run = Running(looping("><bpmn:loopCondition>each.more</bpmn:loopCondition>"))
    for more in (True, True, False):
        assert run.waits() == ["Each"]
        run.answer("Each", more=more)
    assert run.rest.finished
    assert run.completed().count("Each") == 3


def test_a_condition_that_is_tested_before_may_mean_no_pass_at_all():
    loop = 'testBefore="true"><bpmn:loopCondition>loopCounter &lt; n</bpmn:loopCondition>'
    assert Running(looping(loop), {"n": 0}).rest.finished
    run = Running(looping(loop), {"n": 2})
    run.answer("Each")
    assert run.answer("Each").finished


def test_a_loops_maximum_ends_it_though_its_condition_holds():
    run = Running(looping('loopMaximum="2"><bpmn:loopCondition>true</bpmn:loopCondition>'))
    run.answer("Each")
    assert run.answer("Each").finished


def test_a_boundary_event_ends_a_loop():
    run = Running(looping('loopMaximum="9">'))
    run.answer("Each")
    assert run.fire("Late").finished
    assert run.completed()[-1] == "LateEnd"


def test_a_loop_without_a_maximum_that_does_not_end_is_a_failure_that_can_be_mended():
    task = d.script("Each", "n = n + 1").replace(
        "</bpmn:scriptTask>", "<bpmn:standardLoopCharacteristics><bpmn:loopCondition>go</bpmn:loopCondition>"
        "</bpmn:standardLoopCharacteristics></bpmn:scriptTask>",
    )  # fmt: skip
    run = Running(made(d.start(), task, d.end(), d.chain("Start", "Each", "End")), {"n": 0, "go": True})
    (failure,) = run.rest.failures
    assert (failure.kind, failure.element) == ("loop", "Each")
    assert "1,000 times" in failure.cause
    assert len(run.kept) < 1_500
    run.act(lambda execution: execution.retry(failure.task_id, {"go": False}))
    assert run.rest.finished
    assert run.variables["n"] == 1_000


def test_a_condition_that_is_neither_true_nor_false_is_a_failure():
    run = Running(looping("><bpmn:loopCondition>each</bpmn:loopCondition>"))
    (failure,) = run.answer("Each", more="yes").failures
    assert failure.kind == "loop"
    assert "not true or false" in failure.cause


@pytest.mark.parametrize("kind", ["parallel", "inclusive"])
def test_a_join_inside_a_loop_waits_for_every_branch_in_every_pass_and_the_state_stays_small(kind):
    """Faults 1 and 2: stock SpiffWorkflow fires such a join with one branch from the second pass on."""
    condition = "" if kind == "parallel" else "true"
    of = made(
        d.start(), d.gateway("exclusive", "Again"), d.gateway(kind, "F"), d.user("A"), d.user("B"),
        d.gateway(kind, "J"), d.script("Count", "n = n + 1"), d.gateway("exclusive", "More", default="out"), d.end(),
        d.chain("Start", "Again", "F"), d.flow("F", "A", condition), d.flow("F", "B", condition), d.chain("A", "J"),
        d.chain("B", "J", "Count", "More"), d.flow("More", "Again", "n < 300"), d.flow("More", "End", id="out"),
    )  # fmt: skip
    execution, sizes = Execution.start(of, {"n": 0}, now=NOW), []
    for passed in range(300):
        for element in ("AB", "BA")[passed % 2]:
            tasks = {task.element: task for task in execution.run(lambda call: None).user_tasks}
            assert tasks["A" if len(tasks) == 2 else element].variables["n"] == passed
            execution.complete_user_task(tasks[element].task_id, {"pass": passed})
            sizes.append(len(execution.state()))
            execution = Execution.restore(of, execution.state(), now=NOW)
    assert execution.run(lambda call: None).finished
    assert execution.variables() == {"n": 300, "a": {"pass": 299}, "b": {"pass": 299}}
    assert max(sizes) <= max(sizes[4:8]) + 40
