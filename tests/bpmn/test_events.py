"""Timers, messages, signals, errors, escalations, terminate; on the way, on the boundary, behind a gateway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.bpmn import PENDING, BpmnError, Execution, StartUnknown
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW, Running, made


def test_an_intermediate_timer_fires_only_on_command():
    run = Running(
        made(d.start(), d.catch("Wait", d.timer("duration", "PT5M")), d.end(), d.chain("Start", "Wait", "End"))
    )
    (timer,) = run.rest.timers
    assert timer.due == NOW + timedelta(minutes=5)
    assert not run.act(lambda execution: None).finished
    assert run.fire("Wait").finished
    assert run.steps == [
        ("Start", "entered"), ("Start", "completed"), ("Wait", "entered"), ("Wait", "completed"),
        ("End", "entered"), ("End", "completed"),
    ]  # fmt: skip


def test_a_cycle_on_the_way_is_waited_for_once():
    """Cron says which time is meant: the next Monday at six."""
    of = made(d.start(), d.catch("Wait", d.timer("cycle", "0 6 * * 1")), d.end(), d.chain("Start", "Wait", "End"))
    run = Running(of)
    (timer,) = run.rest.timers
    assert (timer.due, timer.cycle, timer.left) == (datetime(2027, 1, 11, 6, tzinfo=UTC), False, 1)
    assert run.fire("Wait").finished


def test_a_timer_may_be_an_expression_over_the_variables():
    of = made(d.start(), d.catch("Wait", d.timer("duration", "pause")), d.end(), d.chain("Start", "Wait", "End"))
    assert Running(of, {"pause": "P1D"}).rest.timers[0].due == NOW + timedelta(days=1)
    run = Running(of, {"pause": "soon"})
    assert [(f.element, f.kind) for f in run.rest.failures] == [("Wait", "timer")]
    run.act(lambda execution: execution.retry(run.rest.failures[0].task_id, {"pause": "PT1H"}))
    assert run.rest.timers[0].due == NOW + timedelta(hours=1)


def on_boundary(event, interrupting=True, activity=None, declared=""):
    return made(
        d.start(),
        activity or d.user("Work"),
        d.boundary("Boundary", "Work", event, interrupting),
        d.end(),
        d.user("Aside"),
        d.end("AsideEnd"),
        d.chain("Start", "Work", "End"),
        d.chain("Boundary", "Aside", "AsideEnd"),
        declared=declared,
    )


def test_an_interrupting_timer_takes_the_task_away():
    run = Running(on_boundary(d.timer("duration", "PT1H")))
    assert run.waits() == ["Work"]
    run.fire("Boundary")
    assert run.waits() == ["Aside"]
    assert ("Work", "cancelled") in run.steps
    assert not run.rest.timers
    assert run.answer("Aside").finished


def test_a_task_that_is_done_disarms_its_timer():
    run = Running(on_boundary(d.timer("duration", "PT1H")))
    assert run.answer("Work").finished
    assert all(element != "Boundary" for element, _ in run.steps)


def test_a_cycle_fires_beside_the_task_and_ends_with_its_count():
    run = Running(on_boundary(d.timer("cycle", "R3/PT1H"), interrupting=False))
    for fired in range(1, 4):
        (timer,) = run.rest.timers
        assert timer.due == NOW + timedelta(hours=fired)
        assert timer.left == 4 - fired
        run.fire("Boundary")
        assert run.waits() == [*["Aside"] * fired, "Work"]
    assert not run.rest.timers
    run.answer("Work")
    for _ in range(3):
        run.answer("Aside")
    assert run.rest.finished


def test_an_overdue_cycle_does_not_catch_up():
    """Fault 14: what was missed is skipped, one firing a command."""
    run = Running(on_boundary(d.timer("cycle", "R/PT1H"), interrupting=False))
    run.fire("Boundary", NOW + timedelta(hours=5, minutes=30))
    assert [timer.due for timer in run.rest.timers] == [NOW + timedelta(hours=6)]


def test_side_branches_of_a_cycle_do_not_pile_up_in_the_state():
    of = made(
        d.start(),
        d.user("Work"),
        d.boundary("Tick", "Work", d.timer("cycle", "R/PT1H"), False),
        d.script("Note", "n = n + 1"),
        d.end(),
        d.end("NoteEnd"),
        d.chain("Start", "Work", "End"),
        d.chain("Tick", "Note", "NoteEnd"),
    )
    run = Running(of, {"n": 0})
    sizes = []
    for _ in range(60):
        run.fire("Tick")
        sizes.append(len(run.kept))
    assert max(sizes[5:]) <= sizes[5] + 20


def test_a_message_takes_the_token_on_and_its_payload_into_a_variable():
    of = made(
        d.start(),
        d.catch("Wait", d.message("changed", "news")),
        d.end(),
        d.chain("Start", "Wait", "End"),
        declared=d.declared("changed"),
    )
    run = Running(of)
    assert [(message.name, message.element) for message in run.rest.messages] == [("changed", "Wait")]
    run.send("other", a=1)
    assert not run.rest.finished
    assert run.send("changed", a=1).finished
    assert run.variables == {"news": {"a": 1}}


def test_a_thrown_message_leaves_the_instance_with_its_payload():
    of = made(
        d.start(),
        d.throw("Tell", d.message("told", payload="{'n': n + 1}")),
        d.end("End", d.message("over")),
        d.chain("Start", "Tell", "End"),
        declared=d.declared("told", "over"),
    )
    run = Running(of, {"n": 1})
    assert [(thrown.name, thrown.payload) for thrown in run.rest.thrown] == [("told", {"n": 2}), ("over", {})]


def test_a_message_start_event_begins_where_its_message_says():
    of = made(
        d.start(),
        d.start("OnMessage", d.message("asked")),
        d.user("A"),
        d.user("B"),
        d.end(),
        d.end("End2"),
        d.chain("Start", "A", "End"),
        d.chain("OnMessage", "B", "End2"),
        declared=d.declared("asked"),
    )
    assert Running(of).waits() == ["A"]
    assert Running(of, message="asked").waits() == ["B"]
    with pytest.raises(StartUnknown):
        Running(of, message="unknown")


def test_a_process_may_be_started_at_any_of_its_start_events():
    starts = (d.start("Told", d.message("asked", "what")), d.start("Heard", d.event("signal", "go")),
              d.start("Due", d.timer("cycle", "0 6 * * 1")))  # fmt: skip
    flows = [d.flow(name, "Top") for name in ("Told", "Heard", "Due")]
    parts = (*starts, d.gateway("exclusive", "Top"), d.user("A"), d.end(), d.chain("Top", "A", "End"), *flows)
    declared = d.declared("asked", signals=("go",))
    of = made(*parts, declared=declared)
    for name in ("Told", "Heard", "Due"):
        run = Running(of, event=name, payload={"n": 1})
        assert run.completed() == [name, "Top"]
        assert run.rest.user_tasks[0].variables == ({"what": {"n": 1}} if name == "Told" else {})
    with pytest.raises(StartUnknown, match="somebody"):
        Running(of)
    with pytest.raises(StartUnknown, match="Gone"):
        Running(of, event="Gone")
    assert Running(made(*parts, d.start(), d.flow("Start", "Top"), declared=declared)).completed() == ["Start", "Top"]
    alone = made(starts[2], d.user("A"), d.end(), d.chain("Due", "A", "End"))
    assert Running(alone).completed() == ["Due"], "where it is the only one somebody may start it there"


def test_a_message_boundary_event_that_does_not_interrupt_occurs_again():
    run = Running(on_boundary(d.message("ping"), False, declared=d.declared("ping")))
    run.send("ping")
    run.send("ping")
    assert run.waits() == ["Aside", "Aside", "Work"]
    run.answer("Work")
    assert not run.rest.messages


def test_the_first_event_behind_a_gateway_takes_the_token():
    of = made(
        d.start(),
        d.gateway("eventBased", "First"),
        d.catch("Late", d.timer("duration", "PT1H")),
        d.catch("Come", d.message("come")),
        d.end(),
        d.end("TooLate"),
        d.flow("Start", "First"),
        d.chain("First", "Late", "TooLate"),
        d.chain("First", "Come", "End"),
        declared=d.declared("come"),
    )
    run = Running(of)
    assert run.active == {("First", 1)}
    assert (len(run.rest.timers), len(run.rest.messages)) == (1, 1)
    assert run.send("come").finished
    assert run.steps == [
        ("Start", "entered"), ("Start", "completed"), ("First", "entered"), ("First", "completed"),
        ("Come", "entered"), ("Come", "completed"), ("End", "entered"), ("End", "completed"),
    ]  # fmt: skip
    run = Running(of)
    assert run.fire("Late").finished
    assert run.completed()[-1] == "TooLate"


def with_error(activity, called=None):
    return made(
        d.start(),
        activity,
        d.boundary("Void", "Work", d.event("error", "void")),
        d.boundary("Other", "Work", d.event("error", "other")),
        d.end(),
        d.user("Again"),
        d.end("OtherEnd"),
        d.chain("Start", "Work", "End"),
        d.chain("Void", "Again", "Work"),
        d.chain("Other", "OtherEnd"),
        declared=d.declared(errors=("void", "other")),
        called=called,
    )


def raising(code):
    def invoke(call):
        raise BpmnError(code)

    return invoke


def test_a_handlers_error_goes_to_the_boundary_event_of_its_code():
    """Fault 11."""
    execution = Execution.start(with_error(d.service("Work")), {}, now=NOW)
    rest = execution.run(raising("void"))
    assert [task.element for task in rest.user_tasks] == ["Again"]
    assert not rest.failures
    happened = [(step.element, step.happened) for step in rest.trace]
    assert happened[2:6] == [
        ("Work", "entered"), ("Void", "entered"), ("Work", "cancelled"), ("Void", "completed"),
    ]  # fmt: skip


def test_an_error_that_nobody_catches_is_a_failure_with_its_code():
    execution = Execution.start(with_error(d.service("Work")), {}, now=NOW)
    (failure,) = execution.run(raising("third")).failures
    assert (failure.kind, failure.error_code, failure.element) == ("error", "third", "Work")
    execution.retry(failure.task_id)
    assert execution.run(lambda call: None).finished


def test_a_job_that_fails_by_name_goes_to_the_boundary_event_and_its_late_result_is_refused():
    run = Running(with_error(d.service("Work")))
    execution = Execution.start(with_error(d.service("Work")), {}, now=NOW)
    (job,) = execution.run(lambda call: PENDING).jobs
    assert execution.fail_service_task(job.task_id, "void")
    assert [task.element for task in execution.run(lambda call: PENDING).user_tasks] == ["Again"]
    assert run.rest.finished


def test_two_tasks_with_the_same_error_code_have_their_own_boundary_events():
    """SpiffWorkflow matches by workflow: it would fire both."""
    parts = [d.start(), d.gateway("parallel", "Split"), d.flow("Start", "Split")]
    for name in "AB":
        parts += [
            d.service(name),
            d.boundary(f"Void{name}", name, d.event("error", "void")),
            d.end(f"End{name}"),
            d.end(f"Caught{name}"),
            d.chain("Split", name, f"End{name}"),
            d.flow(f"Void{name}", f"Caught{name}"),
        ]
    execution = Execution.start(made(*parts, declared=d.declared(errors=("void",))), {}, now=NOW)
    jobs = {job.element: job.task_id for job in execution.run(lambda call: PENDING).jobs}
    execution.fail_service_task(jobs["A"], "void")
    rest = execution.run(lambda call: PENDING)
    assert [job.element for job in rest.jobs] == ["B"]
    execution.complete_service_task(jobs["B"], None)
    assert execution.run(lambda call: PENDING).finished


INNER = d.files(
    "inner",
    d.start("InnerStart"),
    d.service("Inner"),
    d.gateway("exclusive", "Good", default="bad"),
    d.end("InnerEnd"),
    d.end("InnerError", d.event("error", "void")),
    d.chain("InnerStart", "Inner", "Good"),
    d.flow("Good", "InnerEnd", "good == true"),
    d.flow("Good", "InnerError", id="bad"),
    declared=d.declared(errors=("void",)),
)


def test_an_error_end_event_of_a_called_process_is_caught_on_the_call():
    run = Running(with_error(d.call("Work", "inner"), {"inner": INNER}), {"good": False})
    assert run.waits() == ["Again"]
    assert ("Work", "cancelled") in run.steps
    assert ("InnerError", "completed") in run.steps
    run.answer("Again")
    assert run.waits() == ["Again"]


def test_a_handlers_error_inside_a_called_process_is_caught_on_the_call():
    of = with_error(d.call("Work", "inner"), {"inner": INNER})
    execution = Execution.start(of, {"good": True}, now=NOW)
    rest = execution.run(raising("other"))
    assert rest.finished
    assert rest.trace[-1].element == "OtherEnd"


def test_an_escalation_does_not_end_the_subprocess_where_its_event_does_not_interrupt():
    of = made(
        d.start(),
        d.sub("Work", d.start("S"), d.throw("Up", d.event("escalation", "help")), d.user("Inside"), d.end("E"),
              d.chain("S", "Up", "Inside", "E")),
        d.boundary("Help", "Work", d.event("escalation", "help"), False),
        d.user("Boss"),
        d.end(),
        d.end("BossEnd"),
        d.chain("Start", "Work", "End"),
        d.chain("Help", "Boss", "BossEnd"),
        declared=d.declared(escalations=("help",)),
    )  # fmt: skip
    run = Running(of)
    assert run.waits() == ["Boss", "Inside"]
    run.answer("Inside")
    assert run.answer("Boss").finished


def test_a_signal_reaches_everything_that_waits_and_leaves_the_instance_too():
    of = made(
        d.start(),
        d.gateway("parallel", "Split"),
        d.catch("Hear", d.event("signal", "go")),
        d.user("First"),
        d.throw("Say", d.event("signal", "go")),
        d.end(),
        d.end("End2"),
        d.flow("Start", "Split"),
        d.chain("Split", "Hear", "End"),
        d.chain("Split", "First", "Say", "End2"),
        declared=d.declared(signals=("go",)),
    )
    run = Running(of)
    assert [(m.kind, m.name) for m in run.rest.messages] == [("signal", "go")]
    run.answer("First")
    assert run.rest.finished
    assert [(thrown.kind, thrown.name) for thrown in run.rest.thrown] == [("signal", "go")]


def test_a_terminate_event_ends_its_scope_and_no_other():
    of = made(
        d.start(),
        d.sub("Work", d.start("S"), d.gateway("parallel", "F"), d.user("Left"), d.user("Right"), d.end("E"),
              d.end("T", d.event("terminate")), d.flow("S", "F"),
              d.chain("F", "Left", "E"), d.chain("F", "Right", "T")),
        d.user("After"),
        d.end(),
        d.chain("Start", "Work", "After", "End"),
    )  # fmt: skip
    run = Running(of)
    assert run.waits() == ["Left", "Right"]
    run.answer("Right")
    assert run.waits() == ["After"]
    assert ("Left", "cancelled") in run.steps
    assert run.answer("After").finished


def test_a_cancelled_instance_has_no_token_left_and_did_not_finish():
    execution = Execution.start(on_boundary(d.timer("duration", "PT1H")), {}, now=NOW)
    execution.run(lambda call: None)
    execution.cancel()
    execution = Execution.restore(execution.bundle, execution.state(), now=NOW)
    rest = execution.run(lambda call: None)
    assert not rest.finished
    assert execution.cancelled
    assert (execution.active(), rest.user_tasks, rest.timers, rest.failures) == ([], [], [], [])


def test_a_link_goes_on_where_its_name_is_caught_also_backwards():
    """Fault 9: stock SpiffWorkflow reports the process completed, and the part behind the link never runs."""
    of = made(
        d.start(),
        d.catch("Again", d.link("again")),
        d.gateway("exclusive", "Top"),
        d.user("Work"),
        d.gateway("exclusive", "Good", default="no"),
        d.throw("Back", d.link("again")),
        d.throw("On", d.link("on")),
        d.catch("Behind", d.link("on")),
        d.end(),
        d.chain("Start", "Top", "Work", "Good"),
        d.chain("Again", "Top"),
        d.flow("Good", "On", "work.good == true"),
        d.flow("Good", "Back", id="no"),
        d.chain("Behind", "End"),
    )
    run = Running(of)
    run.answer("Work", good=False)
    assert run.completed()[-3:] == ["Back", "Again", "Top"]
    assert run.waits() == ["Work"]
    assert run.answer("Work", good=True).finished
    assert run.completed()[-3:] == ["On", "Behind", "End"]
