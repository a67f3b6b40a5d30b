"""Train, test, reproduce: in the sandbox, with files and values."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inventory import kinds
from engine.inventory.reports import TestReport
from engine.inventory.thresholds import ThresholdRefused
from engine.sandbox import ModelCodeFailed
from engine.statistics.auc import auc
from engine.statistics.impact_ratio import impact_ratio
from engine.store import Files
from engine.training import (
    LabelsRefused,
    NotTrainable,
    Recipe,
    ReferenceMissing,
    Suite,
    frames,
    plans,
    read_upload,
    reproduce,
    scorers,
    test,
    train,
)
from engine.training.frames import ColumnMissing, TableRefused
from engine.training.measurement import measure
from engine.training.plans import PlanRefused

DEMO = Path(__file__).parents[2] / "web" / "demo" / "models"
RECIPE = b"""
from sklearn.ensemble import RandomForestClassifier

def train(frame, parameters, seed):
    model = RandomForestClassifier(n_estimators=parameters["trees"], random_state=seed)
    return model.fit(frame[parameters["features"]], frame[parameters["target"]])
"""


def rows(n: int = 400, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    x, y, group = rng.normal(size=n), rng.normal(size=n), rng.integers(1, 4, n)
    label = (x + 0.5 * y + rng.normal(size=n) > 0).astype(int)
    return pa.table({"id": np.arange(n), "x": x, "y": y, "group": group, "label": label})


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Files:
    return Files(str(tmp_path_factory.mktemp("files")))


def a_recipe(files: Files, source: bytes = RECIPE, **changes) -> Recipe:
    values = {
        "kind": "sklearn",
        "source": files.put(source),
        "training_data": files.put(frames.write(rows())),
        "target": "label",
        "features": ("x", "y"),
        "seed": 0,
        "parameters": {"trees": 20},
    }
    return Recipe(**{**values, **changes})


@pytest.fixture(scope="module")
def training(files):
    return train(files, a_recipe(files))


# --- train


def test_a_training_leaves_every_asset_that_its_kind_owes(training):
    owed = set(kinds.get("sklearn").owes) - {"tests", "documentation"}
    assert owed <= set(training.assets)
    assert training.output == "score"
    assert training.isolation.network == "none"
    assert training.facts["rows"] == 400


def test_the_libraries_are_those_of_the_child_to_the_version(files, training):
    import sklearn

    lock = json.loads(files.read(training.assets["libraries"]))
    assert lock["used"]["scikit-learn"] == sklearn.__version__
    assert "numpy" in lock["used"]
    assert len(lock["installed"]) > len(lock["used"])


def test_a_recipe_that_forgets_its_seed_is_still_the_same_tomorrow(files):
    careless = RECIPE.replace(b"random_state=seed", b"")
    first, second = (train(files, a_recipe(files, careless)).predictions for _ in range(2))
    assert first == second


def test_a_recipe_never_sees_what_is_neither_feature_nor_target(files):
    peeping = b"def train(frame, parameters, seed):\n    raise ValueError(sorted(frame.columns))\n"
    with pytest.raises(ModelCodeFailed, match=r"\['label', 'x', 'y'\]"):
        train(files, a_recipe(files, peeping))


def test_a_recipe_with_its_own_engine_module_is_trained_and_scored(files):
    import zipfile

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(
            "engine.py",
            "from sklearn.linear_model import LogisticRegression\nclass Mine(LogisticRegression):\n    pass\n",
        )
        archive.writestr(
            "recipe.py",
            "from engine import Mine\ndef train(frame, parameters, seed):\n"
            "    return Mine().fit(frame[parameters['features']], frame[parameters['target']])\n",
        )
    outcome = train(files, a_recipe(files, target.getvalue()))
    assert outcome.facts["class"] == "Mine"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"x = (", "SyntaxError"),
        (b"y = 1", "no function train"),
        (b"def train(frame, parameters, seed):\n    return 3\n", "no estimator"),
        (b"def train(frame, parameters, seed):\n    import requests_from_nowhere\n", "requests_from_nowhere"),
    ],
)
def test_a_recipe_that_fails_says_what_failed(files, source, words):
    with pytest.raises(ModelCodeFailed, match=words):
        train(files, a_recipe(files, source))


def test_what_cannot_be_trained_is_refused_before_anything_runs(files):
    with pytest.raises(NotTrainable):
        train(files, a_recipe(files, kind="rules"))
    with pytest.raises(NotTrainable, match="among the features"):
        train(files, a_recipe(files, target="x"))
    with pytest.raises(ColumnMissing, match="no column z"):
        train(files, a_recipe(files, features=("x", "z")))
    with pytest.raises(TableRefused):
        train(files, a_recipe(files, training_data=files.put(b"PAR1 and nothing more")))


# --- reproduce


def test_reproducing_gives_the_same_digest(files, training):
    again = reproduce(files, "sklearn", training.assets)
    assert again.reproduced
    assert again.predictions == again.recorded == training.predictions
    assert again.first_difference is None


def test_another_seed_fails_and_is_named_first(files, training):
    again = reproduce(files, "sklearn", training.assets, seed=7)
    assert not again.reproduced
    assert again.first_difference == "seed: 7, was 0"
    assert again.differences[-1].startswith("predictions: row ")


def test_a_changed_row_fails_and_is_named_first(files, training):
    values = rows().column("x").to_pylist()
    was, values[17] = values[17], 4.5
    changed = rows().set_column(1, "x", pa.array(values))
    again = reproduce(files, "sklearn", training.assets, training_data=files.put(frames.write(changed)))
    assert not again.reproduced
    assert again.first_difference == f"training data: row 17, column x: 4.5, was {was!r}"


def test_an_artefact_that_says_otherwise_than_its_training_fails(files, training):
    """Predictions on record that the recipe does not give: the record was changed by hand."""
    values = json.loads(files.read(training.assets["predictions"]))
    was, values["values"][3] = values["values"][3], 0.123
    forged = {**training.assets, "predictions": files.put(scorers.canonical(values))}
    again = reproduce(files, "sklearn", forged)
    assert again.first_difference == f"predictions: row 3 of the probe set: {was!r}, was 0.123"


def test_another_librarys_version_is_noted_and_fails_only_with_the_predictions(files, training):
    lock = json.loads(files.read(training.assets["libraries"]))
    lock["used"]["numpy"] = "1.0"
    recorded = {**training.assets, "libraries": files.put(json.dumps(lock).encode())}
    again = reproduce(files, "sklearn", recorded)
    assert again.reproduced
    assert again.notes[0].startswith("library numpy: ")


def test_a_record_without_its_data_cannot_be_reproduced(files, training):
    lacking = {role: digest for role, digest in training.assets.items() if role != "training_data"}
    with pytest.raises(NotTrainable, match="no training data"):
        reproduce(files, "sklearn", lacking)


# --- test


def test_a_test_measures_outside_what_the_sandbox_predicted(files, training):
    table = rows(600, seed=1)
    suite = Suite(
        target="label",
        thresholds={"cut_off": 0.4, "min_auc": 0.6, "max_calibration_error": 0.001, "min_impact_ratio": 0.5},
        protected={"group": "2"},
    )
    report = test(files, "sklearn", training.assets, files.put(frames.write(table)), suite)
    with scorers.start(files, "sklearn", training.assets) as child:
        scores = child.score_columns({name: table.column(name).to_pylist() for name in ("x", "y")}).values
    labels = table.column("label").to_pylist()
    assert report.metrics["auc"] == auc(labels, scores)
    selected = [score >= 0.4 for score in scores]
    members = table.column("group").to_pylist()
    one, two = (
        (sum(s for s, g in zip(selected, members, strict=True) if g == group), members.count(group)) for group in (1, 2)
    )
    first, second, third = report.groups
    assert [group.reference for group in report.groups] == [False, True, False]
    assert (first.n, first.selected) == (one[1], one[0])
    assert first.metrics["impact_ratio"] == impact_ratio((one[0], two[0]), (one[1], two[1]))
    assert "impact_ratio" not in second.metrics
    assert [verdict.threshold for verdict in report.failed] == ["max_calibration_error"]
    assert not report.passed
    assert report.isolation["network"] == "none"
    assert report.inputs["artefact"] == training.assets["artefact"]
    assert third.n + first.n + second.n == report.n_rows == 600


def test_a_table_of_rules_is_tested_like_any_model(files):
    table = {
        "rules": [{"when": {"x": {"above": 0}}, "score": 0.8, "decision": "yes", "reason": "x is positive"}],
        "otherwise": {"score": 0.2, "decision": "no", "reason": "x is not"},
    }
    schema = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}
    probe = scorers.canonical({"columns": {"x": [-1.0, 1.0]}})
    assets = read_upload(
        files,
        "rules",
        {
            "artefact": files.put(kinds.get("rules").accept(json.dumps(table).encode(), "t.json")),
            "input_schema": files.put(json.dumps(schema).encode()),
            "probe": files.put(probe),
        },
    )
    assert json.loads(files.read(assets["predictions"]))["decisions"] == ["no", "yes"]
    assert json.loads(files.read(assets["output_schema"]))["properties"]["decision"]["enum"] == ["yes", "no"]
    report = test(files, "rules", assets, files.put(frames.write(rows())), Suite(target="label"))
    assert report.metrics["auc"].value > 0.6
    assert report.passed


def test_a_regressor_is_measured_by_its_errors():
    report = measure("value", [1.0, 2.0, 3.0], [1.5, 2.0, 2.5], {}, Suite(target="y", thresholds={"max_mae": 0.2}))
    assert set(report.metrics) == {"mae", "rmse"}
    assert report.metrics["mae"].value == pytest.approx(1 / 3)
    assert not report.passed


def test_a_threshold_without_data_is_no_pass():
    report = measure("score", [1, 1], [0.6, 0.9], {}, Suite(target="y", thresholds={"min_auc": 0.5}))
    assert [verdict.passed for verdict in report.verdicts] == [None]
    assert not report.passed


def test_a_small_group_gets_no_verdict_and_does_not_fail_the_version():
    labels = [0, 1] * 100
    groups = ["1"] * 190 + ["2"] * 10
    suite = Suite(target="y", thresholds={"min_impact_ratio": 0.8}, protected={"g": "1"})
    report = measure("score", labels, [0.1, 0.9] * 100, {"g": groups}, suite)
    assert [str(verdict) for verdict in report.undecided] == ["min_impact_ratio (g=2): too little data"]
    assert report.passed


def test_labels_and_reference_groups_that_are_not_there_are_named(files, training):
    suite = Suite(target="label", protected={"group": "9"})
    with pytest.raises(ReferenceMissing, match="group = 9"):
        test(files, "sklearn", training.assets, files.put(frames.write(rows())), suite)
    two = rows().set_column(4, "label", pa.array([2] * 400))
    with pytest.raises(LabelsRefused, match="row 0 has 2"):
        test(files, "sklearn", training.assets, files.put(frames.write(two)), Suite(target="label"))
    with pytest.raises(ColumnMissing, match="no column answer"):
        test(files, "sklearn", training.assets, files.put(frames.write(rows())), Suite(target="answer"))
    with pytest.raises(ThresholdRefused):
        test(files, "sklearn", training.assets, "0" * 64, Suite(target="label", thresholds={"min_luck": 1}))


@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1), st.sampled_from("ab")), min_size=1, max_size=80),
    st.floats(0, 1),
)
def test_a_report_survives_its_file(cases, cut_off):
    labels, scores, groups = zip(*cases, strict=True)
    suite = Suite(
        target="y", thresholds={"cut_off": cut_off, "min_impact_ratio": 0.8}, protected={"g": groups[0]}, floor=1
    )
    report = measure("score", labels, scores, {"g": groups}, suite)
    assert TestReport.from_bytes(report.as_bytes()).as_bytes() == report.as_bytes()
    assert sum(group.n for group in report.groups) == report.n_rows
    assert report.roc == () or (report.roc[0] == (0.0, 0.0) and report.roc[-1] == (1.0, 1.0))


def test_another_file_is_no_report():
    with pytest.raises(ValueError, match="not a report"):
        TestReport.from_bytes(b"{}")


# --- rows


def test_rows_are_chosen_by_value_list_and_range():
    table = pa.table({"a": [1, 2, 3, None], "b": ["x", "y", "x", "x"]})
    assert frames.where(table, {"a": {"from": 2, "to": 3}}).num_rows == 2
    assert frames.where(table, {"a": [1, 3], "b": "x"}).num_rows == 2
    assert frames.where(table, {"a": {"from": 0}}).num_rows == 3
    with pytest.raises(TableRefused, match="over"):
        frames.where(table, {"a": {"over": 1}})
    with pytest.raises(ColumnMissing):
        frames.where(table, {"c": 1})


@given(st.lists(st.integers(), unique=True, min_size=1, max_size=200), st.floats(0.05, 0.95))
def test_a_row_is_held_out_whatever_other_rows_there_are(ids, share):
    rest, held = frames.hold_out(pa.table({"id": pa.array([str(i) for i in ids])}), "id", share)
    assert rest.num_rows + held.num_rows == len(ids)
    for identifier in held.column("id").to_pylist():
        alone = frames.hold_out(pa.table({"id": [identifier]}), "id", share)
        assert alone[1].num_rows == 1


def test_csv_and_parquet_hold_the_same_rows(files):
    table = rows(20)
    lines = [",".join(table.column_names)] + [",".join(map(repr, row.values())) for row in table.to_pylist()]
    assert frames.read("\n".join(lines).encode()).to_pylist() == frames.read(frames.write(table)).to_pylist()


def test_dictionary_columns_are_read_as_plain_ones():
    target = io.BytesIO()
    pq.write_table(pa.table({"c": pa.array(["a", "b", "a"]).dictionary_encode()}), target)
    assert frames.read(target.getvalue()).schema.field("c").type == pa.string()


# --- the models that come with the house


def test_the_employment_model_is_trained_tested_and_in_its_bounds(files):
    plan = plans.read(files, DEMO / "employment")
    assert plan.recipe is not None
    assert plan.suite is not None
    assert plan.test_data is not None
    trained = train(files, plan.recipe)
    assert trained.facts["rows"] == 23_854
    schema = json.loads(files.read(trained.assets["input_schema"]))
    assert list(schema["properties"]) == list(plan.recipe.features)
    # Seen were ages 16 to 49; declared is what binds.
    age = schema["properties"]["AGEP"]
    assert (age["minimum"], age["maximum"], age["x-observed"]["minimum"]) == (0, 99, 16)
    report = test(files, "sklearn", trained.assets, plan.test_data, plan.suite)
    assert report.n_rows == 6_107
    assert 0.80 < report.metrics["auc"].value < 0.85
    assert {group.attribute for group in report.groups} == {"SEX", "RAC1P"}
    assert report.passed


def test_the_outreach_table_is_read_scored_and_tested(files):
    plan = plans.read(files, DEMO / "outreach")
    assert plan.suite is not None
    assert plan.test_data is not None
    assets = read_upload(files, "rules", plan.assets)
    report = test(files, "rules", assets, plan.test_data, plan.suite)
    assert report.n_rows == 6_107
    assert report.metrics["auc"].low > 0.6


def test_the_census_rows_are_as_many_as_their_readme_says():
    data = DEMO.parent / "data"
    early = frames.read((data / "employment-2015.parquet").read_bytes())
    later = frames.read((data / "employment-2016-2018.parquet").read_bytes())
    assert (early.num_rows, later.num_rows) == (68_785, 208_892)
    assert early.column_names == later.column_names
    assert frames.where(later, {"year": 2016, "AGEP": {"from": 16, "to": 49}}).num_rows == 29_793
    assert len(set(later.column("id").to_pylist())) == 208_892


def test_a_folder_that_is_no_plan_says_what_it_lacks(files, tmp_path):
    with pytest.raises(PlanRefused, match=r"no model\.yaml"):
        plans.read(files, tmp_path)
    text = (DEMO / "outreach" / "model.yaml").read_text()
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(PlanRefused, match=r"no file card\.md"):
        plans.read(files, tmp_path)


def test_a_file_that_unpacks_to_more_rows_than_fit_is_refused_before_it_is_read(monkeypatch):
    table = pa.table({"same": np.zeros(1_000_000)})
    content = frames.write(table)
    assert len(content) < 10_000
    monkeypatch.setattr(frames, "MOST_VALUES", 999_999)
    with pytest.raises(TableRefused, match="1,000,000 rows of 1 columns"):
        frames.read(content)
