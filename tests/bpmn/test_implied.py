"""What a diagram implies without drawing it: starts, ends, forks, choices and defaults; engine and token game agree."""

from __future__ import annotations

import pytest

from engine.bpmn import Vocabulary, check
from engine.bpmn.explicit import explicit
from engine.bpmn.reading import read
from tests.bpmn import drawing as d
from tests.bpmn.token_game.test_mismatches import both


def chosen(default=""):
    """A user task that three flows leave: two conditional, one bare or the default."""
    task = d.user("U", result="n").replace('id="U"', 'id="U" default="U_C"') if default else d.user("U", result="n")
    ways = d.flow("U", "A", "n.v > 1") + d.flow("U", "B", "n.v > 2") + d.flow("U", "C")
    ends = [d.script(name, f"{name.lower()} = 1") + d.end(f"End{name}") + d.flow(name, f"End{name}") for name in "ABC"]
    return d.start(), task, *ends, d.flow("Start", "U"), ways


@pytest.mark.parametrize(
    ("default", "value", "taken"),
    [("", 0, "C"), ("", 2, "AC"), ("", 3, "ABC"), ("C", 0, "C"), ("C", 2, "A"), ("C", 3, "AB")],
)
def test_conditional_flows_out_of_an_activity_are_each_asked(default, value, taken):
    """BPMN 2.0.2, 13.3.2: a bare flow is always taken, the default only where no other is."""
    run = both(*chosen(default), runs=2)
    assert run.answer("U", v=value).finished
    assert [name for name in "ABC" if name in run.completed()] == list(taken)


def test_the_answer_is_kept_where_no_condition_can_be_evaluated():
    run = both(d.start(), d.user("U"), d.end(), d.flow("Start", "U"), d.flow("U", "End", "u.v > 1"), runs=2)
    rest = run.answer("U", w=5)
    assert [(f.element, f.kind) for f in rest.failures] == [("U", "expression")]
    assert run.active == {("U", 1)}
    assert run.completed() == ["Start", "U"]
    task = rest.failures[0].task_id
    assert run.act(lambda execution: execution.retry(task, {"u": {"v": 2}})).finished


def test_several_flows_out_of_an_activity_or_event_are_a_fork():
    run = both(
        d.start(), d.user("U"), d.script("A", "a = 1"), d.script("B", "b = 1"), d.gateway("parallel", "J"), d.end(),
        d.flow("Start", "U"), d.flow("Start", "J"), d.chain("U", "A", "J"), d.chain("U", "B", "J"), d.flow("J", "End"),
    )  # fmt: skip
    assert run.answer("U").finished
    assert run.variables == {"u": {}, "a": 1, "b": 1}


def test_a_scope_without_a_start_event_begins_with_all_that_nothing_leads_to():
    run = both(
        d.user("U"), d.catch("C", d.message("m1")), d.gateway("parallel", "J"), d.sub("S", d.user("V"), d.user("W")),
        d.chain("U", "J", "S"), d.flow("C", "J"),
    )  # fmt: skip
    assert run.waits() == ["U"]
    run.answer("U")
    assert run.send("m1").user_tasks
    assert run.waits() == ["V", "W"]
    run.answer("V")
    assert run.answer("W").finished
    assert "S" in run.completed()


def test_what_a_path_wrote_before_it_ended_by_itself_survives_a_terminate_event():
    run = both(
        d.start(), d.gateway("parallel", "F"), d.script("A", "a = 1"), d.user("U"), d.end("T", d.event("terminate")),
        d.flow("Start", "F"), d.flow("F", "A"), d.chain("F", "U", "T"),
    )  # fmt: skip
    assert run.answer("U").finished
    assert run.variables == {"a": 1, "u": {}}


def test_an_empty_subprocess_is_passed():
    assert both(d.start(), d.sub("S"), d.end(), d.chain("Start", "S", "End")).completed() == ["Start", "S", "End"]


def test_the_only_bare_flow_is_the_default_in_whatever_place():
    for value, end in ((1, "E2"), (2, "E1")):
        parts = (
            d.start(), d.gateway("exclusive", "X"), d.end("E1"), d.end("E2"), d.flow("Start", "X"),
            d.flow("X", "E1"), d.flow("X", "E2", "n == 1"),
        )  # fmt: skip
        assert both(*parts, variables={"n": value}, runs=1).completed()[-1] == end


def test_the_passes_leave_a_diagram_that_says_everything_as_it_is():
    diagram, _ = read(d.files("p", d.start(), d.script("X", "a = 1"), d.end(), d.chain("Start", "X", "End")))
    (before,), (after,) = (process.scopes.values() for process in (diagram.process, explicit(diagram).process))
    assert (after.nodes, after.flows, after.starts, after.ends) == (before.nodes, before.flows, (), ("End",))


def test_what_is_implied_is_warned_of_where_it_looks_forgotten():
    files = d.files(
        "p", d.start(), d.gateway("parallel", "F"), d.script("A", "a = 1"), d.sub("S"), d.end(), d.flow("Start", "F"),
        d.flow("F", "A"), d.chain("F", "S", "End"),
    )  # fmt: skip
    assert [(i.rule, i.severity, i.element) for i in check(files, Vocabulary())] == [
        ("end-events", "warning", "A"),
        ("idle-tasks", "warning", "S"),
    ]


def test_references_may_be_qualified_and_event_definitions_shared():
    """Both stand in the standard (8.3.1, 10.5.5), and modellers write them."""
    shared = "<bpmn:eventDefinitionRef>tns:E1</bpmn:eventDefinitionRef>"
    files = d.files(
        "p", d.start(), d.catch("C", d.message("tns:m1")), d.catch("S", shared),
        d.end(), d.chain("Start", "C", "S", "End"),
        declared=d.declared("m1", signals=("s1",)) + '<bpmn:signalEventDefinition id="E1" signalRef="tns:s1"/>',
    )  # fmt: skip
    assert check(files, Vocabulary()) == []


def test_flows_need_no_id():
    """Without one, each flow was the default of every gateway that had none."""
    parts = (d.start(), d.gateway("exclusive", "X"), d.end("E1"), d.end("E2"), d.flow("Start", "X"))
    flows = (d.flow("X", "E1", "n == 1"), d.flow("X", "E2"))
    bare = [flow.replace(f'id="X_E{number}" ', "") for number, flow in enumerate(flows, 1)]
    assert both(*parts, *bare, variables={"n": 2}, runs=1).completed()[-1] == "E2"
