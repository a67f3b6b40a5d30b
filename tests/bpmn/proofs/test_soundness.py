"""A process that leaves tokens behind, multiplies them or has no end is told with the path; a sound one is told so."""

from __future__ import annotations

import pytest

from engine.bpmn.proofs import FAILS, HOLDS, UNDECIDED
from tests.bpmn import drawing as d
from tests.bpmn.proofs import proving as p
from tests.bpmn.proofs.large import branches, gated


def sound(*parts, called=None, **given):
    proof = p.proven(d.files("p", *parts, **given), called, policies=())
    return {each.name: each for each in proof.soundness}


def fails(found):
    return {name for name, each in found.items() if each.outcome == FAILS}


def test_a_straight_line_is_sound():
    found = sound(d.start(), d.user("A"), d.end(), d.chain("Start", "A", "End"))
    assert {each.outcome for each in found.values()} == {HOLDS}
    assert set(found) == {"no-token-left-behind", "bounded", "can-finish", "no-dead-element"}


def test_a_join_behind_a_choice_keeps_a_token():
    found = sound(
        d.start(), d.gateway("exclusive", "Choice", default="other"), d.user("A"), d.user("B"),
        d.gateway("parallel", "Join"), d.end(), d.flow("Start", "Choice"), d.flow("Choice", "A", "x == 1"),
        d.flow("Choice", "B", id="other"), d.chain("A", "Join"), d.chain("B", "Join", "End"),
    )  # fmt: skip
    told = found["no-token-left-behind"]
    assert told.outcome == FAILS
    assert told.reason == 'A token waits at "Join" for what never comes.'
    assert p.walk(told)[:2] == ["Start", "Choice"]
    assert p.walk(told)[-1] == "Join"
    assert told.free == ("Choice: x == 1",)


def test_a_choice_that_data_settle_is_no_trap():
    """Both gateways ask the same variable of few values: whoever went in by A goes out by A."""
    form = b'{"schema": {"properties": {"way": {"enum": ["a", "b"]}}, "required": ["way"]}}'
    found = sound(
        d.start(), d.user("Ask", form="way.form.json", result="asked"), d.gateway("inclusive", "Split", default="one"),
        d.user("A"), d.user("B"), d.gateway("exclusive", "Join"), d.gateway("exclusive", "Again", default="b"),
        d.service("Left"), d.service("Right"), d.end(), d.chain("Start", "Ask", "Split"),
        d.flow("Split", "A", 'asked.way == "a"'), d.flow("Split", "B", id="one"), d.chain("A", "Join"),
        d.chain("B", "Join", "Again"), d.flow("Again", "Left", 'asked.way == "a"'), d.flow("Again", "Right", id="b"),
        d.chain("Left", "End"), d.chain("Right", "End"), way__form__json=form,
    )  # fmt: skip
    assert fails(found) == set()


def test_a_branch_that_goes_back_before_it_is_joined_multiplies_tokens():
    found = sound(
        d.start(), d.gateway("exclusive", "Again"), d.gateway("parallel", "Split"), d.user("A"), d.user("B"), d.end(),
        d.chain("Start", "Again", "Split", "A", "Again"), d.chain("Split", "B", "End"),
    )  # fmt: skip
    assert found["bounded"].outcome == FAILS
    assert "ever more tokens" in found["bounded"].reason
    assert "Split" in p.walk(found["bounded"])


def test_a_reminder_that_comes_again_and_again_is_no_growth():
    found = sound(
        d.start(), d.user("A"), d.boundary("Remind", "A", d.timer("cycle", "R/P1D"), False), d.service("Mail"), d.end(),
        d.end("Sent"), d.chain("Start", "A", "End"), d.chain("Remind", "Mail", "Sent"),
    )  # fmt: skip
    assert fails(found) == set()


def test_a_reminder_that_leads_on_is_growth():
    found = sound(
        d.start(), d.user("A"), d.boundary("Remind", "A", d.timer("cycle", "R/P1D"), False), d.user("B"), d.end(),
        d.chain("Start", "A", "B", "End"), d.flow("Remind", "B"),
    )  # fmt: skip
    assert found["bounded"].outcome == FAILS


def test_a_circle_without_a_way_out_never_ends():
    found = sound(
        d.start(), d.gateway("exclusive", "Again"), d.user("A"), d.gateway("exclusive", "Way", default="stay"), d.end(),
        d.script("Set", "done = false"), d.chain("Start", "Again", "Set", "A", "Way"),
        d.flow("Way", "End", "done == true"), d.flow("Way", "Again", id="stay"),
    )  # fmt: skip
    assert fails(found) == {"can-finish", "no-dead-element"}
    assert found["no-dead-element"].severity == "warning"
    assert [each.element for each in found["no-dead-element"].path] == ["End"]


def test_a_join_in_a_circle_is_sound_and_so_is_one_in_what_is_called():
    inner = d.files(
        "inner", d.start("In"), d.gateway("parallel", "S"), d.user("A"), d.user("B"), d.gateway("parallel", "J"),
        d.end("Out"), d.chain("In", "S", "A", "J"), d.chain("S", "B", "J", "Out"),
    )  # fmt: skip
    found = sound(
        d.start(), d.gateway("exclusive", "Again"), d.gateway("parallel", "Split"), d.call("Call", "inner"),
        d.user("C"),
        d.gateway("parallel", "Join"), d.gateway("exclusive", "More", default="no"), d.end(),
        d.chain("Start", "Again", "Split", "Call", "Join"), d.chain("Split", "C", "Join", "More"),
        d.flow("More", "Again", "x > 1"), d.flow("More", "End", id="no"), called={"inner": inner},
    )  # fmt: skip
    assert {each.outcome for each in found.values()} == {HOLDS}


def test_an_error_that_nobody_catches_is_told_and_refuses_nothing():
    found = sound(
        d.start(),
        d.end("Failed", d.event("error", "e")),
        d.chain("Start", "Failed"),
        declared=d.declared(errors=("e",)),
    )
    assert fails(found) == {"errors-caught"}
    assert found["errors-caught"].severity == "warning"


def test_past_the_bound_nothing_is_called_sound():
    parts = [d.start(), d.gateway("parallel", "Split"), d.end(), d.flow("Start", "Split")]
    for n in range(7):
        # Each waits for the signal that the others throw: no order of theirs is like another.
        parts += [d.throw(f"T{n}", d.event("signal", "s")), d.catch(f"C{n}", d.event("signal", "s"))]
        parts += [d.chain("Split", f"T{n}", f"C{n}", "End")]
    files = d.files("p", *parts, declared=d.declared(signals=("s",)))
    proof = p.proven(files, policies=p.POLICIES, bound=50)
    assert {each.outcome for each in proof.soundness} <= {UNDECIDED, HOLDS}
    told = p.verdict(proof, "no-token-left-behind")
    assert told.outcome == UNDECIDED
    assert "there are more that were not gone through" in told.reason
    assert proof.undecided


def test_a_call_of_what_is_not_there_decides_nothing():
    files = d.files("p", d.start(), d.call("C", "elsewhere"), d.end(), d.chain("Start", "C", "End"))
    proof = p.proven(files)
    assert proof.missing == ("elsewhere",)
    assert {each.outcome for each in proof.policies} == {UNDECIDED}


@pytest.mark.parametrize("policies", [(), p.POLICIES], ids=["soundness", "with policies"])
def test_two_hundred_elements_in_eight_branches_take_a_few_hundred_configurations(policies):
    proof = p.proven(branches(8, 200), policies=policies)
    assert {each.outcome for each in proof.soundness} == {HOLDS}
    assert proof.n_configurations < 1_000


def test_branches_that_all_test_are_no_more_than_their_sum():
    """Whether one test comes before the other means nothing to any policy."""
    proof = p.proven(gated(8, 200))
    assert proof.refused == ()
    assert proof.undecided == ()
    assert p.verdict(proof, "deployment-approved").outcome == HOLDS
    assert proof.n_configurations < 1_000


def test_the_same_files_and_policies_have_the_same_digest():
    files = branches(2, 40)
    assert p.proven(files).digest == p.proven(files).digest
    assert p.proven(files).digest != p.proven(files, policies=()).digest
