"""The first danger: a life cycle with a call, a reject loop and two live versions, restored with an empty cache."""

from __future__ import annotations

import pytest

from engine.bpmn import PENDING, Execution, StateOfAnotherBundle, bundle, clear_cache
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW, Running


def life_cycle(version: int):
    validation = d.files(
        "validation",
        d.start("VStart"),
        d.gateway("parallel", "VSplit"),
        d.service("Test", "test", f"test{version}", of="model"),
        d.user("Read"),
        d.gateway("parallel", "VJoin"),
        d.end("VEnd"),
        d.flow("VStart", "VSplit"),
        d.chain("VSplit", "Test", "VJoin"),
        d.chain("VSplit", "Read", "VJoin"),
        d.flow("VJoin", "VEnd"),
    )
    main = d.files(
        "life_cycle",
        d.start(),
        d.script("Count", "passes = passes + 1"),
        d.call("Validate", "validation"),
        d.user("Approve"),
        d.gateway("exclusive", "Approved", default="no"),
        d.service("Deploy", "deploy", "deployment", model="model", test=f"test{version}.auc"),
        d.user("Repair"),
        d.end(),
        d.chain("Start", "Count", "Validate", "Approve", "Approved"),
        d.flow("Approved", "Deploy", "approve.approved == true"),
        d.flow("Approved", "Repair", id="no"),
        d.chain("Repair", "Count"),
        d.flow("Deploy", "End"),
    )
    return bundle(main, {"validation": validation})


def test_two_versions_live_side_by_side_through_calls_and_rejections():
    old, new = life_cycle(1), life_cycle(2)
    assert old.digest != new.digest
    runs = {1: Running(old, {"model": "credit@1", "passes": 0}), 2: Running(new, {"model": "credit@2", "passes": 0})}
    for run in runs.values():
        run.invoke = lambda call: {"auc": 0.8}
    for _ in range(3):
        for run in runs.values():
            assert run.waits() == ["Read"]
            run.answer("Read", seen=True)
            assert run.waits() == ["Approve"]
            run.answer("Approve", approved=False)
            assert run.waits() == ["Repair"]
            run.answer("Repair")
    for version, run in runs.items():
        run.answer("Read", seen=True)
        run.answer("Approve", approved=True)
        assert run.rest.finished
        assert run.variables["passes"] == 4
        assert f"test{version}" in run.variables
        assert f"test{3 - version}" not in run.variables
        assert run.completed().count("VJoin") == 4


def test_a_state_is_refused_on_another_version():
    state = Execution.start(life_cycle(1), {}, now=NOW).state()
    with pytest.raises(StateOfAnotherBundle):
        Execution.restore(life_cycle(2), state, now=NOW)


def test_a_job_in_a_called_process_survives_and_its_scope_tells_the_way_to_it():
    of = life_cycle(1)
    execution = Execution.start(of, {"model": "credit@1", "passes": 0}, now=NOW)
    rest = execution.run(lambda call: PENDING)
    (job,) = rest.jobs
    assert (job.element, job.process, job.scope) == ("Test", "validation", ("Validate",))
    clear_cache()
    execution = Execution.restore(of, execution.state(), now=NOW)
    execution.complete_service_task(job.task_id, {"auc": 0.9})
    rest = execution.run(lambda call: PENDING)
    assert [task.element for task in rest.user_tasks] == ["Read"]
    assert execution.variables()["test1"] == {"auc": 0.9}
