"""Nothing is published that breaks a policy on some path; the refusal names policy, path and a way on."""

from __future__ import annotations

import pytest

from engine import audit
from engine.bpmn import BpmnError
from engine.governance import tiers
from engine.runtime import definitions, instances, proofs, registry
from engine.runtime.proofs import DefinitionUndecided, DefinitionUnproven
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w

RISK = {"risk_manager": ("Approve", "Decide")}


def drawn(name, *parts, lanes=None):
    return d.files(name, d.lanes(**(lanes or RISK)), *parts, decision__form__json=w.DECISION)


def a_fork():
    """A branch goes back before it is joined: each pass leaves one more token."""
    return drawn(
        "fork", d.start(), d.gateway("exclusive", "Again"), d.gateway("parallel", "Split"),
        d.user("Approve", form="decision.form.json"), d.user("Decide", form="decision.form.json"), d.end(),
        d.chain("Start", "Again", "Split", "Approve", "Again"), d.chain("Split", "Decide", "End"),
    )  # fmt: skip


def called(outcome):
    return drawn(
        "called", d.start("In"), d.user("Decide", form="decision.form.json"), d.script("Set", f"outcome = '{outcome}'"),
        d.end("Out"), d.chain("In", "Decide", "Set", "Out"),
    )  # fmt: skip


def a_caller():
    """Where what is called does not come to its good end, a token waits for a second one."""
    return drawn(
        "caller", d.start(), d.call("Call", "called"), d.gateway("exclusive", "Well", default="other"),
        d.gateway("parallel", "Join"), d.user("Approve", form="decision.form.json"), d.end(), d.end("Not"),
        d.chain("Start", "Call", "Well"), d.flow("Well", "End", "outcome == 'yes'"),
        d.flow("Well", "Approve", "outcome == 'no'"), d.flow("Well", "Join", id="other"),
        d.chain("Approve", "Join", "Not"),
    )  # fmt: skip


def test_what_is_not_sound_is_refused_with_its_path(house):
    with transaction(house) as session:
        draft = definitions.draft(session, w.CAS, a_fork())
        with pytest.raises(DefinitionUnproven) as refusal:
            definitions.submit(session, w.CAS, draft.id)
    assert "The number of tokens is bounded (bounded)" in str(refusal.value)
    assert "Path: " in str(refusal.value)
    assert "Join what a parallel or inclusive gateway has split" in refusal.value.way_on
    assert refusal.value.verdicts[0].path


def test_an_examination_tells_issues_and_proof(house):
    with transaction(house) as session:
        found = definitions.examine(session, a_fork())
        assert not found.publishable
        assert "bounded" in [issue.rule for issue in found.issues if issue.severity == "error"]
        assert found.proof is not None
        well = definitions.examine(session, w.process_p())
        assert well.publishable
        assert well.proof is not None
        assert well.proof.refused == ()
        broken = definitions.examine(session, {"process.bpmn": b"<x/>"})
        assert broken.proof is None


def test_a_published_definition_has_its_proof_in_the_audit_trail(house):
    published = w.given_a_published(house, w.process_p())
    with transaction(house) as session:
        (entry,) = audit.entries(session, act="definition.published", subject=published.name)
    facts = entry.facts
    assert facts["proof"]["process"] == "process_p"
    assert facts["proof"]["soundness"]["no-token-left-behind"] == "holds"
    assert facts["proof"]["policies"]["deployment-approved@1"] == "does not apply"
    assert facts["proof"]["configurations"] > 3
    assert facts["proof"]["bound"] >= facts["proof"]["configurations"]
    assert len(facts["proof_digest"]) == 64


def test_a_called_process_cannot_be_changed_so_that_its_callers_break(house):
    """The caller was proven with what it called then; the next version is proven in it, too."""
    w.given_a_published(house, called("yes"))
    w.given_a_published(house, a_caller())
    with transaction(house) as session:
        draft = definitions.draft(session, w.CAS, called("perhaps"))
        with pytest.raises(DefinitionUnproven, match="caller cannot be published") as refusal:
            definitions.submit(session, w.CAS, draft.id)
        assert definitions.submit(session, w.CAS, definitions.draft(session, w.CAS, called("yes")).id)
    assert [(each.process, each.element) for each in refusal.value.verdicts[0].path][-2:] == [
        ("caller", "Well"), ("caller", "Join")
    ]  # fmt: skip


def test_past_the_bound_the_reviewer_answers_for_it_and_that_is_recorded(house, monkeypatch):
    monkeypatch.setattr("engine.bpmn.proofs.proof.BOUND", 2)
    monkeypatch.setattr("engine.bpmn.proofs.exploration.WORK", 2)
    monkeypatch.setattr(proofs, "_proofs", {})
    with transaction(house) as session:
        draft = definitions.draft(session, w.CAS, w.process_p("undecided"))
        definitions.submit(session, w.CAS, draft.id)
        with pytest.raises(DefinitionUndecided, match="no-token-left-behind"):
            definitions.publish(session, w.DOT, draft.id, "Fine.")
        with pytest.raises(DefinitionUndecided):
            definitions.publish(session, w.DOT, draft.id, "", undecided_accepted=True)
        definitions.publish(session, w.DOT, draft.id, "Gone through by hand.", undecided_accepted=True)
    with transaction(house) as session:
        (entry,) = audit.entries(session, act="definition.published", subject="undecided")
    assert "no-token-left-behind" in entry.facts["undecided_accepted"]


def test_a_proof_that_stumbles_proves_nothing(house, monkeypatch):
    def stumble(*given):
        raise ZeroDivisionError("by accident")

    monkeypatch.setattr("engine.bpmn.proofs.prove", stumble)
    monkeypatch.setattr(proofs, "_proofs", {})
    with transaction(house) as session:
        found = definitions.examine(session, w.process_p()).proof
    assert found is not None
    assert found.undecided
    assert "The proof itself failed (ZeroDivisionError: by accident)" in found.undecided[0].reason


@registry.service_task("surprises_for_tests", kind="transactional")
def surprise(session, parameters: w.Word, ctx) -> dict:
    """Raises an error that it does not declare."""
    raise BpmnError("surprise", "Nobody expects it.")


def test_an_error_that_a_handler_does_not_declare_is_an_incident(house):
    """The proof takes handlers at their word, so nothing goes by a way that it did not see."""
    w.given_a_published(house, d.files(
        "surprised", d.start(), d.service("Work", "surprises_for_tests", word="'x'"), d.end(), d.end("Round"),
        d.boundary("Caught", "Work", d.event("error", "surprise")), d.chain("Start", "Work", "End"),
        d.chain("Caught", "Round"), declared=d.declared(errors=("surprise",)),
    ))  # fmt: skip
    detail = w.detail(house, instances.start(house, w.ADA, "surprised"))
    assert detail.instance.state == "running"
    assert "which it does not declare" in detail.incidents[0].cause


def test_the_policies_name_the_tiers_of_the_rules():
    named = {tier for policy in proofs.policies() for tier in policy.tiers or ()}
    assert named == set(tiers.names())
