"""What is left out of a proof hides nothing: small diagrams, each of which once had a way that was not gone through."""

from __future__ import annotations

import pytest

from engine.bpmn.proofs import FAILS, HOLDS
from engine.bpmn.proofs.policies import AFTER_LAST, ALWAYS_BEFORE, Policy, Step
from tests.bpmn import drawing as d
from tests.bpmn.proofs import proving as p


def never(target: str, required: str = "Never", since: str = "") -> Policy:
    """That `target` is reached only after `required`, and after it no `since` any more."""
    return Policy(
        name=f"{target}_after".lower(), version=1, title="", source="", tiers=None,
        form=AFTER_LAST if since else ALWAYS_BEFORE,
        target=Step(kind="element", name=target), required=(Step(kind="element", name=required),),
        since=(Step(kind="element", name=since),) if since else (), hint="",
    )  # fmt: skip


def outcome(files, policy, called=None):
    """The verdict, by the reduced exploration and in every order of steps, which have to agree."""
    found = {
        p.verdict(p.proven(files, called, policies=(policy,), reduced=way), policy.name).outcome
        for way in (True, False)
    }
    assert len(found) == 1, found
    return found.pop()


def test_a_branch_that_ends_without_an_end_event_may_be_taken_away_before_it():
    """What it would have written is not there then."""
    inner = (
        d.start("S"), d.gateway("parallel", "F"), d.script("A", 'x = "done"'), d.user("B"),
        d.end("T", d.event("terminate")), d.chain("S", "F", "A"), d.chain("F", "B", "T"),
    )  # fmt: skip
    files = d.files(
        "p", d.start(), d.script("Set", 'x = "open"'), d.sub("Sub", *inner), d.gateway("exclusive", "Way", "yes"),
        d.service("Hidden"), d.end(), d.chain("Start", "Set", "Sub", "Way"), d.flow("Way", "Hidden", 'x == "open"'),
        d.flow("Way", "End", id="yes"), d.chain("Hidden", "End"),
    )  # fmt: skip
    assert outcome(files, never("Hidden")) == FAILS


def test_an_inclusive_join_may_fire_while_a_token_may_still_come_along_a_flow_that_is_full():
    """Once that token has parted, one half of it may come along an empty flow alone, and the join waits for it."""
    files = d.files(
        "p", d.start(), d.gateway("parallel", "F"), d.user("A"), d.gateway("parallel", "Part"), d.user("B"),
        d.user("X"), d.user("C"), d.gateway("exclusive", "M"), d.gateway("inclusive", "J"), d.service("Hidden"),
        d.end(), d.chain("Start", "F", "A", "M", "J", "Hidden", "End"), d.chain("F", "Part", "B", "M"),
        d.chain("Part", "X", "C", "J"),
    )  # fmt: skip
    assert outcome(files, never("Hidden", "C")) == FAILS


def test_a_signal_from_outside_may_come_before_somebody_waits_for_it():
    """It reaches whoever waits at that time: first the one, and later, when it comes again, the other."""
    files = d.files(
        "p", d.start(), d.gateway("parallel", "F"), d.catch("C", d.event("signal", "s")), d.user("Required"),
        d.user("Between"), d.service("Target"), d.end("E1"), d.script("Before", "a = 1"), d.user("Since"),
        d.boundary("B", "Since", d.event("signal", "s")), d.end("E2"), d.end("E3"),
        d.chain("Start", "F", "C", "Required", "Between", "Target", "E1"), d.chain("F", "Before", "Since", "E2"),
        d.chain("B", "E3"), declared=d.declared(signals=("s",)),
    )  # fmt: skip
    assert outcome(files, never("Target", "Required", "Since")) == FAILS


def test_what_the_copies_of_an_activity_answered_is_not_known():
    """Their list is not one of nothings, though nobody follows each answer."""
    each = (
        '<bpmn:multiInstanceLoopCharacteristics isSequential="false"><bpmn:loopCardinality>2</bpmn:loopCardinality>'
        "<bpmn:loopDataOutputRef>votes</bpmn:loopDataOutputRef>"
        '<bpmn:outputDataItem name="vote"/></bpmn:multiInstanceLoopCharacteristics>'
    )
    files = d.files(
        "p", d.start(), d.script("Set", "votes = []"), d.user("Vote", body=each, result="vote"),
        d.gateway("exclusive", "Way", "yes"), d.service("Hidden"), d.end(), d.chain("Start", "Set", "Vote", "Way"),
        d.flow("Way", "Hidden", "'no' in votes"), d.flow("Way", "End", id="yes"), d.chain("Hidden", "End"),
    )  # fmt: skip
    assert outcome(files, never("Hidden")) == FAILS


def test_the_number_of_a_copy_may_be_higher_than_those_that_are_followed():
    each = (
        '<bpmn:multiInstanceLoopCharacteristics isSequential="false"><bpmn:loopCardinality>5</bpmn:loopCardinality>'
        '<bpmn:inputDataItem name="n"/></bpmn:multiInstanceLoopCharacteristics>'
    )
    inner = (
        d.start("S"), d.gateway("exclusive", "Way", "no"), d.service("Hidden"), d.end("E"), d.chain("S", "Way"),
        d.flow("Way", "Hidden", "n == 4"), d.flow("Way", "E", id="no"), d.chain("Hidden", "E"),
    )  # fmt: skip
    files = d.files(
        "p", d.start(), d.script("Set", "n = 0"), d.sub("Sub", *inner, each), d.end(),
        d.chain("Start", "Set", "Sub", "End"),
    )  # fmt: skip
    assert outcome(files, never("Hidden")) == FAILS


def loop(maximum: int, *inner: str) -> dict[str, bytes]:
    passes = f'<bpmn:standardLoopCharacteristics testBefore="false" loopMaximum="{maximum}"/>'
    return d.files(
        "p", d.start(), d.script("Set", "n = 0", 'x = ""', 'y = ""'), d.sub("Sub", *inner, passes),
        d.gateway("exclusive", "Way", "no"), d.service("Hidden"), d.end(), d.chain("Start", "Set", "Sub", "Way"),
        d.flow("Way", "Hidden", "n > 10"), d.flow("Way", "End", id="no"), d.chain("Hidden", "End"),
    )  # fmt: skip


def test_a_loop_with_a_high_maximum_may_count_far():
    files = loop(50, d.start("S"), d.script("Count", "n = n + 1"), d.end("E"), d.chain("S", "Count", "E"))
    assert outcome(files, never("Hidden")) == FAILS


def test_a_loop_with_a_high_maximum_may_do_another_thing_in_each_of_three_passes():
    inner = (
        d.start("S"), d.gateway("exclusive", "Which", "c"), d.script("A", 'x = "a"'), d.script("B", 'y = "b"'),
        d.script("C", "n = 11"), d.end("E"), d.chain("S", "Which"), d.flow("Which", "C", 'y == "b"'),
        d.flow("Which", "B", 'x == "a"'), d.flow("Which", "A", id="c"), d.chain("A", "E"), d.chain("B", "E"),
        d.chain("C", "E"),
    )  # fmt: skip
    assert outcome(loop(50, *inner), never("Hidden")) == FAILS


def asked(*conditions: str, **given: str) -> dict[str, bytes]:
    """Gateways that ask what a process is started with, one behind the other; the way by all of them is Hidden."""
    parts = [d.start(**given), d.end(), d.service("Hidden"), d.chain("Hidden", "End")]
    before = "Start"
    for number, text in enumerate(conditions):
        gateway = f"Way{number}"
        after = f"Way{number + 1}" if number + 1 < len(conditions) else "Hidden"
        parts += [d.gateway("exclusive", gateway, f"no{number}"), d.flow(before, gateway, id=f"to{number}")]
        parts += [d.flow(gateway, after, text, f"yes{number}"), d.flow(gateway, "End", id=f"no{number}")]
        before = ""
        parts = [part for part in parts if 'sourceRef=""' not in part]
    return d.files("p", *parts)


def test_a_text_that_the_diagram_does_not_name_may_have_any_property():
    assert outcome(asked('region != "eu"', 'region[0] == "u"'), never("Hidden")) == FAILS
    assert outcome(asked('region != "eu"', "len(region) == 2"), never("Hidden")) == FAILS
    assert outcome(asked('region != "eu"', "region == other"), never("Hidden")) == FAILS


def test_what_no_value_makes_true_is_not_reached():
    assert outcome(asked('region != "eu"', 'region == "eu"'), never("Hidden")) == HOLDS
    assert outcome(asked('region == "eu"', 'region not in ["eu", "us"]'), never("Hidden")) == HOLDS


def test_a_start_form_speaks_for_its_own_start_event():
    form = b'{"schema": {"properties": {"way": {"enum": ["a", "b"]}}, "required": ["way"]}}'
    files = d.files(
        "p", d.start(form="way.form.json"), d.start("Told", d.message("m")), d.gateway("exclusive", "Merge"),
        d.gateway("exclusive", "Way", "no"), d.service("Hidden"), d.end(), d.chain("Start", "Merge", "Way"),
        d.chain("Told", "Merge"), d.flow("Way", "Hidden", 'way != "a" and way != "b"'), d.flow("Way", "End", id="no"),
        d.chain("Hidden", "End"), declared=d.declared("m"), way__form__json=form,
    )  # fmt: skip
    assert outcome(files, never("Hidden")) == FAILS


def counting(conditions: int, high: str = "100") -> dict[str, bytes]:
    """Loops one behind the other, each with a counter of its own."""
    parts, before = [d.start(), d.end(), d.script("Set", *(f"n{k} = 0" for k in range(conditions)))], "Set"
    parts.append(d.flow("Start", "Set"))
    for k in range(conditions):
        parts += [d.gateway("exclusive", f"Again{k}"), d.user(f"U{k}"), d.script(f"Count{k}", f"n{k} = n{k} + 1")]
        parts += [d.gateway("exclusive", f"Check{k}", f"out{k}")]
        parts += [d.chain(f"Again{k}", f"U{k}", f"Count{k}", f"Check{k}")]
        parts += [d.flow(f"Check{k}", f"Again{k}", f"n{k} < {high}"), d.flow(before, f"Again{k}", id=f"in{k}")]
        after = f"Again{k + 1}" if k + 1 < conditions else "End"
        parts += [d.flow(f"Check{k}", after, id=f"out{k}")]
        before = ""
        parts = [part for part in parts if 'sourceRef=""' not in part]
    return d.files("p", *parts)


@pytest.mark.parametrize("loops", [1, 2, 3])
def test_counters_are_followed_for_some_values_and_then_free(loops):
    """So that a verdict is reached, and holds whatever the counter comes to."""
    proof = p.proven(counting(loops), policies=(never("End", "Count0"), never("Count0", "End")))
    assert {each.outcome for each in proof.soundness} == {HOLDS}
    assert {each.outcome for each in proof.policies} == {HOLDS, FAILS}
    assert proof.n_configurations < 10_000


def test_a_counter_that_stays_small_is_followed_exactly():
    assert outcome(counting(1, "3"), never("End", "Count0")) == HOLDS
