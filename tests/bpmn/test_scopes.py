"""Called processes and subprocesses: what goes in, comes out, and is taken away."""

from __future__ import annotations

import pytest

from engine.bpmn import PENDING, BpmnError, CallCycle, CallMissing, Execution, NotExecutable, bundle, describe, writes
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW, Running, made


def calling(process, called, before=""):
    return d.files(
        process, d.start(), before, d.call("Call", called), d.boundary("Late", "Call", d.timer("duration", "PT1H")),
        d.end(), d.end("LateEnd"), d.chain("Start", "Call", "End"), d.flow("Late", "LateEnd"),
    )  # fmt: skip


WORKING = d.files("c", d.start(), d.service("Work", result="made"), d.end(), d.chain("Start", "Work", "End"))


def three_deep():
    return bundle(calling("a", "b"), {"b": calling("b", "c"), "c": WORKING, "unused": WORKING})


def test_calls_nest_and_all_variables_come_out():
    run = Running(three_deep(), {"x": 1})
    assert run.rest.finished
    run = Running(three_deep(), {"x": 1})
    assert run.variables == {"x": 1, "made": None}


def test_an_interrupting_event_takes_away_everything_beneath_its_activity():
    of = three_deep()
    assert set(of.called) == {"b", "c"}
    execution = Execution.start(of, {}, now=NOW)
    rest = execution.run(lambda call: PENDING)
    assert [job.scope for job in rest.jobs] == [("Call", "Call")]
    outer = next(timer for timer in rest.timers if timer.process == "a")
    execution = Execution.restore(of, execution.state(), now=NOW)
    assert execution.fire_timer(outer.task_id, outer.due)
    rest = execution.run(lambda call: PENDING)
    assert rest.finished
    assert not rest.jobs
    assert not rest.timers
    assert {(s.process, s.element) for s in rest.trace if s.happened == "cancelled"} == {
        ("a", "Call"), ("b", "Call"), ("c", "Work"),
    }  # fmt: skip
    assert not execution.fire_timer(outer.task_id, outer.due)


def test_subprocesses_of_the_same_id_in_two_processes_are_kept_apart():
    def with_sub(process, *more):
        inner = d.sub("Sub", d.start("S"), d.script("T", f"{process} = 1"), d.end("E"), d.chain("S", "T", "E"))
        return d.files(process, d.start(), inner, *more, d.end())

    of = bundle(
        with_sub("a", d.call("Call", "b"), d.chain("Start", "Sub", "Call", "End")),
        {"b": with_sub("b", d.chain("Start", "Sub", "End"))},
    )
    assert Running(of).variables == {"a": 1, "b": 1}


def test_an_error_in_one_copy_leaves_all_copies_by_the_boundary():
    loop = (
        "<bpmn:multiInstanceLoopCharacteristics><bpmn:loopCardinality>3</bpmn:loopCardinality>"
        "</bpmn:multiInstanceLoopCharacteristics>"
    )
    of = made(
        d.start(), d.service("Each", body=loop), d.boundary("Void", "Each", d.event("error", "void")), d.end(),
        d.end("VoidEnd"), d.chain("Start", "Each", "End"), d.flow("Void", "VoidEnd"),
        declared=d.declared(errors=("void",)),
    )  # fmt: skip
    execution = Execution.start(of, {}, now=NOW)
    jobs = execution.run(lambda call: PENDING).jobs
    assert len(jobs) == 3
    assert execution.fail_service_task(jobs[1].task_id, "void")
    rest = execution.run(lambda call: PENDING)
    assert rest.finished
    assert rest.trace[-1].element == "VoidEnd"


def test_a_conflict_at_the_end_names_the_process():
    of = made(
        d.start(), d.gateway("parallel", "F"), d.script("A", "v = 1"), d.script("B", "v = 2"), d.end(), d.end("End2"),
        d.flow("Start", "F"), d.chain("F", "A", "End"), d.chain("F", "B", "End2"),
    )  # fmt: skip
    (failure,) = Running(of).rest.failures
    assert (failure.kind, failure.element) == ("conflict", "p")


def test_missing_and_circular_calls_are_refused():
    with pytest.raises(CallMissing, match="c"):
        bundle(calling("a", "b"), {"b": calling("b", "c")})
    with pytest.raises(CallCycle, match="a > b > a"):
        bundle(calling("a", "b"), {"b": calling("b", "a")})
    with pytest.raises(NotExecutable, match="holds process c"):
        bundle(calling("a", "b"), {"b": WORKING})


@pytest.mark.parametrize(
    "part",
    ['<bpmn:complexGateway id="X"/>', d.end("X", d.event("cancel")), d.throw("X", d.link("a")),
     '<bpmn:subProcess id="X" triggeredByEvent="true"/>',
     d.start("X", d.condition("x > 1")), d.catch("X", d.message("gone"))],
)  # fmt: skip
def test_what_is_not_executed_is_refused_even_where_nobody_checked(part):
    with pytest.raises(NotExecutable):
        made(d.start(), part, d.end(), d.chain("Start", "X", "End"))


def test_handlers_that_raise_or_return_nonsense_are_failures():
    of = made(d.start(), d.service("Work", result="made"), d.end(), d.chain("Start", "Work", "End"))

    def raising(call):
        raise KeyError("x")

    for invoke, told in (
        (raising, "KeyError"),
        (lambda call: float("nan"), "not finite"),
        (lambda call: {1: 2}, "no text"),
        (lambda call: object(), "object"),
    ):
        execution = Execution.start(of, {}, now=NOW)
        (failure,) = execution.run(invoke).failures
        assert told in failure.cause
        execution.retry(failure.task_id)
        assert execution.run(lambda call: 1).finished


def test_exceptions_of_the_callers_transaction_pass_through():
    class Deadlock(Exception):
        pass

    def invoke(call):
        raise Deadlock

    of = made(d.start(), d.service("Work"), d.end(), d.chain("Start", "Work", "End"))
    with pytest.raises(Deadlock):
        Execution.start(of, {}, now=NOW).run(invoke, through=(Deadlock,))


def test_a_description_tells_what_a_definition_uses_and_writes():
    files = d.files(
        "p", d.lanes(risk_manager=("Approve",)), d.start("Start", form="start.form.json", once_per_subject="true"),
        d.user("Approve"), d.service("Deploy", "deploy", "deployment"), d.script("Count", "a = 1", "b = a"),
        d.call("Call", "other"), d.catch("Wait", d.message("changed", "news")), d.end(),
        d.chain("Start", "Approve", "Deploy", "Count", "Call", "Wait", "End"), declared=d.declared("changed"),
    )  # fmt: skip
    told = describe(files)
    assert (told.process_id, told.calls, told.messages, told.handlers) == ("p", ("other",), ("changed",), ("deploy",))
    assert (told.start_form, told.start_properties["once_per_subject"]) == ("start.form.json", "true")
    assert (told.elements["Approve"].lane, told.elements["Approve"].kind) == ("risk_manager", "userTask")
    assert {element: sorted(names) for element, names in writes(files).items() if names} == {
        "Approve": ["approve"], "Deploy": ["deployment"], "Count": ["a", "b"], "Wait": ["news"],
    }  # fmt: skip


def test_a_raised_error_without_a_boundary_is_told_with_its_code():
    of = made(d.start(), d.service("Work"), d.end(), d.chain("Start", "Work", "End"))

    def invoke(call):
        raise BpmnError("void")

    (failure,) = Execution.start(of, {}, now=NOW).run(invoke).failures
    assert (failure.kind, failure.error_code) == ("error", "void")
