"""Each policy that ships holds on a diagram that keeps it and names the path on one that has a way round."""

from __future__ import annotations

import pytest

from engine.bpmn import Vocabulary, check
from engine.bpmn.proofs import FAILS, HOLDS, IDLE
from tests.bpmn import drawing as d
from tests.bpmn.proofs import proving as p

RISK = {"risk_manager": ("Approve",)}
GATED = (
    d.start(),
    p.trial(),
    p.approval("Approve"),
    p.deploy(),
    d.end(),
    d.chain("Start", "Test", "Approve"),
    p.decided("Approve", "Deploy"),
    d.chain("Deploy", "End"),
)


def drawn(files):
    """The diagram is one that could be published, but for its handlers and roles."""
    found = check(files, Vocabulary(processes=frozenset({"inner"})))
    assert [i for i in found if i.severity == "error" and i.rule not in {"service-tasks", "user-tasks"}] == []
    return files


def failing(files, called=None):
    proof = p.proven(drawn(files), called)
    return {each.name: each for each in proof.policies if each.outcome == FAILS}


def test_a_gate_on_the_only_way_holds():
    proof = p.proven(drawn(p.process(*GATED, lanes=RISK)))
    assert proof.refused == ()
    assert proof.undecided == ()
    assert p.verdict(proof, "deployment-approved").outcome == HOLDS
    assert p.verdict(proof, "retirement-approved").outcome == IDLE


def test_without_an_approval_the_way_to_the_deployment_is_shown():
    files = p.process(d.start(), p.trial(), p.deploy(), d.end(), d.chain("Start", "Test", "Deploy", "End"))
    found = failing(files)["deployment-approved"]
    assert p.walk(found) == ["Start", "Test", "Deploy"]
    assert "without an approval of the deployment by risk_manager that shuts out starter" in found.reason


@pytest.mark.parametrize(
    ("name", "approval", "lane"),
    [
        ("deployment-approved", p.approval("Approve", shut_out=""), "risk_manager"),
        ("deployment-approved", p.approval("Approve"), "business_owner"),
        ("deployment-approved", p.approval("Approve", purpose="retirement"), "risk_manager"),
        ("approver-sees-evidence", p.approval("Approve", evidence="model_card"), "risk_manager"),
        ("four-eyes", p.approval("Approve", shut_out="Repair"), "risk_manager"),
    ],
)
def test_an_approval_that_is_not_what_the_policy_demands_does_not_count(name, approval, lane):
    files = p.process(
        d.start(), approval, p.deploy(), d.end(), d.chain("Start", "Approve"), p.decided("Approve", "Deploy"),
        d.chain("Deploy", "End"), lanes={lane: ("Approve",)},
    )  # fmt: skip
    assert name in failing(files)


def test_a_no_is_no_approval():
    """Round by a gateway that asks for nothing."""
    files = p.process(
        d.start(), p.approval("Approve"), p.deploy(), d.end(), d.chain("Start", "Approve", "Deploy", "End"), lanes=RISK
    )
    found = failing(files)
    assert found["deployment-approved"].path[-2].note == "decision: reject"
    assert found["rejection-recorded"].reason.startswith("The life cycle ends after an approval of the deployment")


def test_round_by_a_boundary_event():
    """Who waits long enough is let through."""
    files = p.process(
        d.start(), p.approval("Approve"), d.boundary("Late", "Approve", d.timer("duration", "P5D")), p.deploy(),
        d.gateway("exclusive", "On"), d.end(), d.chain("Start", "Approve"), p.decided("Approve", "On"),
        d.chain("Late", "On", "Deploy", "End"), lanes=RISK,
    )  # fmt: skip
    found = failing(files)["deployment-approved"]
    assert p.walk(found) == ["Start", "Approve", "Late", "On", "Deploy"]
    assert found.path[1].note == "interrupted"


def test_round_by_one_of_the_several_events_on_a_boundary():
    """A message alone would be no matter of time; the timer beside it is a way on of its own."""
    either = d.event("message", "m1") + d.timer("duration", "P5D")
    event = d.boundary("Late", "Approve", either)
    both = event.replace(" id=", ' parallelMultiple="true" id=', 1)
    for drawn in (event, both):
        files = p.process(
            d.start(), p.approval("Approve"), drawn, p.deploy(), d.gateway("exclusive", "On"), d.end(),
            d.chain("Start", "Approve"), p.decided("Approve", "On"), d.chain("Late", "On", "Deploy", "End"),
            lanes=RISK, declared=d.declared("m1"),
        )  # fmt: skip
        assert p.walk(failing(files)["deployment-approved"])[-3:] == ["Late", "On", "Deploy"]


def test_an_approval_on_every_way_behind_an_event_of_several_is_enough():
    files = p.process(
        d.start(), d.catch("Hear", d.event("message", "m1") + d.timer("duration", "P5D")), p.approval("Approve"),
        p.trial(), p.deploy(), d.end(), d.chain("Start", "Test", "Hear", "Approve"), p.decided("Approve", "Deploy"),
        d.chain("Deploy", "End"), lanes=RISK, declared=d.declared("m1"),
    )  # fmt: skip
    assert "deployment-approved" not in failing(files)


def test_round_by_a_boundary_event_beside_the_approval():
    files = p.process(
        d.start(), p.approval("Approve"), d.boundary("Soon", "Approve", d.timer("duration", "P1D"), False),
        p.deploy("Try"), p.deploy(), d.end(), d.end("Tried"), d.chain("Start", "Approve"),
        p.decided("Approve", "Deploy"), d.chain("Soon", "Try", "Tried"), d.chain("Deploy", "End"), lanes=RISK,
    )  # fmt: skip
    assert failing(files)["deployment-approved"].element == "Try"


def test_round_by_an_error_that_leads_behind_the_gate():
    """The handler says that the approval is void, and the diagram tests and tries again without a new one."""
    files = p.process(
        d.start(), p.approval("Approve"), p.deploy(), d.boundary("Void", "Deploy", d.event("error", "approval_void")),
        p.trial(), d.gateway("exclusive", "On"), d.end(), d.chain("Start", "Approve"), p.decided("Approve", "On"),
        d.chain("On", "Deploy", "End"), d.chain("Void", "Test", "On"),
        lanes=RISK, declared=d.declared(errors=("approval_void",)),
    )  # fmt: skip
    found = failing(files)["deployment-approved"]
    assert p.walk(found)[-4:] == ["Deploy", "Void", "Test", "Deploy"] or p.walk(found)[-3:] == ["Test", "On", "Deploy"]
    assert any(each.note == "raises approval_void" for each in found.path)


def test_round_by_a_parallel_branch():
    """The approval is given on another branch, perhaps later."""
    files = p.process(
        d.start(), d.gateway("parallel", "Split"), p.approval("Approve"), p.deploy(), d.end(), d.end("Done"),
        d.flow("Start", "Split"), d.chain("Split", "Approve"), d.chain("Split", "Deploy", "End"),
        p.decided("Approve", "Done"), lanes=RISK,
    )  # fmt: skip
    assert failing(files)["deployment-approved"].element == "Deploy"


def test_a_test_on_another_branch_may_come_after_the_approval():
    files = p.process(
        d.start(), d.gateway("parallel", "Split"), p.approval("Approve"), p.trial(), d.gateway("parallel", "Join"),
        p.deploy(), d.end(), d.flow("Start", "Split"), d.chain("Split", "Approve"), d.chain("Split", "Test", "Join"),
        p.decided("Approve", "Join"), d.chain("Join", "Deploy", "End"), lanes=RISK,
    )  # fmt: skip
    found = failing(files)["deployment-approved"]
    assert p.walk(found).index("Approve") < p.walk(found).index("Test")
    assert "after the last service task test_model" in found.reason


def test_round_by_a_loop():
    """The second time round it is trained and tested anew, and only the first version was approved."""
    files = p.process(
        d.start(), p.trial(), p.approval("Approve"), d.gateway("exclusive", "Again"), p.deploy(),
        d.user("Keep", result="kept"), d.gateway("exclusive", "Kept", default="done"),
        d.service("Train", "train_model"), p.trial("Retest"), d.end(),
        d.chain("Start", "Test", "Approve"), p.decided("Approve", "Again"), d.chain("Again", "Deploy", "Keep", "Kept"),
        d.flow("Kept", "Train", "kept.again == true"), d.chain("Train", "Retest", "Again"),
        d.flow("Kept", "End", id="done"), lanes=RISK,
    )  # fmt: skip
    found = failing(files)["deployment-approved"]
    assert p.walk(found)[-3:] == ["Retest", "Again", "Deploy"]
    assert found.free == ("Kept: kept.again == true",)


def test_round_by_a_call():
    """What is called deploys, and its caller asks nobody."""
    inner = p.process(d.start("In"), p.deploy(), d.end("Out"), d.chain("In", "Deploy", "Out"), name="inner")
    files = p.process(d.start(), d.call("Call", "inner"), d.end(), d.chain("Start", "Call", "End"))
    found = failing(files, {"inner": inner})["deployment-approved"]
    assert [(each.process, each.element) for each in found.path] == [
        ("p", "Start"), ("p", "Call"), ("inner", "In"), ("inner", "Deploy")
    ]  # fmt: skip
    assert found.process == "inner"


def test_a_gate_in_what_is_called_counts_for_the_caller():
    inner = p.process(
        d.start("In"), p.approval("Approve"), d.end("Out"), d.script("Yes", 'outcome = "approved"'),
        d.script("No", 'outcome = "rejected"'), d.gateway("exclusive", "Asked", default="no"), d.end("Not"),
        d.service("Record", "record_rejection"), d.chain("In", "Approve", "Asked"), d.flow("Asked", "Yes", p.YES),
        d.flow("Asked", "No", id="no"), d.chain("Yes", "Out"), d.chain("No", "Record", "Not"), lanes=RISK, name="inner",
    )  # fmt: skip
    files = p.process(
        d.start(), d.call("Call", "inner"), d.gateway("exclusive", "Approved", default="rejected"), p.deploy(),
        d.end(), d.end("Refused"), d.chain("Start", "Call", "Approved"),
        d.flow("Approved", "Deploy", 'outcome == "approved"'), d.flow("Approved", "Refused", id="rejected"),
        d.chain("Deploy", "End"),
    )  # fmt: skip
    assert failing(files, {"inner": inner}) == {}
    wrong = {**files, "process.bpmn": files["process.bpmn"].replace(b'outcome == "approved"', b'outcome != "asked"')}
    assert "deployment-approved" in failing(wrong, {"inner": inner})


def test_round_by_a_message():
    """Whoever may send the message takes a way of their own."""
    files = p.process(
        d.start(), d.gateway("eventBased", "Wait"), d.catch("Urgent", d.message("urgent")),
        d.catch("Asked", d.message("asked")), p.approval("Approve"), d.gateway("exclusive", "On"), p.deploy(), d.end(),
        d.chain("Start", "Wait", "Urgent", "On"), d.chain("Wait", "Asked", "Approve"), p.decided("Approve", "On"),
        d.chain("On", "Deploy", "End"), lanes=RISK, declared=d.declared("urgent", "asked"),
    )  # fmt: skip
    assert p.walk(failing(files)["deployment-approved"]) == ["Start", "Wait", "Urgent", "On", "Deploy"]


def test_round_by_no_copies_of_a_repeated_approval():
    """A list of approvers may be empty."""
    several = (
        '<bpmn:multiInstanceLoopCharacteristics isSequential="false"><bpmn:loopCardinality>{}</bpmn:loopCardinality>'
        "</bpmn:multiInstanceLoopCharacteristics>"
    )
    approval = p.approval("Approve", max_instances="5").replace("</bpmn:userTask>", several + "</bpmn:userTask>")
    parts = (d.start(), p.deploy(), d.end(), d.chain("Start", "Approve"), p.decided("Approve", "Deploy"),
             d.chain("Deploy", "End"))  # fmt: skip
    found = failing(p.process(*parts, approval.format("len(approvers)"), lanes=RISK))
    assert p.walk(found["deployment-approved"])[-2:] == ["Decided", "Deploy"]


def test_the_tier_is_what_the_decision_table_says():
    """A low tier asks for less; a diagram that writes the tier itself is held to the strictest."""

    def files(tier):
        return p.process(
            d.start(), d.service("Describe", "describe_model", "facts"), tier, p.approval("Approve"), p.deploy(),
            d.gateway("exclusive", "Tier", default="high"), p.approval("Look"), d.gateway("exclusive", "On"), d.end(),
            d.chain("Start", "Describe", "Decide", "Tier"), d.flow("Tier", "Look", 'tier == "low"'),
            d.flow("Tier", "Approve", id="high"), p.decided("Approve", "On"), p.decided("Look", "On", "Seen"),
            d.chain("On", "Deploy", "End"), lanes={"risk_manager": ("Approve",), "model_operator": ("Look",)},
        )  # fmt: skip

    assert failing(files(d.rule("Decide", "risk_tier"))) == {}
    found = failing(files(d.script("Decide", 'tier = "low"')))["deployment-approved"]
    assert p.walk(found)[-3:] == ["Seen", "On", "Deploy"]
    assert found.tier == ""


def test_a_tier_in_the_start_form_is_not_taken_for_the_model_s():
    form = b'{"schema": {"properties": {"tier": {"enum": ["high", "medium", "low"]}}, "required": ["tier"]}}'
    files = p.process(
        d.start(form="start.form.json"), d.gateway("exclusive", "Tier", default="high"), p.approval("Approve"),
        p.approval("Look"), d.gateway("exclusive", "On"), p.deploy(), d.end(), d.chain("Start", "Tier"),
        d.flow("Tier", "Look", 'tier == "low"'), d.flow("Tier", "Approve", id="high"), p.decided("Approve", "On"),
        p.decided("Look", "On", "Seen"), d.chain("On", "Deploy", "End"),
        lanes={"risk_manager": ("Approve",), "model_operator": ("Look",)},
    ) | {"start.form.json": form}  # fmt: skip
    assert "deployment-approved" in failing(files)


def test_a_low_tier_needs_somebody_too():
    files = p.process(
        d.start(), d.service("Describe", "describe_model", "facts"), d.rule("Decide", "risk_tier"),
        d.gateway("exclusive", "Tier", default="high"), p.approval("Approve"), d.gateway("exclusive", "On"), p.deploy(),
        d.end(), d.chain("Start", "Describe", "Decide", "Tier"), d.flow("Tier", "On", 'tier == "low"'),
        d.flow("Tier", "Approve", id="high"), p.decided("Approve", "On"), d.chain("On", "Deploy", "End"), lanes=RISK,
    )  # fmt: skip
    found = failing(files)
    assert found["deployment-approved-low-tier"].tier == "low"
    assert "deployment-approved" not in found


def test_what_was_trained_is_tested_before_it_is_deployed():
    files = p.process(
        d.start(), p.trial(), d.service("Train", "train_model"), p.approval("Approve"), p.deploy(), d.end(),
        d.chain("Start", "Test", "Train", "Approve"), p.decided("Approve", "Deploy"), d.chain("Deploy", "End"),
        lanes=RISK,
    )  # fmt: skip
    assert set(failing(files)) == {"retrained-is-retested"}


def test_a_retirement_needs_an_approval_for_this_request():
    """The approval of an earlier request does not count for the next one."""

    def files(again):
        return p.process(
            d.start(), d.gateway("exclusive", "Idle"), d.catch("Asked", d.message("retirement_requested")),
            p.approval("Approve", "retirement"), d.gateway("exclusive", "Yes"), d.service("Retire", "retire_model"),
            d.catch("More", d.message("retirement_requested")), d.chain("Start", "Idle", "Asked", "Approve"),
            p.decided("Approve", "Yes"), d.chain("Yes", "Retire", "More", again), lanes=RISK,
            declared=d.declared("retirement_requested"),
        )  # fmt: skip

    assert "retirement-approved" not in failing(files("Idle"))
    assert p.walk(failing(files("Yes"))["retirement-approved"])[-3:] == ["More", "Yes", "Retire"]


def test_a_low_tier_s_retirement_needs_somebody_too():
    files = p.process(d.start(), d.service("Retire", "retire_model"), d.end(), d.chain("Start", "Retire", "End"))
    found = failing(files)
    assert {"retirement-approved", "retirement-approved-low-tier"} <= set(found)


def test_whoever_worked_on_it_is_shut_out_wherever_they_did():
    inner = p.process(
        d.start("In"), d.user("Repair"), d.end("Out"), d.chain("In", "Repair", "Out"),
        lanes={"data_scientist": ("Repair",)}, name="inner",
    )  # fmt: skip

    def files(out):
        return p.process(
            d.start(), d.call("Call", "inner"), p.approval("Approve", shut_out=out), p.deploy(), d.end(),
            d.chain("Start", "Call", "Approve"), p.decided("Approve", "Deploy"), d.chain("Deploy", "End"), lanes=RISK,
        )  # fmt: skip

    assert failing(files("starter, inner/Repair"), {"inner": inner}) == {}
    found = failing(files("starter"), {"inner": inner})["four-eyes"]
    assert found.reason == '"Approve" does not shut out whoever did "Repair".'
    assert p.walk(found) == ["Start", "Call", "In", "Repair", "Out", "Approve"]


def test_the_recorded_tier_comes_from_the_table():
    files = p.process(
        d.start(), d.script("Guess", 'tier = "low"'), d.service("Record", "record_risk_tier"), d.end(),
        d.chain("Start", "Guess", "Record", "End"),
    )  # fmt: skip
    assert p.walk(failing(files)["tier-decided-by-table"]) == ["Start", "Guess", "Record"]


def test_a_link_is_a_way_like_any_other():
    link = '<bpmn:linkEventDefinition name="{}"/>'
    files = p.process(
        d.start(), d.gateway("exclusive", "Hurry", default="slow"), d.throw("Jump", link.format("on")),
        d.catch("Land", link.format("on")), p.approval("Approve"), d.gateway("exclusive", "On"), p.deploy(), d.end(),
        d.chain("Start", "Hurry"), d.flow("Hurry", "Jump", "x == 1"), d.flow("Hurry", "Approve", id="slow"),
        p.decided("Approve", "On"), d.chain("Land", "On", "Deploy", "End"), lanes=RISK,
    )  # fmt: skip
    found = failing(files)["deployment-approved"]
    assert p.walk(found) == ["Start", "Hurry", "Jump", "Land", "On", "Deploy"]
    assert found.free == ("Hurry: x == 1",)


def test_round_by_an_event_subprocess():
    """Whoever sends the message begins it, whatever the flow waits for."""
    files = p.process(
        d.start(), p.approval("Approve"), p.deploy(), d.end(), d.chain("Start", "Approve"),
        p.decided("Approve", "Deploy"), d.chain("Deploy", "End"),
        d.handler("Hurry", d.start("Urgent", d.message("urgent")), p.deploy("Try"), d.end("Tried"),
                  d.chain("Urgent", "Try", "Tried")),
        lanes=RISK, declared=d.declared("urgent"),
    )  # fmt: skip
    found = failing(files)["deployment-approved"]
    assert p.walk(found)[-3:] == ["Hurry", "Urgent", "Try"]


def test_round_by_an_event_subprocess_beside_the_flow():
    files = p.process(
        d.start(), p.approval("Approve"), p.deploy(), d.end(), d.chain("Start", "Approve"),
        p.decided("Approve", "Deploy"), d.chain("Deploy", "End"),
        d.handler("Hurry", d.start("Soon", d.timer("duration", "P1D"), False), p.deploy("Try"), d.end("Tried"),
                  d.chain("Soon", "Try", "Tried")),
        lanes=RISK,
    )  # fmt: skip
    assert failing(files)["deployment-approved"].element == "Try"


def test_round_by_a_condition():
    """The condition hangs on data: it may be true as soon as it is waited for."""
    files = p.process(
        d.start(), p.approval("Approve"), d.boundary("Hot", "Approve", d.condition("demand > 10")), p.deploy(),
        d.gateway("exclusive", "On"), d.end(), d.chain("Start", "Approve"), p.decided("Approve", "On"),
        d.chain("Hot", "On", "Deploy", "End"), lanes=RISK,
    )  # fmt: skip
    assert p.walk(failing(files)["deployment-approved"]) == ["Start", "Approve", "Hot", "On", "Deploy"]


def test_round_by_another_start_event():
    files = p.process(
        d.start(), d.start("Urgent", d.message("urgent")), p.approval("Approve"), d.gateway("exclusive", "On"),
        p.deploy(), d.end(), d.chain("Start", "Approve"), p.decided("Approve", "On"),
        d.chain("Urgent", "On", "Deploy", "End"), lanes=RISK, declared=d.declared("urgent"),
    )  # fmt: skip
    assert p.walk(failing(files)["deployment-approved"]) == ["Urgent", "On", "Deploy"]


def test_round_by_what_undoes_something():
    """What is to take a notice back deploys: undone before anybody was asked."""
    files = p.process(
        d.start(), d.service("Tell", "describe_model"), d.undoing("Tell", "Back"),
        d.for_compensation(p.deploy("Back")), d.throw("Undo", d.compensate("Tell")), p.approval("Approve"),
        p.deploy(), d.end(), d.chain("Start", "Tell", "Undo", "Approve"), p.decided("Approve", "Deploy"),
        d.chain("Deploy", "End"), lanes=RISK,
    )  # fmt: skip
    assert failing(files)["deployment-approved"].element == "Back"


def test_round_by_no_pass_of_a_loop():
    """Asked before the first pass, a loop may make none."""
    loop = (
        '<bpmn:standardLoopCharacteristics testBefore="true"><bpmn:loopCondition>open</bpmn:loopCondition>'
        "</bpmn:standardLoopCharacteristics>"
    )
    approval = p.approval("Approve").replace("</bpmn:userTask>", loop + "</bpmn:userTask>")
    files = p.process(
        d.start(), approval, p.deploy(), d.end(), d.chain("Start", "Approve"), p.decided("Approve", "Deploy"),
        d.chain("Deploy", "End"), lanes=RISK,
    )  # fmt: skip
    assert p.walk(failing(files)["deployment-approved"]) == ["Start", "Decided", "Deploy"]


def test_a_deployment_that_fails_half_way_may_be_undone_in_a_transaction():
    """Undone and tried again, it is approved again."""
    inner = (
        d.start("Begin"), p.approval("Approve"), d.gateway("exclusive", "Yes", default="no"),
        d.end("No", d.event("cancel")), p.deploy(), d.undoing("Deploy", "Back"),
        d.for_compensation(d.service("Back", "withdraw_model")), d.user("Look"), d.gateway("exclusive", "Well", "bad"),
        d.end("Bad", d.event("cancel")), d.end("Good"), d.chain("Begin", "Approve", "Yes"),
        d.flow("Yes", "Deploy", p.YES), d.flow("Yes", "No", id="no"), d.chain("Deploy", "Look", "Well"),
        d.flow("Well", "Good", "look.fine == true"), d.flow("Well", "Bad", id="bad"),
    )  # fmt: skip
    files = p.process(
        d.start(), d.gateway("exclusive", "Again"), d.transaction("Release", *inner),
        d.boundary("Undone", "Release", d.event("cancel")), d.service("Record", "record_rejection"),
        d.user("Repair"), d.end(), d.chain("Start", "Again", "Release", "End"),
        d.chain("Undone", "Record", "Repair", "Again"), lanes=RISK,
    )  # fmt: skip
    assert failing(files) == {}


def told(*ways: str, **given: str):
    """The called process of a deployment, as far as it tells of its outcome."""
    outcome = d.script("Outcome_deployed", 'outcome = "deployed"')
    parts = (d.start(), p.trial(), p.approval("Approve"), p.deploy(), outcome, d.end(), *ways)
    flows = d.chain("Start", "Test", "Approve") + p.decided("Approve", "Deploy")
    files = p.process(*parts, flows, d.chain("Deploy", "Outcome_deployed", "End"), lanes=RISK, name="deployment")
    return p.verdict(p.proven(drawn(files)), "deployed-is-told")


def test_what_is_told_as_deployed_was_deployed():
    assert told().outcome == HOLDS
    late = d.boundary("Late", "Deploy", d.timer("duration", "PT1H")) + d.flow("Late", "Outcome_deployed")
    assert p.walk(told(late))[-2:] == ["Late", "Outcome_deployed"]
    refused = d.boundary("Refused", "Deploy", d.event("error")) + d.flow("Refused", "Outcome_deployed")
    assert told(refused).outcome == FAILS


def test_what_was_deployed_on_an_earlier_approval_is_not_told_of_a_later_one():
    again = d.boundary("Again", "Outcome_deployed", d.timer("duration", "PT1H")) + d.flow("Again", "Approve")
    late = d.boundary("Late", "Deploy", d.timer("duration", "PT1H")) + d.flow("Late", "Outcome_deployed")
    assert told(again).outcome == HOLDS
    assert told(again, late).outcome == FAILS
