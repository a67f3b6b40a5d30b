"""Where engine and token game once differed: each a small diagram, played through both, and what is right."""

from __future__ import annotations

import pytest

from engine.bpmn import Execution, bundle
from engine.bpmn.token_game import net
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW, Running
from tests.bpmn.token_game.playing import Player

DECLARED = d.declared("m1", "m2", signals=("s1",), errors=("e1",), escalations=("up1",))


def both(*parts, variables=None, runs=8):
    """A running engine; before that, the diagram has been played through engine and game."""
    files = d.files("p", *parts, declared=DECLARED)
    of = bundle(files)
    for seed in range(runs):
        for restoring in (False, True):
            Player(of, net(files), variables or {}, seed, restoring).play()
    return Running(of, variables)


def test_two_flows_between_the_same_two_gateways_are_two_arrivals():
    """The engine knew an arrival by the element it came from, so an inclusive join fired once for each."""
    run = both(
        d.start(), d.gateway("parallel", "F"), d.gateway("inclusive", "J"), d.end(), d.flow("Start", "F"),
        d.flow("F", "J", id="f1"), d.flow("F", "J", id="f2"), d.flow("J", "End"),
    )  # fmt: skip
    assert run.rest.finished
    assert run.completed().count("J") == 1


def test_a_terminate_event_keeps_what_ended_branches_wrote():
    """The engine went on with the terminating token's variables alone."""
    run = both(
        d.start(), d.gateway("parallel", "F"), d.script("A", "a = 1"), d.user("U"), d.end(),
        d.end("T", d.event("terminate")), d.flow("Start", "F"), d.chain("F", "A", "End"), d.chain("F", "U", "T"),
    )  # fmt: skip
    assert run.answer("U").finished
    assert run.variables == {"a": 1, "u": {}}


def test_an_event_gateway_that_can_still_reach_the_full_flow_does_not_hold_an_inclusive_join_back():
    """BPMN 2.0.2, table 13.3: one token, whichever event it takes; the engine saw a token at each event."""
    run = both(
        d.start(), d.gateway("parallel", "F"), d.user("U"), d.gateway("exclusive", "X"), d.gateway("inclusive", "J"),
        d.gateway("eventBased", "G"), d.catch("C1", d.message("m1")), d.catch("C2", d.message("m2")), d.user("After"),
        d.end(), d.flow("Start", "F"), d.chain("F", "U", "X", "J", "After", "End"), d.flow("F", "G"),
        d.chain("G", "C1", "X"), d.chain("G", "C2", "J"),
    )  # fmt: skip
    assert run.answer("U").user_tasks[0].element == "After"


def nested(*inner):
    return (
        *(d.start(), d.gateway("parallel", "F"), d.script("X", "x = 1"), d.gateway("parallel", "G")),
        *(d.script("C", "c = 1"), d.gateway("parallel", "J"), d.end(), d.flow("Start", "F"), d.chain("F", "X", "G")),
        *(d.chain("F", "C", "J"), d.flow("J", "End"), *inner),
    )


def test_what_a_branch_wrote_before_it_parted_is_no_write_of_each_part():
    """The engine compared all three with the outer fork: "x" seemed written twice, a conflict that was none."""
    run = both(
        *nested(d.script("A", "x = 2"), d.script("B", "b = 1"), d.chain("G", "A", "J"), d.chain("G", "B", "J")),
        variables={"x": 0},
    )
    assert run.rest.finished
    assert run.variables == {"x": 2, "b": 1, "c": 1}


@pytest.mark.parametrize("order", [("U", "V", "W"), ("W", "V", "U"), ("V", "W", "U")])
def test_a_write_is_not_lost_where_branches_join_across_the_forks_they_came_from(order):
    """The engine measured by the last to arrive: setting "x" back to 0 looked like no change, and 1 came back."""
    run = both(
        d.start(), d.gateway("parallel", "F"), d.script("X", "x = 1"), d.gateway("parallel", "G"), d.user("U"),
        d.script("A", "x = 0"), d.user("V"), d.user("W"), d.gateway("parallel", "J1"), d.gateway("parallel", "J2"),
        d.end(), d.flow("Start", "F"), d.chain("F", "X", "G"), d.chain("G", "U", "A", "J1"), d.chain("G", "V", "J2"),
        d.chain("F", "W", "J1"), d.chain("J1", "J2", "End"), variables={"x": 0},
    )  # fmt: skip
    for task in order:
        run.answer(task)
    assert run.rest.finished
    assert run.variables["x"] == 0


def test_a_message_goes_to_the_event_that_waited_longest_also_after_a_restore():
    """The engine's state kept the order of the tree, not that of arrival."""
    run = both(
        d.start(), d.gateway("parallel", "F"), d.user("U"), d.user("V"), d.catch("First", d.message("m1")),
        d.catch("Second", d.message("m1")), d.end(), d.end("End2"), d.flow("Start", "F"),
        d.chain("F", "U", "Second", "End"), d.chain("F", "V", "First", "End2"),
    )  # fmt: skip
    run.answer("V")
    run.answer("U")
    run.send("m1")
    assert run.completed()[-2:] == ["First", "End2"]


def test_a_token_that_is_cancelled_while_its_turn_has_not_come_leaves_a_state_that_can_be_restored():
    """The state named it in the queue although its scope had gone: the instance could never be restored."""
    of = bundle(d.files(
        "p", d.start(), d.gateway("parallel", "F"), d.end("T", d.event("terminate")), d.end(),
        d.sub("Sub", d.start("S"), d.end("E"), d.flow("S", "E")), d.flow("Start", "F"), d.flow("F", "T"),
        d.chain("F", "Sub", "End"),
    ))  # fmt: skip
    execution = Execution.start(of, {}, now=NOW)
    while execution.run(lambda call: None, limit=1).more:
        execution = Execution.restore(of, execution.state(), now=NOW)
    assert execution.run(lambda call: None).finished


def test_a_token_that_throws_holds_an_inclusive_join_back_while_it_does():
    """The event it sets off ran at once, when the thrower had left and not yet arrived: the join fired too early."""
    run = both(
        d.start(), d.gateway("parallel", "F"), d.user("U"), d.boundary("B", "U", d.event("signal", "s1")), d.user("V"),
        d.throw("T", d.event("signal", "s1")), d.user("W"), d.gateway("inclusive", "J"), d.end(), d.end("Other"),
        d.flow("Start", "F"), d.chain("F", "U", "Other"), d.flow("B", "J"), d.chain("F", "V", "T", "W", "J", "End"),
    )  # fmt: skip
    run.answer("V")
    assert run.active == {("W", 1), ("J", 1)}
    assert run.answer("W").finished
    assert run.completed().count("J") == 1


def test_a_scope_that_begins_without_a_start_event_arms_its_event_subprocesses():
    """The engine armed them behind a start event only."""
    run = both(
        d.user("U"), d.end(), d.flow("U", "End"),
        d.handler("H", d.start("HS", d.message("m1")), d.user("V"), d.end("HE"), d.chain("HS", "V", "HE")),
    )  # fmt: skip
    run.send("m1")
    assert run.waits() == ["V"]


def test_a_condition_is_looked_at_before_anything_else_begins():
    """Beside an element that begins with its scope and is repeated: one of them had begun in the game's eyes."""
    run = both(
        d.user("U", max_instances="2", body=(
            '<bpmn:multiInstanceLoopCharacteristics><bpmn:loopCardinality>2</bpmn:loopCardinality>'
            "</bpmn:multiInstanceLoopCharacteristics>")),
        d.user("V"),
        d.handler("H", d.start("HS", d.condition("x > 1")), d.user("W"), d.end("HE"), d.chain("HS", "W", "HE")),
        variables={"x": 2},
    )  # fmt: skip
    assert run.waits() == ["W"]
    assert ("U", "entered") not in run.steps


def test_what_a_caught_message_brought_is_a_write_before_the_event_is_complete():
    """A signal that reached both a catching event and an event subprocess left its payload unnumbered for the other."""
    run = both(
        d.start(), d.gateway("parallel", "F"), d.catch("C", d.message("m1", "got")), d.user("U"), d.end(),
        d.end("End2"), d.flow("Start", "F"), d.chain("F", "C", "End"), d.chain("F", "U", "End2"),
        d.handler("H", d.start("HS", d.condition("got.v > 3"), False), d.script("X", "x = got.v"), d.end("HE"),
                  d.chain("HS", "X", "HE")),
    )  # fmt: skip
    run.send("m1", v=5)
    assert run.answer("U").finished
    assert (run.variables["x"], run.variables["got"]) == (5, {"v": 5})


def test_an_activity_behind_a_repeated_one_is_no_copy_of_it():
    """The engine knew a copy by the element before it: what came next was remembered as a copy, and never undone."""
    loop = '<bpmn:standardLoopCharacteristics loopMaximum="1"/>'
    run = both(
        d.start(), d.user("A", body=loop), d.user("B"), d.undoing("B", "UndoB"), d.for_compensation(d.user("UndoB")),
        d.end("End", d.compensate()), d.chain("Start", "A", "B", "End"),
    )  # fmt: skip
    run.answer("A")
    run.answer("B")
    assert run.waits() == ["UndoB"]


def test_what_has_completed_in_a_call_is_the_calls_own_affair():
    """The game took the records of a called process for those of a subprocess."""
    inner = d.files("q", d.start(), d.script("A", "a = 1"), d.undoing("A", "U"),
                    d.for_compensation(d.script("U", "a = 0")), d.throw("T", d.compensate("A")), d.script("B", "a = 2"),
                    d.end(), d.chain("Start", "A", "T", "B", "End"))  # fmt: skip
    files = d.files("p", d.start(), d.call("C", "q"), d.end("End", d.compensate()), d.chain("Start", "C", "End"))
    of = bundle(files, {"q": inner})
    for restoring in (False, True):
        Player(of, net(files, {"q": inner}), {}, 0, restoring).play()
    run = Running(of)
    assert run.rest.finished
    assert run.variables == {"a": 2}


def test_a_subprocess_that_is_cancelled_half_done_is_undone_though_it_has_a_handler_of_its_own():
    """The engine kept no record of what is in such a subprocess: its handler was to undo it as a whole."""
    body = d.start("S2"), d.script("B", "b = 1"), d.user("C"), d.end("E2"), d.chain("S2", "B", "C", "E2")
    undo = d.undoing("B", "UndoB") + d.for_compensation(d.user("UndoB"))
    run = both(
        d.start(), d.transaction(
            "X", d.start("S1"), d.gateway("parallel", "F"), d.sub("In", *body, undo), d.undoing("In", "UndoIn"),
            d.for_compensation(d.user("UndoIn")), d.user("Stop"), d.end("E1"), d.end("Cancel", d.event("cancel")),
            d.chain("S1", "F", "In", "E1"), d.chain("F", "Stop", "Cancel")),
        d.boundary("Off", "X", d.event("cancel")), d.end(), d.chain("Start", "X", "End"), d.flow("Off", "End"),
    )  # fmt: skip
    run.answer("Stop")
    assert run.waits() == ["UndoB"]


def test_of_several_ways_one_that_cancels_takes_the_others_before_they_begin():
    """The engine let the ways before it in the file begin, the game did not: which of them began hung on the file."""
    run = both(
        d.start(), d.transaction(
            "X", d.start("S1"), d.gateway("parallel", "F"), d.gateway("parallel", "G"), d.end("E1"),
            d.end("Cancel", d.event("cancel")), d.flow("S1", "F"), d.chain("F", "G", "E1"), d.flow("F", "Cancel")),
        d.boundary("Off", "X", d.event("cancel")), d.end(), d.chain("Start", "X", "End"), d.flow("Off", "End"),
    )  # fmt: skip
    assert run.rest.finished
    assert ("G", "entered") not in run.steps


def test_what_two_ended_branches_wrote_alike_is_older_than_what_those_who_knew_both_wrote_since():
    """Waiting at the end they were made one, with a write of its own that nobody knew: a conflict that was none."""
    run = both(
        d.start(), d.gateway("parallel", "F"), d.script("A", "x = 1"), d.script("B", "x = 1"), d.user("U"), d.user("V"),
        d.end("E1"), d.end("E2"), d.gateway("parallel", "J"), d.script("C", "x = 2"), d.end(), d.flow("Start", "F"),
        d.chain("F", "A", "U", "J"), d.flow("A", "E1"), d.chain("F", "B", "V", "J"), d.flow("B", "E2"),
        d.chain("J", "C", "End"), variables={"x": 0},
    )  # fmt: skip
    run.answer("U")
    assert run.answer("V").finished
    assert run.variables["x"] == 2


@pytest.mark.parametrize("compacted", [True, False])
def test_it_is_the_same_whether_ended_branches_were_folded_that_agree_and_were_known(compacted):
    """Folding gave the value on which two ended branches agreed a number that whoever knew both did not know."""
    files = d.files(
        "p", d.start(), d.gateway("parallel", "F"), d.script("A", "x = 3"), d.script("B", "x = 3"), d.end(),
        d.end("End2"),
        d.user("U"), d.end("End3"), d.flow("Start", "F"), d.chain("F", "A", "End"), d.chain("F", "B", "End2"),
        d.chain("F", "U", "End3"),
        d.handler("H", d.start("HS", d.message("m1"), False), d.user("V"), d.script("X", "x = 6"), d.end("HE"),
                  d.chain("HS", "V", "X", "HE")),
        declared=DECLARED,
    )  # fmt: skip
    execution = Execution.start(bundle(files), {"x": 0}, now=NOW)
    execution.run(lambda call: None)
    assert execution.deliver_message("m1", {})

    def answered(element):
        tasks = {task.element: task for task in execution.run(lambda call: None).user_tasks}
        execution.complete_user_task(tasks[element].task_id, {})
        rest = execution.run(lambda call: None)
        if compacted:
            execution.state()
        return rest

    if compacted:
        execution.state()
    answered("V")
    assert answered("U").finished
    assert execution.variables()["x"] == 6


def test_an_event_subprocess_that_is_held_does_not_bring_back_what_was_before_its_scope_began():
    """Its start event stood for the beginning of the scope, as new as the rest once numbers were forgotten."""
    run = both(
        d.start(), d.script("X", "x = 1"), d.gateway("parallel", "F"), d.script("A", "a = 1"), d.script("B", "a = 2"),
        d.user("U"), d.user("V"), d.end(), d.end("End2"), d.chain("Start", "X", "F"), d.chain("F", "A", "U", "End"),
        d.chain("F", "B", "V", "End2"),
        d.handler("H", d.start("HS", d.message("m1"), False), d.user("W"), d.end("HE"), d.chain("HS", "W", "HE")),
        variables={"x": 0, "a": 0},
    )  # fmt: skip
    run.send("m1")
    run.send("m1")
    for failure in run.rest.failures:
        run.act(lambda execution, failure=failure: execution.retry(failure.task_id, {"a": 5}))
    assert [t.variables["x"] for t in run.rest.user_tasks if t.element == "W"] == [1, 1]


def test_ended_branches_that_agree_are_not_folded_while_others_know_one_of_them():
    """Each of two ways wrote the same, ended a branch and wrote on: what had ended was outdated, no conflict."""

    def way(n):
        return (
            d.script(f"A{n}", "x = 3"), d.gateway("parallel", f"G{n}"), d.end(f"E{n}"), d.user(f"U{n}"),
            d.script(f"B{n}", "x = 6"), d.end(f"Z{n}"), d.chain("F", f"A{n}", f"G{n}", f"E{n}"),
            d.chain(f"G{n}", f"U{n}", f"B{n}", f"Z{n}"),
        )  # fmt: skip

    run = both(d.start(), d.gateway("parallel", "F"), d.flow("Start", "F"), *way(1), *way(2), variables={"x": 0})
    run.answer("U1")
    assert run.answer("U2").finished
    assert run.variables["x"] == 6


def test_a_token_that_throws_on_its_way_to_an_inclusive_join_is_waited_for():
    """What it set off ran when it was just coming to the join, and was taken to be inside: the join fired twice."""
    run = both(
        d.start(), d.gateway("parallel", "F"), d.throw("T", d.event("signal", "s1")), d.user("U"),
        d.gateway("inclusive", "J"), d.user("After"), d.end(), d.flow("Start", "F"), d.flow("F", "J"),
        d.chain("F", "U", "T", "J", "After", "End"),
        d.handler("H", d.start("HS", d.event("signal", "s1"), False), d.user("W"), d.end("HE"),
                  d.chain("HS", "W", "HE")),
    )  # fmt: skip
    run.answer("U")
    assert run.waits() == ["After", "W"]
