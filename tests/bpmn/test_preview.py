"""The path shown before the start is the path of the run."""

from __future__ import annotations

from engine.bpmn import PENDING, Execution, preview
from tests.bpmn.running import NOW
from tests.bpmn.test_superset import life_cycle


def shown(steps):
    return [(step.process, step.element, step.scope, step.happened) for step in steps]


def test_the_preview_equals_the_trace_of_the_run():
    of, start = life_cycle(1), {"model": "credit@1", "passes": 0}
    decided = iter([False, True])

    def answer(task):
        return {"approved": next(decided)} if task.element == "Approve" else {}

    foretold = preview(of, start, lambda call: {"auc": 0.9}, answer, now=NOW)
    execution, trace = Execution.start(of, start, now=NOW), []
    decided = iter([False, True])
    while True:
        rest = execution.run(lambda call: {"auc": 0.9})
        trace += rest.trace
        if rest.finished:
            break
        execution = Execution.restore(of, execution.state(), now=NOW)
        execution.complete_user_task(rest.user_tasks[0].task_id, answer(rest.user_tasks[0]))
    assert shown(foretold) == shown(trace)
    assert foretold[-1].element == "End"


def test_the_preview_ends_where_nobody_answers():
    of = life_cycle(1)
    steps = preview(of, {"model": "m", "passes": 0}, lambda call: PENDING, lambda task: None, now=NOW)
    assert {step.element for step in steps} >= {"Validate", "Test", "Read"}
    assert "Approve" not in {step.element for step in steps}


def test_the_preview_of_an_endless_loop_ends_at_its_limit():
    of = life_cycle(1)
    steps = preview(
        of, {"model": "m", "passes": 0}, lambda call: {"auc": 0}, lambda task: {"approved": False}, limit=100, now=NOW
    )
    assert 100 <= sum(step.happened == "completed" for step in steps) < 140
