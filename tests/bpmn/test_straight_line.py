"""A process from its start to its end, restored from bytes with an empty cache at every step."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.bpmn import PENDING, Execution, NotWaiting, bundle, clear_cache
from tests.bpmn import drawing as d

NOW = datetime(2027, 1, 4, 9, tzinfo=UTC)


def process_p():
    return bundle(
        d.files(
            "p",
            d.start(),
            d.service("Fetch", "fetch", "fetched", version="version"),
            d.user("Decide"),
            d.gateway("exclusive", "Approved", default="no"),
            d.service("Deploy", "deploy", "deployment", version="fetched.id"),
            d.end(),
            d.end("Refused"),
            d.chain("Start", "Fetch", "Decide", "Approved"),
            d.flow("Approved", "Deploy", "decide.approved == true"),
            d.flow("Approved", "Refused", id="no"),
            d.flow("Deploy", "End"),
        )
    )


def again(execution):
    """The same execution as a fresh process would restore it."""
    clear_cache()
    return Execution.restore(execution.bundle, execution.state(), now=NOW)


def test_a_process_runs_from_start_to_end_and_is_restored_at_every_step():
    execution = Execution.start(process_p(), {"version": "credit@7"}, now=NOW)
    calls = []

    def invoke(call):
        calls.append((call.element, call.parameters))
        return {"id": "abc"} if call.handler == "fetch" else PENDING

    rest = again(execution).run(invoke)
    execution = again(execution)
    rest = execution.run(invoke)
    assert [task.element for task in rest.user_tasks] == ["Decide"]
    assert rest.user_tasks[0].variables == {"version": "credit@7", "fetched": {"id": "abc"}}
    execution = again(execution)
    execution.complete_user_task(rest.user_tasks[0].task_id, {"approved": True})
    execution = again(execution)
    rest = execution.run(invoke)
    assert [job.element for job in rest.jobs] == ["Deploy"]
    assert rest.jobs[0].parameters == {"version": "abc"}
    execution = again(execution)
    with pytest.raises(NotWaiting):
        execution.complete_user_task(rest.jobs[0].task_id, {})
    execution.complete_service_task(rest.jobs[0].task_id, {"at": "http://localhost"})
    rest = again(execution).run(invoke)
    assert rest.finished
    assert [step.element for step in rest.trace if step.happened == "completed"] == ["Deploy", "End"]


def test_a_failed_handler_leaves_the_token_where_it_can_be_tried_again():
    execution = Execution.start(process_p(), {"version": "credit@7"}, now=NOW)

    def broken(call):
        raise OSError("no route to host")

    rest = execution.run(broken)
    assert [(failure.element, failure.kind) for failure in rest.failures] == [("Fetch", "handler")]
    assert "no route to host" in rest.failures[0].cause
    execution = again(execution)
    execution.retry(rest.failures[0].task_id)
    rest = execution.run(lambda call: {"id": "abc"})
    assert not rest.failures
    assert [task.element for task in rest.user_tasks] == ["Decide"]
