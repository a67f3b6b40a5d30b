"""Models, versions, assets, risks: acts, what they refuse, and what they leave in the log."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import event

from engine import audit, events
from engine.identity import NotPermitted, Person
from engine.inventory import assets, completeness, duplicates, metadata, models, queries, risks, versions
from engine.inventory.assets import RoleUnknown
from engine.inventory.duplicates import DuplicateVersion
from engine.inventory.kinds import UnknownKind
from engine.inventory.metadata import MetadataRefused
from engine.inventory.models import KindStays, ModelChanged, ModelExists, ModelRetired
from engine.inventory.queries import AssetMissing, ModelUnknown, VersionUnknown
from engine.inventory.references import ReferenceMalformed, VersionRef
from engine.inventory.reports import TestReport, Verdict
from engine.inventory.risks import RiskRefused, RiskUnknown
from engine.inventory.sources import SourceRefused, modules_of
from engine.inventory.thresholds import ThresholdRefused
from engine.statistics import Estimate
from engine.store import Store, transaction
from engine.store.files import FileMissing

ADA = Person(id="ada", name="Ada", roles=frozenset({"data_scientist"}))
BEA = Person(id="bea", name="Bea", roles=frozenset({"auditor"}))
REX = Person(id="rex", name="Rex", roles=frozenset({"risk_manager"}))

DECLARED = {
    "id": "credit",
    "name": "Credit score",
    "kind": "sklearn",
    "owner": "ada",
    "team": "Retail",
    "tool": "scikit-learn",
    "purpose": "Whether a small loan is paid back.",
    "affects_people": True,
    "decisions_per_year": 20_000,
    "target": "repaid",
    "features": ["age", "income"],
    "protected": {"sex": 1},
    "thresholds": {"cut_off": 0.5, "min_auc": 0.8},
    "approvers": ["business_owner"],
    "service_levels": {"rate_per_s": 20, "p95_ms": 250, "memory_mb": 2048, "cpu": 1},
}


def given_a_model(store: Store, **changes) -> str:
    with transaction(store) as session:
        return models.register(session, ADA, metadata.read({**DECLARED, **changes})).id


def given_a_version(store: Store, model: str = "credit", **contents: bytes) -> VersionRef:
    digests = {role: store.files.put(content) for role, content in contents.items()}
    with transaction(store) as session:
        return versions.add(session, ADA, model, digests).ref


def acts(store: Store, model: str = "credit") -> list[str]:
    with transaction(store) as session:
        return sorted(entry.act for entry in audit.entries(session, stream=f"model:{model}"))


def report(passed: bool = True, **inputs: str) -> TestReport:
    estimate = Estimate(0.82, 0.80, 0.84, 0.95)
    bound = 0.8 if passed else 0.9
    return TestReport(
        output="score",
        n_rows=100,
        positives=40,
        cut_off=0.5,
        level=0.95,
        metrics={"auc": estimate, "brier": Estimate.unknown(0.95)},
        verdicts=[Verdict(threshold="min_auc", bound=bound, of="all", measured=estimate, passed=passed, certain=False)],
        inputs=inputs,
    )


# --- models


def test_a_registered_model_is_read_back_as_declared(store):
    given_a_model(store)
    with transaction(store) as session:
        model = queries.model(session, "credit")
    assert (model.owner, model.team, model.revision, model.tier, model.retired) == ("ada", "Retail", 1, None, False)
    assert model.metadata == metadata.read(DECLARED)
    assert model.metadata.protected == {"sex": "1"}
    assert model.registered_by == "ada"
    assert acts(store) == ["model.registered"]


def test_who_may_not_register_is_refused_and_nothing_is_written(store):
    with pytest.raises(NotPermitted), transaction(store) as session:
        models.register(session, BEA, metadata.read(DECLARED))
    with transaction(store) as session:
        assert queries.models(session).total == 0


def test_an_id_is_taken_once(store):
    given_a_model(store)
    with pytest.raises(ModelExists):
        given_a_model(store)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "Credit"}, "id"),
        ({"id": "a/../b"}, "id"),
        ({"name": ""}, "name"),
        ({"purpose": "a\x00b"}, "purpose"),
        ({"decisions_per_year": -1}, "decisions_per_year"),
        ({"affects_people": "perhaps"}, "affects_people"),
        ({"approvers": ["king"]}, "approvers"),
        ({"colour": "red"}, "colour"),
        ({"service_levels": {"p95_ms": 0}}, "service_levels.p95_ms"),
        ({"target": "age"}, "the whole"),
        ({"features": ["age", "age"]}, "the whole"),
    ],
)
def test_what_is_declared_wrongly_is_refused_by_field(change, field):
    with pytest.raises(MetadataRefused) as caught:
        metadata.read({**DECLARED, **change})
    assert caught.value.facts["field"] == field


def test_an_unknown_kind_and_an_unknown_threshold_are_answered_with_the_nearest():
    with pytest.raises(UnknownKind, match="sklearn"):
        metadata.read({**DECLARED, "kind": "sklaern"})
    with pytest.raises(ThresholdRefused, match="Did you mean min_auc"):
        metadata.read({**DECLARED, "thresholds": {"min_acu": 0.8}})
    with pytest.raises(ThresholdRefused, match="cut_off"):
        metadata.read({**DECLARED, "thresholds": {"cut_off": 1.5}})


def test_an_edit_tells_what_changed_from_what_to_what(store):
    given_a_model(store)
    with transaction(store) as session:
        edited = models.edit(session, ADA, "credit", {"owner": "eve", "thresholds": {"min_auc": 0.9}}, revision=1)
        assert (edited.owner, edited.revision) == ("eve", 2)
    with transaction(store) as session:
        (entry,) = audit.entries(session, stream="model:credit", act="model.edited")
        assert entry.facts["changes"]["owner"] == {"from": "ada", "to": "eve"}
        assert "team" not in entry.facts["changes"]
        assert "model.edited" in [told.name for told in events.pending(session)]


def test_an_edit_of_nothing_leaves_no_trace(store):
    given_a_model(store)
    with transaction(store) as session:
        assert models.edit(session, ADA, "credit", {"owner": "ada"}).revision == 1
    assert acts(store) == ["model.registered"]


def test_two_edits_on_the_same_revision_the_second_is_refused(store):
    given_a_model(store)
    with transaction(store) as session:
        models.edit(session, ADA, "credit", {"owner": "eve"}, revision=1)
    with pytest.raises(ModelChanged), transaction(store) as session:
        models.edit(session, ADA, "credit", {"owner": "bob"}, revision=1)


def test_a_models_kind_stays(store):
    given_a_model(store)
    with pytest.raises(KindStays), transaction(store) as session:
        models.edit(session, ADA, "credit", {"kind": "rules"})


def test_a_retired_model_changes_no_more(store):
    given_a_model(store)
    ref = given_a_version(store, artefact=b"a")
    with transaction(store) as session:
        assert models.retire(session, "credit", actor="worker", reason="replaced").retired
        assert queries.version(session, ref).state == "retired"
    for act in (
        lambda session: models.edit(session, ADA, "credit", {"owner": "eve"}),
        lambda session: models.give_tier(session, "credit", "high", actor="worker"),
        lambda session: models.retire(session, "credit", actor="worker"),
        lambda session: versions.add(session, ADA, "credit", {}),
        lambda session: assets.attach(session, ADA, ref, "documentation", store.files.put(b"x")),
    ):
        with pytest.raises(ModelRetired), transaction(store) as session:
            act(session)


def test_the_list_is_searched_filtered_ordered_and_paged_in_two_statements(store):
    for number in range(5):
        given_a_model(store, id=f"model-{number}", name=f"Model {number}", team="Odd" if number % 2 else "Even")
    given_a_version(store, "model-3", artefact=b"3")
    with transaction(store) as session:
        risks.open(session, REX, "model-3", level="high", title="t", owner="ada", due=date(2030, 1, 1))
    statements: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    with transaction(store) as session:
        page = queries.models(session, team="Odd", order="-id", limit=1)
    assert len([text for text in statements if text.startswith("SELECT")]) == 2
    assert page.total == 2
    (line,) = page.items
    assert (line.model.id, line.n_versions, line.open_risks, line.open_high_risks) == ("model-3", 1, 1, 1)
    assert line.latest == VersionRef("model-3", 1)
    with transaction(store) as session:
        assert queries.models(session, search="MODEL 4").total == 1
        assert queries.models(session, search="100%").total == 0
        assert queries.models(session, retired=True).total == 0
        assert [line.state for line in queries.models(session, offset=3, limit=9).items] == ["versioned", "registered"]
        with pytest.raises(ValueError, match="ordered by"):
            queries.models(session, order="password")


def test_what_is_not_there_is_named(store):
    with transaction(store) as session:
        for unknown in ("nothing", "a\x00b"):
            with pytest.raises(ModelUnknown):
                queries.model(session, unknown)
        with pytest.raises(VersionUnknown):
            queries.version(session, VersionRef("nothing", 1))
        assert queries.latest(session, "nothing") is None


@pytest.mark.parametrize("text", ["credit", "credit@0", "credit@x", "@1", "Credit@1", "credit@1@2", ""])
def test_a_reference_that_is_none_is_refused(text):
    with pytest.raises(ReferenceMalformed):
        VersionRef.parse(text)


def test_a_reference_is_read_as_it_is_written():
    assert str(VersionRef.parse("credit@12")) == "credit@12"


# --- versions and assets


def test_versions_are_numbered_within_their_model(store):
    given_a_model(store)
    given_a_model(store, id="other")
    assert given_a_version(store, artefact=b"1") == VersionRef("credit", 1)
    assert given_a_version(store, artefact=b"2") == VersionRef("credit", 2)
    assert given_a_version(store, "other", artefact=b"3") == VersionRef("other", 1)
    with transaction(store) as session:
        assert [version.ref.number for version in queries.versions(session, "credit")] == [2, 1]


def test_a_versions_state_follows_from_what_it_has(store):
    given_a_model(store)
    ref = given_a_version(store)
    with transaction(store) as session:
        assert queries.version(session, ref).state == "draft"
        assets.attach(session, ADA, ref, "artefact", store.files.put(b"a"))
        assert queries.version(session, ref).state == "ready"
        for passed, state in ((True, "tested"), (False, "failed")):
            tested = versions.record_test(session, ref, report(passed), suite="performance", actor="worker")
            assert tested.state == state


def test_a_test_leaves_its_report_as_an_asset_and_its_verdict_in_the_log(store):
    given_a_model(store)
    rows = store.files.put(b"rows")
    ref = given_a_version(store, artefact=b"a")
    with transaction(store) as session:
        found = report(passed=False, test_data=rows)
        tested = versions.record_test(session, ref, found, suite="performance", actor="worker")
        assert tested.metrics["auc"].value == 0.82
        assert not tested.metrics["brier"].known
    with transaction(store) as session:
        found = queries.test_reports(session, ref)["performance"]
        assert found is not None
        assert [verdict.threshold for verdict in found.failed] == ["min_auc"]
        assert queries.asset(session, ref, "test_data").digest == rows
        (entry,) = audit.entries(session, stream="model:credit", act="version.tested")
        assert entry.facts["failed"] == ["min_auc (all) failed: 0.8200 [0.8000, 0.8400] against 0.9"]


def test_evidence_is_every_asset_and_changes_with_any_of_them(store):
    given_a_model(store)
    ref = given_a_version(store, artefact=b"a", libraries=b"l")
    with transaction(store) as session:
        assets.attach(session, ADA, ref, "documentation", store.files.put(b"one"), name="card.md")
        before = versions.evidence_digests(session, ref)
        assert set(before) == {"artefact", "libraries", "documentation:card.md"}
        assets.attach(session, ADA, ref, "documentation", store.files.put(b"two"), name="card.md")
        after = versions.evidence_digests(session, ref)
    assert {name for name in before if before[name] != after[name]} == {"documentation:card.md"}


def test_a_replaced_asset_stays_readable_and_the_change_is_told(store):
    given_a_model(store)
    ref = given_a_version(store, artefact=b"a")
    with transaction(store) as session:
        assets.attach(session, ADA, ref, "artefact", store.files.put(b"b"))
    with transaction(store) as session:
        assert [asset.replaced_at is None for asset in queries.assets(session, ref, replaced=True)] == [False, True]
        told = [told for told in events.pending(session) if told.name == "asset.changed"]
        assert told[-1].subject == "credit@1"
        assert told[-1].digests == {"artefact": store.files.put(b"b")}
    assert acts(store)[:2] == ["asset.attached", "asset.replaced"]


def test_attaching_the_same_file_again_changes_nothing(store):
    given_a_model(store)
    ref = given_a_version(store, artefact=b"a")
    before = acts(store)
    with transaction(store) as session:
        assets.attach(session, ADA, ref, "artefact", store.files.put(b"a"))
    assert acts(store) == before


def test_an_asset_is_detached_by_who_may(store):
    given_a_model(store)
    ref = given_a_version(store, artefact=b"a")
    with pytest.raises(NotPermitted), transaction(store) as session:
        assets.detach(session, BEA, ref, "artefact")
    with transaction(store) as session:
        assets.detach(session, ADA, ref, "artefact")
        assert queries.version(session, ref).state == "draft"
        with pytest.raises(AssetMissing):
            queries.asset(session, ref, "artefact")


def test_an_asset_needs_a_known_role_a_file_and_a_version(store):
    given_a_model(store)
    ref = given_a_version(store)
    digest = store.files.put(b"x")
    for act, error in (
        (lambda s: assets.attach(s, ADA, ref, "picture", digest), RoleUnknown),
        (lambda s: assets.attach(s, ADA, ref, "artefact", "0" * 64), FileMissing),
        (lambda s: assets.attach(s, ADA, VersionRef("credit", 9), "artefact", digest), VersionUnknown),
        (lambda s: assets.attach(s, BEA, ref, "artefact", digest), NotPermitted),
    ):
        with pytest.raises(error), transaction(store) as session:
            act(session)


# --- completeness


def test_each_gap_is_named_and_an_empty_version_owes_everything(store):
    given_a_model(store, protected={}, thresholds={}, service_levels={"p95_ms": 1})
    ref = given_a_version(store, artefact=b"a", libraries=b"l")
    with transaction(store) as session:
        found = completeness.score(session, ref)
    named = {gap.name for gap in found.gaps}
    assert named >= {"training_data", "tests", "documentation", "protected", "thresholds", "service_levels"}
    assert not named & {"artefact", "libraries", "tool", "target"}
    assert found.share == pytest.approx((found.owed - len(named)) / found.owed)


def test_a_table_with_all_it_owes_is_complete(store):
    given_a_model(store, kind="rules", affects_people=False)
    owed = ("artefact", "source", "input_schema", "output_schema", "tests", "documentation")
    ref = given_a_version(store, **{role: role.encode() for role in owed})
    with transaction(store) as session:
        found = completeness.score(session, ref)
    assert found.complete
    assert found.share == 1


# --- duplicates


def test_the_same_file_is_a_duplicate_in_whatever_model(store):
    given_a_model(store)
    given_a_model(store, id="other")
    ref = given_a_version(store, artefact=b"a")
    with pytest.raises(DuplicateVersion, match="credit@1 again: the same model file"):
        given_a_version(store, "other", artefact=b"a")
    with transaction(store) as session:
        assert queries.versions(session, "other") == []
        assert duplicates.find(session, queries.asset_digests(session, ref), but=ref) == []


def test_the_same_data_parameters_and_predictions_are_a_duplicate(store):
    """A retrained artefact differs in its bytes; what it does gives it away."""
    given_a_model(store)
    given_a_version(store, artefact=b"a", training_data=b"d", parameters=b"p", predictions=b"y")
    with pytest.raises(DuplicateVersion, match="training data, parameters and predictions"):
        given_a_version(store, artefact=b"b", training_data=b"d", parameters=b"p", predictions=b"y")
    given_a_version(store, artefact=b"b", training_data=b"d2", parameters=b"p", predictions=b"y")
    given_a_version(store, artefact=b"c", training_data=b"d", parameters=b"p", predictions=b"y2")


def test_a_draft_whose_training_comes_out_as_another_version_is_refused(store):
    given_a_model(store)
    made = {"training_data": b"d", "parameters": b"p", "predictions": b"y"}
    given_a_version(store, artefact=b"a", **made)
    draft = given_a_version(store, training_data=b"d")
    digests = {role: store.files.put(content) for role, content in {**made, "artefact": b"b"}.items()}
    with pytest.raises(DuplicateVersion, match="credit@1 again"), transaction(store) as session:
        versions.complete_training(session, draft, digests, actor="worker")
    digests["predictions"] = store.files.put(b"y2")
    for _ in range(2):  # a job's result that is taken twice is no duplicate of itself
        with transaction(store) as session:
            assert versions.complete_training(session, draft, digests, actor="worker").state == "ready"


def test_an_uploaded_model_is_told_by_its_predictions_on_the_same_probe(store):
    given_a_model(store)
    given_a_version(store, artefact=b"a", probe=b"rows", predictions=b"y")
    with pytest.raises(DuplicateVersion, match="same probe rows"):
        given_a_version(store, artefact=b"b", probe=b"rows", predictions=b"y")
    given_a_version(store, artefact=b"b", probe=b"other rows", predictions=b"y")


# --- risks


def test_an_open_high_risk_is_listed_until_it_is_closed(store):
    given_a_model(store)
    with transaction(store) as session:
        low = risks.open(session, REX, "credit", level="low", title="Docs", owner="ada", due=date(2030, 1, 1))
        high = risks.open(session, REX, "credit", level="high", title="Bias", owner="ada", due=date(2020, 1, 1))
        assert [risk.id for risk in queries.open_high_risks(session, "credit")] == [high.id]
        assert [risk.id for risk in queries.overdue_risks(session, date(2026, 1, 1))] == [high.id]
        assert [risk.id for risk in queries.risks(session, "credit")] == [high.id, low.id]
    with transaction(store) as session:
        closed = risks.close(session, REX, high.id, resolution="Reweighted and tested again.")
        assert not closed.is_open
        assert queries.open_high_risks(session, "credit") == []
        assert [risk.id for risk in queries.risks(session, "credit", is_open=False)] == [high.id]
    assert [act for act in acts(store) if act.startswith("risk")] == ["risk.closed", "risk.opened", "risk.opened"]


def test_a_risk_lacks_nothing_and_is_closed_once_with_a_word(store):
    given_a_model(store)
    fine = {"level": "high", "title": "t", "owner": "ada", "due": date(2030, 1, 1)}
    for change in ({"level": "huge"}, {"title": " "}, {"owner": ""}):
        with pytest.raises(RiskRefused), transaction(store) as session:
            risks.open(session, REX, "credit", **{**fine, **change})
    with pytest.raises(NotPermitted), transaction(store) as session:
        risks.open(session, BEA, "credit", **fine)
    with transaction(store) as session:
        risk = risks.open(session, REX, "credit", **fine)
        with pytest.raises(RiskRefused):
            risks.close(session, REX, risk.id, resolution=" ")
        risks.close(session, REX, risk.id, resolution="done")
        with pytest.raises(RiskUnknown):
            risks.close(session, REX, risk.id, resolution="again")


# --- sources


def test_a_source_is_one_file_or_a_zip_that_stays_inside():
    import io
    import zipfile

    assert modules_of(b"x = 1") == {"recipe.py": b"x = 1"}

    def zipped(name: str) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(name, "y = 2")
        return target.getvalue()

    assert modules_of(zipped("pack/a.py")) == {"pack/a.py": b"y = 2"}
    for name in ("../a.py", "/a.py"):
        with pytest.raises(SourceRefused, match="outside"):
            modules_of(zipped(name))
    with pytest.raises(SourceRefused):
        modules_of(b"PK\x03\x04broken")
