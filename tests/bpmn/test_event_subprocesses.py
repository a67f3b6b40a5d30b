"""Event subprocesses: what begins them, what an interrupting one takes away, in which context they run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.bpmn import BpmnError, Execution
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW, Running, made

DECLARED = d.declared("come", "other", signals=("go",), errors=("bad", "worse"), escalations=("up",))


def handler(definition, *between, interrupting=True, name="Handler", ending=""):
    """An event subprocess with these elements between its start and its end."""
    ids = [f"{name}Start", *(part.split('id="')[1].split('"')[0] for part in between), f"{name}End"]
    return d.handler(
        name, d.start(ids[0], definition, interrupting), *between, d.end(ids[-1], ending), d.chain(*ids)
    )  # fmt: skip


def main(*parts, work=None, **given):
    return made(
        d.start(), work or d.user("Work"), d.end(), d.chain("Start", "Work", "End"), *parts, declared=DECLARED, **given
    )


def test_an_interrupting_one_takes_the_place_of_the_flow():
    """Fault 8: `isInterrupting` is read nowhere in stock SpiffWorkflow."""
    run = Running(main(handler(d.timer("duration", "P30D"), d.user("Late"))))
    (timer,) = run.rest.timers
    assert (timer.element, timer.scope, timer.interrupting) == ("HandlerStart", ("Handler",), True)
    assert timer.due == NOW + timedelta(days=30)
    run.fire("HandlerStart")
    assert run.waits() == ["Late"]
    assert ("Work", "cancelled") in run.steps
    assert not run.rest.timers
    assert run.active == {("Handler", 1), ("Late", 1)}
    assert run.answer("Late").finished
    assert run.completed() == ["Start", "HandlerStart", "Late", "HandlerEnd", "Handler"]


def test_one_that_does_not_interrupt_runs_beside_the_flow_as_often_as_its_event_occurs():
    run = Running(main(handler(d.message("come", "news"), d.user("Beside"), interrupting=False)))
    assert [(m.name, m.element, m.scope) for m in run.rest.messages] == [("come", "HandlerStart", ("Handler",))]
    run.send("come", n=1)
    run.send("come", n=2)
    assert run.waits() == ["Beside", "Beside", "Work"]
    assert sorted(t.variables["news"]["n"] for t in run.rest.user_tasks if t.element == "Beside") == [1, 2]
    run.answer("Work")
    assert not run.rest.messages, "once the flow is over no more of them begin"
    run.answer("Beside")
    assert not run.rest.finished
    run.answer("Beside")
    assert [(f.kind, f.element) for f in run.rest.failures] == [("conflict", "p")], "both left a value in news"


@pytest.mark.parametrize("interrupting", [True, False])
def test_a_signal_begins_it(interrupting):
    run = Running(main(handler(d.event("signal", "go"), d.user("Beside"), interrupting=interrupting)))
    run.act(lambda execution: execution.deliver_signal("go", {}))
    assert run.waits() == (["Beside"] if interrupting else ["Beside", "Work"])


def test_a_timer_may_repeat_where_it_does_not_interrupt():
    run = Running(main(handler(d.timer("cycle", "R2/PT1H"), d.user("Beside"), interrupting=False)))
    for fired in (1, 2):
        (timer,) = run.rest.timers
        assert (timer.due, timer.left, timer.cycle) == (NOW + timedelta(hours=fired), 3 - fired, True)
        run.fire("HandlerStart")
    assert not run.rest.timers
    assert run.waits() == ["Beside", "Beside", "Work"]


def test_a_handlers_error_begins_it_before_the_boundary_around_its_scope():
    inside = d.sub(
        "Work", d.start("S"), d.service("Call"), d.end("E"), d.chain("S", "Call", "E"),
        handler(d.event("error", "bad"), d.user("Mend")),
    )  # fmt: skip
    of = main(
        *(d.boundary("Caught", "Work", d.event("error")), d.end("CaughtEnd"), d.flow("Caught", "CaughtEnd")),
        work=inside,
    )

    def failing(code):
        def invoke(call):
            raise BpmnError(code)

        return invoke

    execution = Execution.start(of, {}, now=NOW)
    rest = execution.run(failing("bad"))
    assert [(task.element, task.scope) for task in rest.user_tasks] == [("Mend", ("Work", "Handler"))]
    execution.complete_user_task(rest.user_tasks[0].task_id, {})
    rest = execution.run(failing("bad"))
    assert rest.finished
    assert [s.element for s in rest.trace if s.happened == "completed"][-3:] == ["Handler", "Work", "End"]
    rest = Execution.start(of, {}, now=NOW).run(failing("worse"))
    assert rest.trace[-1].element == "CaughtEnd"


def test_an_error_that_is_thrown_again_inside_goes_on_outwards():
    """BPMN 2.0.2, 13.5.4: it may throw its event again, to be caught at the boundary of its scope."""
    inside = d.sub(
        "Work", d.start("S"), d.end("E", d.event("error", "bad")), d.chain("S", "E"),
        handler(d.event("error", "bad"), d.script("Note", "noted = true"), ending=d.event("error", "bad")),
    )  # fmt: skip
    run = Running(
        main(
            *(d.boundary("Caught", "Work", d.event("error", "bad")), d.user("Aside"), d.end("CaughtEnd")),
            *(d.chain("Caught", "Aside", "CaughtEnd"),),
            work=inside,
        )
    )
    assert run.waits() == ["Aside"]
    assert run.completed() == ["Start", "S", "E", "HandlerStart", "Note", "HandlerEnd", "Caught"]


def test_an_escalation_begins_it_beside_the_one_who_threw():
    inside = d.sub(
        "Work", d.start("S"), d.throw("Up", d.event("escalation", "up")), d.user("Inside"), d.end("E"),
        d.chain("S", "Up", "Inside", "E"), handler(d.event("escalation", "up"), d.user("Boss"), interrupting=False),
    )  # fmt: skip
    run = Running(main(work=inside))
    assert run.waits() == ["Boss", "Inside"]
    run.answer("Inside")
    assert run.waits() == ["Boss"]
    assert run.answer("Boss").finished


def test_it_runs_in_the_context_of_its_scope_and_leaves_it_what_it_wrote():
    forked = (
        *(d.start(), d.gateway("parallel", "F"), d.script("A", "a = 1"), d.script("B", "b = 2"), d.user("Wait")),
        *(d.user("Also"), d.end(), d.end("End2"), d.flow("Start", "F"), d.chain("F", "A", "Wait", "End")),
        *(d.chain("F", "B", "Also", "End2"),),
    )
    of = made(*forked, handler(d.message("come"), d.script("Sum", "c = a + b")), declared=DECLARED)
    run = Running(of)
    run.send("come")
    assert run.rest.finished
    assert run.variables == {"a": 1, "b": 2, "c": 3}
    beside = made(*forked, handler(d.message("come"), d.script("Sum", "c = a + b"), interrupting=False),
                  declared=DECLARED)  # fmt: skip
    run = Running(beside)
    run.send("come")
    run.answer("Wait")
    assert run.answer("Also").finished
    assert run.variables["c"] == 3


def test_where_branches_disagree_it_waits_for_an_operator():
    of = made(
        d.start(), d.gateway("parallel", "F"), d.script("A", "a = 1"), d.script("B", "a = 2"), d.user("Wait"),
        d.user("Also"), d.end(), d.end("End2"), d.flow("Start", "F"), d.chain("F", "A", "Wait", "End"),
        d.chain("F", "B", "Also", "End2"), handler(d.message("come"), d.script("Double", "c = a * 2")),
        declared=DECLARED,
    )  # fmt: skip
    run = Running(of)
    (failure,) = run.send("come").failures
    assert (failure.kind, failure.element) == ("conflict", "HandlerStart")
    assert '"a"' in failure.cause
    assert not run.waits()
    run.act(lambda execution: execution.retry(failure.task_id, {"a": 5}))
    assert run.rest.finished
    assert run.variables == {"a": 5, "c": 10}


def test_what_an_activity_had_begun_is_lost_and_what_had_ended_is_kept():
    of = made(
        d.start(), d.gateway("parallel", "F"), d.script("A", "a = 1"), d.end("Done"), d.end(),
        d.sub("Work", d.start("S"), d.script("B", "b = 1"), d.user("Inside"), d.end("E"),
              d.chain("S", "B", "Inside", "E")),
        d.flow("Start", "F"), d.chain("F", "A", "Done"), d.chain("F", "Work", "End"),
        handler(d.message("come"), d.user("Instead")), declared=DECLARED,
    )  # fmt: skip
    run = Running(of)
    assert run.waits() == ["Inside"]
    (task,) = run.send("come").user_tasks
    assert task.variables == {"a": 1}
    assert ("Work", "cancelled") in run.steps
    assert run.answer("Instead").finished


def test_they_nest_and_stand_in_called_processes():
    inner = d.files(
        "inner", d.start("S"), d.user("Inside"), d.end("E"), d.chain("S", "Inside", "E"),
        d.handler("H", d.start("HS", d.message("come")), d.user("First"), d.end("HE"), d.chain("HS", "First", "HE"),
                  d.handler("HH", d.start("HHS", d.message("other"), False), d.user("Second"), d.end("HHE"),
                            d.chain("HHS", "Second", "HHE"))),
        declared=DECLARED,
    )  # fmt: skip
    run = Running(main(work=d.call("Work", "inner"), called={"inner": inner}))
    run.send("other")
    assert run.waits() == ["Inside"], "the inner one listens while the outer one runs"
    run.send("come")
    run.send("other")
    assert run.waits() == ["First", "Second"]
    assert {t.element: t.scope for t in run.rest.user_tasks}["Second"] == ("Work", "H", "HH")
    run.answer("First")
    assert run.answer("Second").finished


def test_an_interrupting_one_takes_those_that_run_and_disarms_the_others():
    run = Running(
        main(
            handler(d.message("come"), d.user("Beside"), interrupting=False),
            handler(d.event("signal", "go"), d.user("Instead"), name="Stop"),
            handler(d.timer("duration", "PT1H"), name="Late"),
        )
    )
    run.send("come")
    run.act(lambda execution: execution.deliver_signal("go", {}))
    assert run.waits() == ["Instead"]
    assert ("Beside", "cancelled") in run.steps
    assert not run.rest.timers
    assert not run.rest.messages


def test_a_signal_that_begins_an_interrupting_one_begins_nothing_else_in_its_scope():
    run = Running(
        main(
            handler(d.event("signal", "go"), d.user("Beside"), interrupting=False),
            handler(d.event("signal", "go"), d.user("Instead"), name="Stop"),
        )
    )
    run.act(lambda execution: execution.deliver_signal("go", {}))
    assert run.waits() == ["Instead"]
    assert ("Handler", "entered") not in run.steps


def test_a_terminate_event_inside_ends_the_event_subprocess_alone():
    run = Running(
        main(handler(d.message("come"), d.user("Beside"), interrupting=False, ending=d.event("terminate")))
    )  # fmt: skip
    run.send("come")
    run.answer("Beside")
    assert run.waits() == ["Work"]
    assert run.answer("Work").finished


def test_a_join_that_waits_in_vain_is_told_unless_an_interrupting_one_can_still_begin():
    def stuck(interrupting):
        return Running(made(
            d.start(), d.gateway("exclusive", "X", default="x"), d.gateway("parallel", "J"), d.end(),
            d.flow("Start", "X"), d.flow("X", "J", "true", "one"), d.flow("X", "J", id="x"), d.flow("J", "End"),
            handler(d.message("come"), interrupting=interrupting), declared=DECLARED,
        ))  # fmt: skip

    assert [f.kind for f in stuck(False).rest.failures] == ["stuck"]
    run = stuck(True)
    assert not run.rest.failures
    assert run.send("come").finished


def test_a_thousand_of_them_leave_the_state_as_small_as_ten():
    of = main(handler(d.timer("cycle", "R/PT1H"), d.script("Count", "n = n + 1"), interrupting=False))
    execution, sizes = Execution.start(of, {"n": 0}, now=NOW), []
    for _ in range(1_000):
        (timer,) = execution.run(lambda call: None).timers
        assert execution.fire_timer(timer.task_id, timer.due)
        execution.run(lambda call: None)
        sizes.append(len(execution.state()))
        execution = Execution.restore(of, execution.state(), now=NOW)
    assert execution.variables()["n"] == 1_000
    assert max(sizes) <= sizes[10] + 40


def test_a_loop_around_a_scope_with_event_subprocesses_and_links_stays_small():
    inside = d.sub(
        "Work", d.start("S"), d.user("Inside"), d.throw("To", d.link("on")), d.catch("From", d.link("on")), d.end("E"),
        d.chain("S", "Inside", "To"), d.flow("From", "E"),
        handler(d.message("come"), d.script("Count", "m = n"), interrupting=False),
        handler(d.condition("n < 0"), name="Never"),
    )  # fmt: skip
    of = made(
        d.start(), d.gateway("exclusive", "Top"), inside, d.script("Next", "n = n + 1"),
        d.gateway("exclusive", "More", default="out"), d.end(), d.chain("Start", "Top", "Work", "Next", "More"),
        d.flow("More", "Top", "n < 300"), d.flow("More", "End", id="out"), declared=DECLARED,
    )  # fmt: skip
    execution, sizes = Execution.start(of, {"n": 0, "m": 0}, now=NOW), []
    for _ in range(300):
        execution.run(lambda call: None)
        assert execution.deliver_message("come", {})
        (task,) = execution.run(lambda call: None).user_tasks
        execution.complete_user_task(task.task_id, {})
        execution.run(lambda call: None)
        sizes.append(len(execution.state()))
        execution = Execution.restore(of, execution.state(), now=NOW)
    assert execution.run(lambda call: None).finished
    assert execution.variables()["m"] == 299
    assert max(sizes) <= sizes[10] + 40
