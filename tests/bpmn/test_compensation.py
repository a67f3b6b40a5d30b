"""Compensation and transactions: what had completed is undone by its handlers, the latest first, and once."""

from __future__ import annotations

import orjson
import pytest

from engine.bpmn import Execution, Vocabulary, check, preview
from engine.bpmn.completed import MAX_COMPLETED
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW, Running, made
from tests.bpmn.token_game import test_mismatches

NO_MATTER = {"user-tasks", "service-tasks", "idle-tasks"}


def both(*parts, variables=None):
    """A running engine; before that, the diagram has been played through engine and token game."""
    return test_mismatches.both(*parts, variables=variables, runs=3)


def undone_by(activity, handler, part):
    """An activity with the handler that undoes it."""
    return part + d.undoing(activity, handler) + d.for_compensation(d.user(handler))


def step(name, handler=""):
    """A user task that can be undone."""
    return undone_by(name, handler or f"Undo{name}", d.user(name))


def inner(name, *steps):
    """A subprocess of steps that can be undone, one after the other."""
    ends = f"{name}Start", f"{name}End"
    return d.sub(name, d.start(ends[0]), *map(step, steps), d.end(ends[1]), d.chain(ends[0], *steps, ends[1]))


def answered(run, *elements):
    for element in elements:
        run.answer(element, by=element)
    return run


def test_handlers_run_in_reverse_order_of_completion_and_see_what_their_activity_left():
    run = both(
        d.start(), step("A"), step("B"), d.script("C", "b = {'by': 'C'}"), d.throw("T", d.compensate()), d.user("Z"),
        d.end(), d.chain("Start", "A", "B", "C", "T", "Z", "End"),
    )  # fmt: skip
    answered(run, "A", "B")
    (task,) = run.rest.user_tasks
    assert task.element == "UndoB"
    assert task.variables["b"] == {"by": "B"}, "as the activity left it, though it has been written since"
    run.answer("UndoB", at=1)
    (task,) = run.rest.user_tasks
    assert (task.element, task.variables["undob"]) == ("UndoA", {"at": 1})
    run.answer("UndoA")
    assert run.waits() == ["Z"]
    assert run.variables == {"a": {"by": "A"}, "b": {"by": "C"}, "undob": {"at": 1}, "undoa": {}}
    assert run.answer("Z").finished


def test_only_what_has_completed_is_undone():
    run = both(
        d.start(), d.gateway("parallel", "F"), step("A"), step("B"), d.user("Go"), d.throw("T", d.compensate()),
        d.gateway("parallel", "J"), d.end(), d.flow("Start", "F"), d.chain("F", "A", "J"), d.chain("F", "B", "J"),
        d.chain("F", "Go", "T", "J", "End"),
    )  # fmt: skip
    answered(run, "A", "Go")
    assert run.waits() == ["B", "UndoA"]
    answered(run, "UndoA", "B")
    assert run.rest.finished
    assert "UndoB" not in run.completed()


def test_what_is_undone_is_undone_once():
    run = both(
        d.start(), step("A"), d.throw("T1", d.compensate("A")), d.throw("T2", d.compensate("A")), d.end(),
        d.chain("Start", "A", "T1", "T2", "End"),
    )  # fmt: skip
    answered(run, "A", "UndoA")
    assert run.rest.finished
    assert run.completed().count("UndoA") == 1


def test_an_event_that_names_an_activity_leaves_the_others_and_undoes_each_time_it_ran():
    run = both(
        d.start(), d.gateway("exclusive", "Again"), d.script("N", "n = n + 1"), step("A"), step("B"),
        d.gateway("exclusive", "More", "no"), d.end("End", d.compensate("A")), d.chain("Start", "Again", "N", "A", "B"),
        d.chain("B", "More"), d.flow("More", "Again", "n < 3"), d.flow("More", "End", id="no"), variables={"n": 0},
    )  # fmt: skip
    for n in (1, 2, 3):
        run.answer("A", n=n)
        run.answer("B")
    for n in (3, 2, 1):
        (task,) = run.rest.user_tasks
        assert task.variables["a"] == {"n": n}
        run.answer("UndoA")
    assert run.rest.finished
    assert "UndoB" not in run.completed()


def test_a_handler_sees_what_its_activity_was_called_with():
    """The snapshot: the service task's inputs as they were, not as a later pass left them."""
    service = d.service("Do", "work", "done", version="version") + d.undoing("Do", "Undo")
    of = made(
        d.start(), d.script("One", "version = 'credit@1'"), service,
        d.for_compensation(d.service("Undo", "undo", "", version="version", done="done")),
        d.script("Two", "version = 'credit@2'"), d.end("End", d.compensate()),
        d.chain("Start", "One", "Do", "Two", "End"),
    )  # fmt: skip
    calls = []

    def invoke(call):
        calls.append((call.handler, call.parameters))
        return {"at": len(calls)}

    assert Running(of, invoke=invoke).rest.finished
    assert calls == [
        ("work", {"version": "credit@1"}),
        ("undo", {"version": "credit@1", "done": {"at": 1}}),
    ]


def test_a_subprocess_without_a_handler_is_undone_by_what_is_in_it():
    run = both(
        d.start(), step("A"),
        d.sub("S", d.start("S1"), step("B"), inner("In", "C"), step("D"), d.end("E1"),
              d.chain("S1", "B", "In", "D", "E1")),
        d.throw("T", d.compensate()), d.end(), d.chain("Start", "A", "S", "T", "End"),
    )  # fmt: skip
    answered(run, "A", "B", "C", "D", "UndoD")
    assert run.waits() == ["UndoC"]
    assert run.rest.user_tasks[0].scope == ("S", "In")
    answered(run, "UndoC", "UndoB", "UndoA")
    assert run.rest.finished


def test_a_handler_of_a_subprocess_undoes_it_as_a_whole():
    run = both(
        d.start(), undone_by("S", "UndoS", inner("S", "B")), d.end("End", d.compensate("S")),
        d.chain("Start", "S", "End"),
    )  # fmt: skip
    answered(run, "B", "UndoS")
    assert run.rest.finished
    assert "UndoB" not in run.completed()


def test_a_subprocess_that_was_interrupted_has_not_completed_and_is_not_undone():
    run = both(
        d.start(), d.sub("S", d.start("S1"), step("B"), d.user("C"), d.end("E1"), d.chain("S1", "B", "C", "E1")),
        d.boundary("Late", "S", d.timer("duration", "PT1H")), d.throw("T", d.compensate("S")), d.end(), d.end("E"),
        d.chain("Start", "S", "E"), d.chain("Late", "T", "End"),
    )  # fmt: skip
    answered(run, "B")
    assert run.fire("Late").finished
    assert "UndoB" not in run.completed()


@pytest.mark.parametrize("kind", ["true", "false"])
def test_each_copy_of_a_repeated_activity_is_undone_with_its_own_item(kind):
    loop = (
        f'<bpmn:multiInstanceLoopCharacteristics isSequential="{kind}">'
        '<bpmn:loopDataInputRef>xs</bpmn:loopDataInputRef><bpmn:inputDataItem id="x"/>'
        "</bpmn:multiInstanceLoopCharacteristics>"
    )
    run = both(
        d.start(), d.user("A", body=loop, max_instances="5", result="answer"), d.undoing("A", "UndoA"),
        d.for_compensation(d.user("UndoA")), d.end("End", d.compensate()), d.chain("Start", "A", "End"),
        variables={"xs": [1, 2, 3], "answer": {}},
    )  # fmt: skip
    for _ in range(3):
        run.answer("A")
    for x in (3, 2, 1):
        (task,) = run.rest.user_tasks
        assert (task.element, task.variables["x"]) == ("UndoA", x)
        run.answer("UndoA")
    assert run.rest.finished


def test_each_pass_of_a_loop_is_undone():
    loop = '<bpmn:standardLoopCharacteristics loopMaximum="2"/>'
    run = both(
        d.start(), undone_by("A", "UndoA", d.user("A", body=loop)), d.end("End", d.compensate()),
        d.chain("Start", "A", "End"),
    )  # fmt: skip
    run.answer("A", n=1)
    run.answer("A", n=2)
    assert run.rest.user_tasks[0].variables["a"] == {"n": 2}
    run.answer("UndoA")
    assert run.rest.user_tasks[0].variables["a"] == {"n": 1}
    assert run.answer("UndoA").finished


def test_a_subprocess_may_be_the_handler():
    handler = d.sub("UndoA", d.start("S1"), d.user("First"), d.script("Then", "gone = a"), d.end("E1"),
                    d.chain("S1", "First", "Then", "E1"))  # fmt: skip
    run = both(
        d.start(), d.user("A"), d.undoing("A", "UndoA"), d.for_compensation(handler), d.end("End", d.compensate()),
        d.chain("Start", "A", "End"),
    )  # fmt: skip
    answered(run, "A", "First")
    assert run.rest.finished
    assert run.variables["gone"] == {"by": "A"}


def transaction(*inside, beside=()):
    return (
        d.start(), d.transaction("X", d.start("S1"), *inside), d.boundary("Cancelled", "X", d.event("cancel")),
        *beside, d.user("Tell"), d.user("Done"), d.end(), d.end("E"), d.chain("Start", "X", "Done", "End"),
        d.chain("Cancelled", "Tell", "E"),
    )  # fmt: skip


STEPS = (
    step("A"), step("B"), d.gateway("exclusive", "Good", "yes"), d.end("E1"), d.end("Cancel", d.event("cancel")),
    d.chain("S1", "A", "B", "Good"), d.flow("Good", "Cancel", "b.by == 'nobody'"), d.flow("Good", "E1", id="yes"),
)  # fmt: skip


def test_a_cancelled_transaction_is_undone_and_left_by_its_cancel_event():
    run = both(*transaction(*STEPS), variables={"a": 0})
    run.answer("A", by="A")
    run.answer("B", by="nobody")
    assert run.waits() == ["UndoB"]
    run.answer("UndoB")
    assert run.waits() == ["UndoA"]
    run.answer("UndoA")
    assert run.waits() == ["Tell"]
    assert run.variables == {"a": 0}, "what the transaction wrote went with it"
    assert run.answer("Tell").finished
    assert "Cancelled" in run.completed()


def test_a_transaction_that_is_not_cancelled_is_a_subprocess():
    run = both(*transaction(*STEPS))
    answered(run, "A", "B")
    assert run.waits() == ["Done"]


def test_what_is_still_active_is_cancelled_and_what_had_completed_in_it_is_undone():
    run = both(*transaction(
        d.gateway("parallel", "F"), step("A"), d.user("Give_up"), d.end("Cancel", d.event("cancel")), d.end("E1"),
        undone_by("In", "UndoIn", inner("In", "B", "C")),
        d.chain("S1", "F", "A", "E1"), d.chain("F", "Give_up", "Cancel"), d.chain("F", "In", "E1"),
    ))  # fmt: skip
    answered(run, "B", "A", "Give_up")
    assert run.waits() == ["UndoA"]
    run.answer("UndoA")
    assert run.waits() == ["UndoB"], "the subprocess itself had not completed, but this in it had"
    run.answer("UndoB")
    assert run.waits() == ["Tell"]
    assert "UndoIn" not in run.completed()


def test_an_error_leaves_a_transaction_without_undoing_anything():
    """A hazard: BPMN 2.0.2, 10.3.5."""
    run = both(*transaction(
        step("A"), d.end("Broken", d.event("error", "e1")), d.chain("S1", "A", "Broken"),
        beside=(d.boundary("Hazard", "X", d.event("error", "e1")), d.user("Look"), d.chain("Hazard", "Look", "E")),
    ))  # fmt: skip
    answered(run, "A")
    assert run.waits() == ["Look"]
    assert "UndoA" not in run.completed()


def test_records_go_with_their_scope():
    """A loop of transactions keeps nothing of the passes behind it."""
    of = made(
        d.start(), d.gateway("exclusive", "Again"), d.transaction(
            "X", d.start("S1"), step("A"), d.end("Cancel", d.event("cancel")), d.chain("S1", "A", "Cancel")),
        d.boundary("Cancelled", "X", d.event("cancel")), d.end(), d.chain("Start", "Again", "X", "End"),
        d.flow("Cancelled", "Again"),
    )  # fmt: skip
    run, sizes = Running(of), []
    for _ in range(12):
        run.answer("A")
        run.answer("UndoA")
        sizes.append(len(run.kept))
    assert max(sizes[2:]) - min(sizes[2:]) <= 2


def test_a_loop_for_years_keeps_the_latest_and_says_so_when_all_shall_be_undone():
    of = made(
        d.start(), d.gateway("exclusive", "Again"), d.script("N", "n = n + 1"), d.undoing("N", "UndoN"),
        d.for_compensation(d.script("UndoN", "undone = undone + 1")), d.gateway("exclusive", "More", "no"),
        d.end("End", d.compensate()), d.chain("Start", "Again", "N", "More"),
        d.flow("More", "Again", f"n < {MAX_COMPLETED + 3}"), d.flow("More", "End", id="no"),
    )  # fmt: skip
    run = Running(of, {"n": 0, "undone": 0})
    (failure,) = run.rest.failures
    assert (failure.kind, failure.element) == ("compensation", "End")
    assert "the first 3 " in failure.cause
    run.act(lambda execution: execution.retry(failure.task_id))
    assert run.rest.finished
    assert run.variables["undone"] == MAX_COMPLETED


HANDLED = d.undoing("X", "Y") + d.for_compensation(d.user("Y"))


def cancelled(**given):
    whole = d.transaction("S", d.start("S1"), d.end("T", d.event("cancel")), d.chain("S1", "T")) + d.flow("X", "S")
    return whole.replace("<bpmn:transaction", f"<bpmn:transaction{d.attributes(**given)}")


REFUSED = [
    ("compensation", "No association", d.boundary("B", "X", d.compensate())),
    ("compensation", "not marked", d.undoing("X", "Y") + d.user("Y") + d.flow("Y", "End")),
    ("compensation", "two compensation events", HANDLED
     + d.boundary("B", "X", d.compensate()) + '<bpmn:association id="a" sourceRef="B" targetRef="Y"/>'),
    ("compensation", "several activities", HANDLED
     + d.for_compensation(d.user("Z")) + '<bpmn:association id="a" sourceRef="Z" targetRef="Undo_X"/>'),
    ("compensation", "A flow leads to", HANDLED + d.flow("Y", "End")),
    ("compensation", "A flow leaves", HANDLED + d.flow("Undo_X", "End")),
    ("compensation", "boundary event", HANDLED
     + d.boundary("B", "Y", d.timer("duration", "PT1H")) + d.flow("B", "End")),
    ("compensation", "not compensated itself", HANDLED + d.undoing("Y", "Y")),
    ("compensation", "no compensation event leads to it", d.for_compensation(d.user("Y"))),
    ("compensation", "another subprocess", d.undoing("X", "Y") + d.sub(
        "S", d.for_compensation(d.user("Y")), d.start("S1"), d.end("E1"), d.chain("S1", "E1")) + d.flow("S", "End")),
    ("compensation", "is not there", d.end("T", d.compensate("Gone")) + d.flow("X", "T")),
    ("compensation", "another scope", d.sub("S", d.start("S1"), d.end("T", d.compensate("X")), d.chain("S1", "T"))
     + d.flow("X", "S")),
    ("compensation", "in an event subprocess", HANDLED + d.handler(
        "H", d.start("HS", d.timer("duration", "PT1H")), d.end("T", d.compensate()), d.chain("HS", "T"))),
    ("transactions", "outside of a transaction", d.end("T", d.event("cancel")) + d.flow("X", "T")),
    ("transactions", "something else", d.boundary("B", "X", d.event("cancel")) + d.flow("B", "End")),
    ("transactions", "no cancel event", cancelled()),
    ("transactions", "does not interrupt", cancelled() + d.boundary("B", "S", d.event("cancel"), False)),
    ("transactions", '"##Image"', cancelled(method="##Image")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "told", "parts"), REFUSED, ids=[told for _, told, _ in REFUSED])
def test_what_is_not_executed_is_refused_by_name(rule, told, parts):
    files = d.files("p", d.start(), d.user("X"), d.end(), d.chain("Start", "X", "End"), parts)
    found = [issue for issue in check(files, Vocabulary()) if issue.rule == rule and issue.severity == "error"]
    assert any(told in issue.reason for issue in found), check(files, Vocabulary())
    assert all(issue.element and issue.hint for issue in found)


def test_an_event_with_nothing_to_undo_is_warned_of_and_passed():
    parts = (d.start(), d.user("X"), d.end("End", d.compensate()), d.chain("Start", "X", "End"))
    (issue,) = [each for each in check(d.files("p", *parts), Vocabulary()) if each.rule not in NO_MATTER]
    assert (issue.rule, issue.severity, issue.element) == ("compensation", "warning", "End")
    assert answered(both(*parts), "X").rest.finished


def test_an_association_may_be_drawn_either_way_round():
    parts = [d.start(), step("A"), d.end("End", d.compensate()), d.chain("Start", "A", "End")]
    parts[1] = parts[1].replace('sourceRef="Undo_A" targetRef="UndoA"', 'sourceRef="UndoA" targetRef="Undo_A"')
    answered(Running(made(*parts)), "A", "UndoA")


def test_the_path_told_before_a_start_goes_through_what_would_be_undone():
    of = made(*transaction(*STEPS))
    steps = preview(of, {}, lambda call: None, lambda task: {"by": "nobody"}, now=NOW)
    done = [step.element for step in steps if step.happened == "completed"]
    assert [element for element in done if element.startswith("Undo")] == ["UndoB", "UndoA"]
    assert done[-3:] == ["Cancelled", "Tell", "E"]


def test_a_restore_forgets_nothing_of_what_can_be_undone():
    """Records are in the state. Its format stays, since older versions refuse such a diagram."""
    run = Running(
        made(d.start(), step("A"), step("B"), d.end("End", d.compensate()), d.chain("Start", "A", "B", "End"))
    )
    answered(run, "A")
    kept = orjson.loads(run.kept)["scopes"][0]["records"]
    assert [(record[0], record[2]) for record in kept] == [("A", {"a": {"by": "A"}})]
    answered(run, "B")
    assert "records" not in orjson.loads(run.kept)["scopes"][0]
    answered(run, "UndoB", "UndoA")
    assert run.rest.finished


def test_an_event_that_waits_for_handlers_is_not_moved_away_from_them():
    run = Running(made(d.start(), step("A"), d.throw("T", d.compensate()), d.user("Z"), d.end(),
                       d.chain("Start", "A", "T", "Z", "End")))  # fmt: skip
    answered(run, "A")
    execution = Execution.restore(run.bundle, run.kept, now=NOW)
    assert not execution.standing()
    answered(run, "UndoA")
    assert [each.element for each in Execution.restore(run.bundle, run.kept, now=NOW).standing()] == ["Z"]


def unwaited():
    """U goes on while A is undone; what the handler changed is joined at the end."""
    return (
        d.start(), d.script("A", "a = 1"), d.undoing("A", "NotA"),
        d.for_compensation(d.user("NotA", result="undone")), d.throw("T", d.compensate("A", waits=False)), d.user("U"),
        d.end(), d.chain("Start", "A", "T", "U", "End"),
    )  # fmt: skip


def test_a_flow_that_need_not_wait_goes_on_beside_the_compensation():
    run = Running(made(*unwaited()), {})
    assert run.waits() == ["NotA", "U"]
    run.answer("U")
    assert not run.rest.finished
    run.answer("NotA", done=True)
    assert run.rest.finished
    assert run.variables["undone"] == {"done": True}
    assert run.completed() == ["Start", "A", "U", "End", "NotA", "T"]


def test_what_completes_after_the_event_was_reached_is_not_asked_for():
    parts = (
        d.start(), d.gateway("exclusive", "Again"), d.script("A", "a = 1"), d.undoing("A", "NotA"),
        d.for_compensation(d.user("NotA")), d.throw("T", d.compensate("A", waits=False)), d.user("U"),
        d.gateway("exclusive", "More", "no"), d.end(), d.chain("Start", "Again", "A", "T", "U", "More"),
        d.flow("More", "Again", "u['more']"), d.flow("More", "End", id="no"),
    )  # fmt: skip
    run = Running(made(*parts), {})
    run.answer("U", more=True)
    # Each pass has its own handler under way.
    assert run.waits() == ["NotA", "NotA", "U"]


def test_a_token_that_is_moved_to_the_event_goes_on_beside_it_too():
    run = Running(made(*unwaited()), {})
    task = next(each.task_id for each in run.rest.user_tasks if each.element == "U")
    run.act(lambda execution: execution.move(task, "T"))
    assert run.waits() == ["NotA", "U"]
