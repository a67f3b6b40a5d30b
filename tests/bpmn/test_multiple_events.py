"""Events of several definitions: any of them is caught, or all of them together; all of them are thrown."""

from __future__ import annotations

from engine.bpmn import Execution, Vocabulary, bundle, check, describe
from engine.bpmn.located import located
from engine.bpmn.token_game import net
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW, Running, made

DECLARED = d.declared("m1", "m2", signals=("s1",), errors=("e1",), escalations=("up",))
EITHER = d.message("m1", "told") + d.event("signal", "s1")


def running(*parts, **given):
    return Running(made(*parts, declared=DECLARED), **given)


def together(part):
    return part.replace(" id=", ' parallelMultiple="true" id=', 1)


def caught(event, *after):
    return d.start(), event, d.user("U"), d.end(), d.chain("Start", "X", "U", "End"), *after


def thrown(*parts):
    """What the process throws before its first rest."""
    return Execution.start(made(*parts, declared=DECLARED), {}, now=NOW).run(lambda call: None).thrown


def listening(run):
    return sorted(each.name for each in run.rest.messages)


def test_the_first_of_several_that_occurs_goes_on_and_the_others_are_waited_for_no_more():
    run = running(*caught(d.catch("X", EITHER + d.timer("duration", "PT1H"))))
    assert listening(run) == ["m1", "s1"]
    assert [timer.element for timer in run.rest.timers] == ["X"]
    assert run.active == {("X", 1)}
    run.send("m1", n=1)
    assert run.variables["told"] == {"n": 1}
    assert run.waits() == ["U"]
    assert not run.rest.messages
    assert not run.rest.timers
    assert run.steps.count(("X", "entered")) == run.steps.count(("X", "completed")) == 1


def test_a_catching_event_of_several_can_be_taken_away_as_one():
    run = running(*caught(d.catch("X", EITHER)))
    run.act(lambda execution: execution.cancel())
    assert ("X", "cancelled") in run.steps


def test_several_together_are_waited_for_one_by_one_in_any_order_over_any_restore():
    run = running(*caught(together(d.catch("X", EITHER + d.message("m2", "other") + d.timer("duration", "PT1H")))))
    run.act(lambda execution: execution.deliver_signal("s1", {}))
    assert listening(run) == ["m1", "m2"]
    run.fire("X")
    run.send("m2", n=2)
    assert listening(run) == ["m1"]
    assert "other" not in run.variables
    run.send("m1", n=1)
    assert run.waits() == ["U"]
    assert (run.variables["told"], run.variables["other"]) == ({"n": 1}, {"n": 2})


def test_what_has_occurred_in_part_does_not_occur_again_before_the_rest_has():
    run = running(*caught(together(d.catch("X", EITHER))))
    run.send("m1", n=1)
    run.send("m1", n=2)
    run.act(lambda execution: execution.deliver_signal("s1", {}))
    assert run.variables["told"] == {"n": 1}


def test_an_event_of_several_beside_its_activity_occurs_again_by_each_of_them():
    run = running(
        d.start(), d.user("U"), d.boundary("B", "U", EITHER + d.timer("duration", "PT1H"), False), d.user("V"),
        d.end(), d.end("Other"), d.chain("Start", "U", "End"), d.chain("B", "V", "Other"),
    )  # fmt: skip
    run.send("m1", n=1)
    run.fire("B")
    run.send("m1", n=2)
    run.act(lambda execution: execution.deliver_signal("s1", {}))
    assert run.waits() == ["U", "V", "V", "V", "V"]
    assert not run.rest.timers
    run.answer("U")
    assert not run.rest.messages


def test_several_together_beside_an_activity_have_to_occur_anew_for_each_time():
    run = running(
        d.start(), d.user("U"), together(d.boundary("B", "U", EITHER, False)), d.user("V"), d.end(), d.end("Other"),
        d.chain("Start", "U", "End"), d.chain("B", "V", "Other"),
    )  # fmt: skip
    for _ in range(2):
        run.send("m1")
        run.act(lambda execution: execution.deliver_signal("s1", {}))
    run.send("m1")
    assert run.waits() == ["U", "V", "V"]
    assert listening(run) == ["s1"]


def test_a_join_behind_an_event_of_several_takes_it_as_one_way():
    run = running(
        d.start(), d.gateway("parallel", "F"), d.catch("X", EITHER), d.script("A", "a = 1"), d.gateway("parallel", "J"),
        d.end(), d.flow("Start", "F"), d.chain("F", "X", "J"), d.chain("F", "A", "J", "End"),
    )  # fmt: skip
    assert run.send("m1").finished


def test_an_event_subprocess_begins_with_any_of_several_or_with_all_of_them():
    for start, first in ((d.start("HS", EITHER), 1), (together(d.start("HS", EITHER)), 2)):
        run = running(
            d.start(), d.user("U"), d.end(), d.chain("Start", "U", "End"),
            d.handler("H", start, d.user("W"), d.end("HE"), d.chain("HS", "W", "HE")),
        )  # fmt: skip
        run.send("m1", n=1)
        if first == 2:
            assert run.waits() == ["U"]
            run.act(lambda execution: execution.deliver_signal("s1", {}))
        assert run.waits() == ["W"]
        assert run.variables["told"] == {"n": 1}


def test_a_process_starts_by_each_of_several_with_what_that_one_brought():
    parts = (
        d.start("Start", d.message("m1", "one") + d.event("signal", "s1") + d.timer("cycle", "0 6 * * 1")), d.user("U"),
        d.end(), d.chain("Start", "U", "End"),
    )  # fmt: skip
    files = d.files("p", *parts, declared=DECLARED)
    of = bundle(files)
    assert [(each.kind, each.told) for each in describe(files).beginnings] == [
        ("message", "m1"), ("signal", "s1"), ("timer", ""),
    ]  # fmt: skip
    told = Execution.start(of, {}, now=NOW, event="Start", payload={"n": 1}, told=("message", "m1"))
    heard = Execution.start(of, {}, now=NOW, event="Start", payload={"n": 2}, told=("signal", "s1"))
    assert told.variables() == {"one": {"n": 1}}
    assert heard.variables() == {}


def test_all_of_several_are_thrown_though_the_first_takes_the_thrower_away():
    parts = (
        d.start(),
        d.sub("S", d.start("SS"), d.throw("T", d.event("signal", "s1") + d.event("escalation", "up")
              + d.message("m1", payload="{'n': 1}")), d.user("U"), d.end("SE"), d.chain("SS", "T", "U", "SE")),
        d.boundary("Up", "S", d.event("escalation", "up"), False), d.user("Told"),
        d.boundary("Off", "S", d.event("signal", "s1")), d.user("Left"), d.end(), d.end("E2"), d.end("E3"),
        d.chain("Start", "S", "End"), d.chain("Up", "Told", "E2"), d.chain("Off", "Left", "E3"),
    )  # fmt: skip
    assert running(*parts).waits() == ["Left"]
    assert [(each.kind, each.name) for each in thrown(*parts)] == [("signal", "s1"), ("message", "m1")]


def test_a_message_beside_a_terminate_event_is_thrown_before_it_ends_the_scope():
    found = thrown(
        d.start(), d.user("U"), d.end("End", d.event("terminate") + d.message("m1")), d.flow("Start", "U"),
        d.flow("Start", "End"),
    )  # fmt: skip
    assert [each.name for each in found] == ["m1"]


def test_a_compensation_beside_a_message_is_waited_for_and_what_it_changed_is_told():
    found = thrown(
        d.start(), d.script("A", "x = 1"), d.undoing("A", "Back"), d.for_compensation(d.script("Back", "x = 0")),
        d.throw("T", d.compensate("A") + d.message("m1", payload="{'x': x}")), d.end(),
        d.chain("Start", "A", "T", "End"),
    )  # fmt: skip
    assert [each.payload for each in found] == [{"x": 0}]


def test_where_the_tokens_stand_is_told_with_one_token_for_an_event_of_several():
    of = made(*caught(d.catch("X", EITHER)), declared=DECLARED)
    execution = Execution.start(of, {}, now=NOW)
    execution.run(print)
    game, numbers = located(net(d.files("p", *caught(d.catch("X", EITHER)), declared=DECLARED)), execution.instance)
    assert [(token.node, token.phase) for token in game.tokens] == [("X", "catching")]
    assert len(numbers) == 1
    (standing,) = execution.standing()
    assert execution.targets(standing.task_id) == ["X", "U", "End"]


def test_two_event_subprocesses_may_not_take_one_message_among_several():
    def handler(name, body):
        return d.handler(name, d.start(f"{name}S", body), d.end(f"{name}E"), d.flow(f"{name}S", f"{name}E"))

    files = d.files(
        "p", d.start(), d.user("U"), d.end(), d.chain("Start", "U", "End"), handler("H", EITHER),
        handler("G", d.message("m1")), declared=DECLARED,
    )  # fmt: skip
    assert {issue.element for issue in check(files, Vocabulary()) if issue.rule == "event-subprocesses"} == {"HS", "GS"}


def test_what_an_operator_gives_at_a_timer_among_several_stays_whichever_of_them_comes():
    run = running(*caught(d.catch("X", EITHER + d.timer("duration", "pause"))))
    (failure,) = run.rest.failures
    assert (failure.element, listening(run)) == ("X", ["m1", "s1"])
    run.act(lambda execution: execution.retry(failure.task_id, {"pause": "PT1H"}))
    assert [timer.element for timer in run.rest.timers] == ["X"]
    run.send("m1", n=1)
    assert run.variables == {"pause": "PT1H", "told": {"n": 1}}
