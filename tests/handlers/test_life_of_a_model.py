"""The whole way of a model over the shipped diagrams: real training, real tests, real scoring service."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from engine import audit, bpmn
from engine.governance import approvals, in_hand
from engine.handlers.approval import OwnVersion
from engine.handlers.facts import deliver_facts
from engine.identity import Person
from engine.inventory import assets, models, queries, risks, versions
from engine.inventory.references import VersionRef
from engine.monitoring import queries as monitored
from engine.runtime import attempts, instances, messages, preview, schedules, user_tasks
from engine.runtime import queries as runtime
from engine.runtime.tables import DefinitionFileRow, DefinitionRow
from engine.serving import environments
from engine.serving import queries as serving
from engine.store import new_id, now, transaction
from tests.bpmn import drawing as d
from tests.handlers import house as h

APPROVE = {"decision": "approve"}


def started(house, model: str):
    instance = instances.start(house, h.ADA, "model_life_cycle", variables={"model": model})
    h.go_on(house)
    return instance


def test_a_model_that_decides_about_people_takes_the_full_way(house):
    h.given_a_trainable_model(house)
    path = preview.path(house, h.ADA, "model_life_cycle", variables={"model": "credit"})
    instance = started(house, "credit")
    assert [t.element for t in h.open_tasks(house, instance)] == ["Review_documentation"]
    with transaction(house) as session:
        assert queries.model(session, "credit").tier == "high"
        assert queries.version(session, VersionRef("credit", 1)).state == "tested"
        assert set(queries.test_reports(session, VersionRef("credit", 1))) == {"performance", "fairness"}
    h.decide(house, instance, "Review_documentation", h.RIA, **APPROVE)
    h.go_on(house)
    (task,) = h.open_tasks(house, instance)
    assert task.element == "Approve_as_risk_manager"
    assert all(each["digest"] and not each["missing"] for each in task.evidence)
    with pytest.raises(user_tasks.WrongRole):
        instances.complete(house, h.ADA, task.id, APPROVE)
    h.decide(house, instance, "Approve_as_risk_manager", h.RIA, **APPROVE)
    h.go_on(house)
    with transaction(house) as session:
        live = serving.live(session, "credit", "production")
        (given,) = approvals.of_version(session, "credit@1")
        (watched,) = monitored.monitors(session, model="credit").items
        kept = schedules.named(session, watched.monitor.schedule)
    assert live is not None
    assert watched.monitor.running  # R27: from its deployment on
    assert kept is not None
    assert (kept.timing, kept.process, kept.next_due_at) == ("0 6 * * *", "monitoring", watched.monitor.next_due_at)
    assert given.used_by == f"deployment {live.id}"
    assert [w.element for w in h.detail(house, instance).waiting if w.kind == "message"]
    assert sorted(path.elements) == sorted(h.passed(house, instance))
    assert "It waits for" in path.stops


def test_a_model_that_decides_about_nobody_takes_the_light_way_and_retires(house):
    h.given_a_rules_model(house)
    path = preview.path(house, h.ADA, "model_life_cycle", variables={"model": "letters"})
    instance = started(house, "letters")
    h.decide(house, instance, "Approve_as_operator", h.OPS, **APPROVE)
    h.go_on(house)
    assert path.elements == h.passed(house, instance)
    with transaction(house) as session:
        messages.send(session, h.OPS, "retirement_requested", "letters", {"reason": "Nobody writes letters."})
    h.go_on(house)
    h.decide(house, instance, "Approve_retirement_as_owner", h.BOB, **APPROVE)
    found = h.detail(house, instance).instance
    assert found.state == "finished"
    with transaction(house) as session:
        assert queries.model(session, "letters").retired
        assert serving.retirement(session, "letters") is not None
        assert serving.live(session, "letters", "production") is None
        (watched,) = monitored.monitors(session, model="letters").items  # R27: its history stays
        assert (watched.monitor.state, watched.monitor.reason) == ("stopped", "the model leaves service")
        kept = schedules.named(session, watched.monitor.schedule)
    assert kept is not None
    assert kept.paused


def test_r21_r22_the_target_is_declared_on_a_form_chosen_by_the_table_foretold_and_taken(house):
    """No Python written, no diagram drawn: what the model declares, as far as its environment allows it."""
    given_the_environment_allows(house, "batch")
    h.given_a_rules_model(house, served_by="batch")
    path = preview.path(house, h.ADA, "model_life_cycle", variables={"model": "letters"})
    assert {step.element: step.decided for step in path.steps if step.decided} == {
        "Set_risk_tier": "tier: low, tier_reason: It decides nothing about people.",
        "Choose_path": "path: direct, target: batch",
    }  # fmt: skip
    instance = started(house, "letters")
    h.decide(house, instance, "Approve_as_operator", h.OPS, **APPROVE)
    h.go_on(house)
    with transaction(house) as session:
        live = serving.live(session, "letters", "production")
    assert live is not None
    assert (live.target, live.outcome) == ("batch", "live")


def test_r22_a_target_that_the_environment_does_not_allow_is_refused_by_name(house):
    h.given_a_rules_model(house, served_by="file_drop")
    instance = started(house, "letters")
    h.decide(house, instance, "Approve_as_operator", h.OPS, **APPROVE)
    h.go_on(house)
    (task,) = h.open_tasks(house, instance)
    assert task.element == "Clear_refusal"
    with transaction(house) as session:
        (refused,) = audit.entries(session, stream=f"instance:{instance}", act="job.failed")
    assert "production is not run by the target file_drop" in refused.facts["cause"]
    given_the_environment_allows(house, "file_drop")
    h.decide(house, instance, "Clear_refusal", h.OPS, next="retry")
    h.go_on(house)
    with transaction(house) as session:
        live = serving.live(session, "letters", "production")
    assert live is not None
    assert live.target == "file_drop"


def given_the_environment_allows(house, target: str) -> None:
    with transaction(house) as session:
        environments.define(
            session,
            h.OPS,
            name="production",
            title="Production",
            target="local",
            position=10,
            promoters=["model_operator"],
            settings={"targets": [target]},
        )


def test_an_open_high_risk_blocks_the_deployment_until_it_is_closed(house, clock):
    h.given_a_rules_model(house)
    with transaction(house) as session:
        risk = risks.open(
            session, h.RIA, "letters", level="high", title="Wrong people", owner="bea", due=clock.now().date()
        )
    instance = started(house, "letters")
    h.decide(house, instance, "Approve_as_operator", h.OPS, **APPROVE)
    h.go_on(house)
    assert [t.element for t in h.open_tasks(house, instance)] == ["Clear_refusal"]
    with transaction(house) as session:
        assert serving.live(session, "letters", "production") is None
        refused = list(audit.entries(session, stream=f"instance:{instance}", act="job.failed"))
    assert "Wrong people" in refused[0].facts["cause"]
    with transaction(house) as session:
        risks.close(session, h.RIA, risk.id, resolution="They were the right ones.")
    h.decide(house, instance, "Clear_refusal", h.OPS, next="retry")
    h.go_on(house)
    with transaction(house) as session:
        assert serving.live(session, "letters", "production") is not None


def test_what_changes_after_the_approval_voids_it_and_the_approver_is_asked_again(house):
    ref = h.given_a_rules_model(house)
    instance = started(house, "letters")
    (task,) = h.open_tasks(house, instance)
    instances.complete(house, h.OPS, task.id, APPROVE)
    with transaction(house) as session:
        assets.attach(session, h.ADA, ref, "documentation", house.files.put(b"# Other letters\n"), name="card.md")
    deliver_facts(house)
    h.go_on(house)
    (again,) = h.open_tasks(house, instance)
    assert (again.element, again.id != task.id) == ("Approve_as_operator", True)
    with transaction(house) as session:
        (given,) = approvals.of_version(session, "letters@1")
    assert given.void_reason == "documentation:card.md changed"
    h.decide(house, instance, "Approve_as_operator", h.OPS, **APPROVE)
    h.go_on(house)
    with transaction(house) as session:
        assert serving.live(session, "letters", "production") is not None


def test_evidence_that_changed_before_the_decision_is_shown_anew(house):
    ref = h.given_a_rules_model(house)
    instance = started(house, "letters")
    (task,) = h.open_tasks(house, instance)
    with transaction(house) as session:
        assets.attach(session, h.ADA, ref, "documentation", house.files.put(b"# Other letters\n"), name="card.md")
    with pytest.raises(user_tasks.StaleEvidence, match="Model card"):
        instances.complete(house, h.OPS, task.id, APPROVE)
    instances.complete(house, h.OPS, task.id, APPROVE)
    h.go_on(house)
    with transaction(house) as session:
        assert serving.live(session, "letters", "production") is not None


def test_a_profile_is_shown_with_the_table_that_it_tells_of_only(house):
    ref = h.given_a_trainable_model(house)
    instance = started(house, "credit")
    assert profile_shown(house, instance)["rows"] == 600
    with transaction(house) as session:
        assets.attach(session, h.ADA, ref, "training_data", house.files.put(h.rows(3, n=20)))
    with pytest.raises(user_tasks.StaleEvidence, match="Data profile"):
        instances.complete(house, h.RIA, h.open_tasks(house, instance)[0].id, APPROVE)
    assert profile_shown(house, instance) is None


def profile_shown(house, instance: str):
    (task,) = h.open_tasks(house, instance)
    (frozen,) = (each for each in task.evidence if each["name"] == "data_profile")
    with transaction(house) as session:
        return user_tasks.evidence_content(session, frozen)["profile"]


def test_a_rejected_version_goes_back_and_a_new_one_comes_through(house):
    h.given_a_rules_model(house)
    instance = started(house, "letters")
    h.decide(house, instance, "Approve_as_operator", h.OPS, decision="reject", comment="The table is too harsh.")
    assert [t.element for t in h.open_tasks(house, instance)] == ["Rework_version"]
    h.decide(house, instance, "Rework_version", h.ADA, next="withdraw", comment="We give it up for good.")
    found = h.detail(house, instance).instance
    assert (found.state, found.outcome) == ("finished", "Model withdrawn")


def live(house, model: str):
    h.given_a_rules_model(house, model)
    instance = started(house, model)
    h.decide(house, instance, "Approve_as_operator", h.OPS, **APPROVE)
    h.go_on(house)
    return instance


BOTH = Person(id="both", name="Both", roles=frozenset({"model_operator", "business_owner"}))


def test_who_asks_for_a_retirement_does_not_approve_it(house):
    asked, reviewed = live(house, "letters"), live(house, "cards")
    with transaction(house) as session:
        models.ask_for_retirement(session, h.BOB, "letters", reason="Nobody writes letters.")
    review = instances.start(house, h.ADA, "review", variables={"model": "cards"})
    h.decide(house, review, "Decide_review", BOTH, decision="retire", comment="Nobody sends cards.")
    deliver_facts(house)
    h.go_on(house)
    for instance, requester, other in ((asked, h.BOB, BOTH), (reviewed, BOTH, h.BOB)):
        with pytest.raises(user_tasks.OwnWork, match="asked for it"):
            h.decide(house, instance, "Approve_retirement_as_owner", requester, **APPROVE)
        h.decide(house, instance, "Approve_retirement_as_owner", other, **APPROVE)
        assert h.detail(house, instance).instance.state == "finished"


def test_who_has_a_schedule_start_a_life_cycle_does_not_approve_what_it_asks_for(house, clock):
    h.given_a_rules_model(house)
    with transaction(house) as session:
        schedules.add(session, h.OPS, "lives", "model_life_cycle", "* * * * *", variables={"model": "letters"})
    clock.advance(timedelta(minutes=1))
    assert schedules.fire_due(house) == 1
    h.go_on(house)
    with transaction(house) as session:
        (task,) = runtime.tasks(session, subject="letters", state="open").rows
        assert user_tasks.shut_out(session, task) == {"clock": "started this life cycle", "ops": "asked for it"}
    with pytest.raises(user_tasks.OwnWork):
        instances.complete(house, h.OPS, task.id, APPROVE)


def given_a_second_version(house) -> VersionRef:
    put = house.files.put
    table = put(h.rules("another table"))
    schema = put(b'{"type": "object", "properties": {"debt": {"type": "number"}}, "required": ["debt"]}')
    with transaction(house) as session:
        return versions.add(
            session,
            h.ADA,
            "letters",
            {
                "artefact": table,
                "source": table,
                "test_data": put(h.rows(4)),
                "input_schema": schema,
                "output_schema": put(b'{"type": "object"}'),
            },
            documents={"card.md": put(b"# Letters, second table\n")},
        ).ref


def test_a_version_that_comes_while_another_is_decided_waits_for_its_own_turn(house):
    h.given_a_rules_model(house)
    instance = started(house, "letters")
    given_a_second_version(house)
    deliver_facts(house)
    h.decide(house, instance, "Approve_as_operator", h.OPS, **APPROVE)
    h.go_on(house)
    with transaction(house) as session:
        assert [each.version for each in approvals.of_model(session, "letters")] == ["letters@1"]
    # Now in production, it hears of the second one, which is tested and asked about for itself.
    (task,) = h.open_tasks(house, instance)
    assert task.variables["facts"]["version"] == "letters@2"
    h.decide(house, instance, "Approve_as_operator", h.OPS, **APPROVE)
    h.go_on(house)
    with transaction(house) as session:
        live = serving.live(session, "letters", "production")
        assert live is not None
        assert live.reference == "letters@2"


def test_a_retirement_is_decided_on_what_is_live_though_an_untested_version_came(house):
    instance = live(house, "letters")
    with transaction(house) as session:
        models.ask_for_retirement(session, h.ADA, "letters", reason="Nobody writes letters.")
    deliver_facts(house)
    h.go_on(house)
    given_a_second_version(house)
    h.decide(house, instance, "Approve_retirement_as_owner", h.BOB, **APPROVE)
    assert h.detail(house, instance).instance.state == "finished"


def test_a_withdrawn_version_leaves_the_live_one_in_hand(house):
    instance = live(house, "letters")
    given_a_second_version(house)
    deliver_facts(house)
    h.go_on(house)
    h.decide(house, instance, "Approve_as_operator", h.OPS, decision="reject", comment="It is too harsh.")
    h.decide(house, instance, "Rework_version", h.ADA, next="withdraw", comment="We give it up for good.")
    with transaction(house) as session:
        assert in_hand.of(session, instance) == "letters@1"


def test_what_a_cancelled_life_cycle_asked_to_be_deployed_is_stopped(house):
    h.given_a_rules_model(house)
    instance = started(house, "letters")
    h.decide(house, instance, "Approve_as_operator", h.OPS, **APPROVE)
    (job,) = [each for each in h.detail(house, instance).jobs if each.handler == "deploy_model"]
    assert attempts._begin(house, job.task) is not None  # it has asked for the deployment, and is at it
    instances.cancel(house, h.OPS, instance, "It was the wrong model.")
    deliver_facts(house)
    with transaction(house) as session:
        assert [each.desired for each in serving.deployments(session, model="letters")] == ["stopped"]


def test_a_diagram_without_the_gate_does_not_deploy(house):
    """None like it is published any more; one from before the policies still runs into the gate."""
    ref = h.given_a_rules_model(house)
    given_published_without_a_proof(
        house,
        d.files(
            "ungated",
            d.start(),
            d.service("Deploy", "deploy_model", "live", version=f"'{ref}'", environment="'production'"),
            d.end(),
            d.chain("Start", "Deploy", "End"),
        ),
    )
    instance = instances.start(house, h.ADA, "ungated", "letters")
    h.go_on(house)
    (incident,) = h.detail(house, instance).incidents
    assert "approval_void" in incident.cause
    (job,) = h.detail(house, instance).jobs
    assert f"{ref} has no valid approval for production" in (job.error or "")
    with transaction(house) as session:
        assert serving.live(session, "letters", "production") is None


def given_published_without_a_proof(house, files) -> None:
    """As if by a release that knew no policies."""
    with transaction(house) as session:
        session.add(
            DefinitionRow(
                id=(definition := new_id()),
                name=bpmn.describe(files).process_id,
                version=1,
                sha256=bpmn.digest(files),
                state="published",
                title="Drawn before",
                author="arne",
                authors=["arne"],
                reviewer="dana",
                created_at=now(session),
                decided_at=now(session),
            )
        )
        session.flush()
        rows = [DefinitionFileRow(definition=definition, name=n, content=content) for n, content in files.items()]
        session.add_all(rows)


def test_a_later_no_undoes_an_approval_though_it_was_used(house):
    live(house, "letters")
    ref, asked = VersionRef("letters", 1), {"purpose": "deployment", "environment": "production"}
    with transaction(house) as session:
        (given,) = approvals.of_version(session, str(ref))
        needed = {"roles": ["model_operator"], "digests": given.digests, "requesters": []}
        assert approvals.require(session, str(ref), **asked, **needed) == [given]
        approvals.record(
            session,
            BOTH,
            model="letters",
            version=str(ref),
            **asked,
            tier="low",
            decision="reject",
            role="model_operator",
            requester="ada",
            comment="It did harm.",
            digests=given.digests,
            shown={},
            instance=given.instance,
            task=uuid4(),
        )
        with pytest.raises(approvals.ApprovalMissing):
            approvals.require(session, str(ref), **asked, **needed)


def test_who_worked_on_a_version_does_not_let_it_in(house):
    ref = h.given_a_rules_model(house)
    with transaction(house) as session:
        assets.attach(session, h.OPS, ref, "artefact", house.files.put(h.rules("their own table")))
    instance = started(house, "letters")
    with pytest.raises(OwnVersion):
        h.decide(house, instance, "Approve_as_operator", h.OPS, **APPROVE)
    h.decide(house, instance, "Approve_as_operator", BOTH, **APPROVE)
    h.go_on(house)
    with transaction(house) as session:
        assert serving.live(session, "letters", "production") is not None
