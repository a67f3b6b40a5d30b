"""The contract that every kind of model keeps, and what is special to each."""

from __future__ import annotations

import ast
import json
import math
import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.config import Settings
from engine.inventory import kinds
from engine.inventory.assets import ROLES
from engine.inventory.kinds import rules, sklearn
from engine.sandbox import Child, ModelCodeFailed
from engine.training.remotes import Remote
from tests.serving.api import Api

TABLE = {
    "title": "Example",
    "rules": [
        {"id": "young", "when": {"x": {"below": 0}, "y": [0, 1]}, "score": 0.9, "decision": "yes", "reason": "x < 0"},
        {"when": {"y": {"missing": True}}, "score": 0.5, "decision": "ask", "reason": "y is not known"},
    ],
    "otherwise": {"score": 0.1, "decision": "no", "reason": "nothing holds"},
}
ROWS = [{"x": float(x), "y": float(y)} for x, y in np.random.default_rng(0).normal(size=(60, 2))]


@dataclass(frozen=True)
class Example:
    """One small model of a kind."""

    kind: str
    artefact: bytes


def fitted(estimator: Any) -> Any:
    import pandas

    frame = pandas.DataFrame(ROWS)
    return estimator.fit(frame, (frame.x + frame.y > 0).astype(int))


def dumped(estimator: Any, folder: Path) -> bytes:
    joblib.dump(estimator, folder / "model.joblib")
    return (folder / "model.joblib").read_bytes()


@pytest.fixture(scope="module", params=sorted(kinds.all_kinds()))
def example(request, tmp_path_factory) -> Example:
    folder = tmp_path_factory.mktemp("model")
    artefacts = {
        "sklearn": lambda: dumped(fitted(LogisticRegression()), folder),
        "rules": lambda: kinds.get("rules").accept(json.dumps(TABLE).encode(), "table.json"),
        "remote": lambda: kinds.get("remote").accept(
            json.dumps(described(request.getfixturevalue("api").address)).encode(), "a.json"
        ),
    }
    assert request.param in artefacts, "a kind without an example here is a kind without the contract"
    return Example(request.param, artefacts[request.param]())


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """A model of others, behind a real server."""
    with Api(lambda row: 1 / (1 + math.exp(-row["x"] - row["y"]))) as served:
        yield served


def described(address: str, **changed: Any) -> dict[str, Any]:
    response = {"at": "predictions", "number": "score", "decision": "label"}
    return {"url": address, "columns": ["x", "y"], "request": {"at": "rows"}, "response": response, **changed}


def begun(kind: str, artefact: bytes, columns: list[str]) -> Child:
    if kinds.get(kind).remote:
        return Remote(artefact, columns, Settings(remote_hosts=("127.0.0.1",)))
    return Child.start(artefact, kinds.get(kind), columns=columns)


@pytest.fixture(scope="module")
def child(example) -> Iterator[Child]:
    with begun(example.kind, example.artefact, ["x", "y"]) as started:
        yield started


# --- the contract


def test_a_kind_tells_what_it_takes_and_owes(example):
    kind = kinds.get(example.kind)
    assert kind.title
    assert all(suffix.startswith(".") for suffix in kind.suffixes)
    assert {"artefact", "input_schema", "output_schema", "tests", "documentation"} <= set(kind.owes) <= set(ROLES)


def test_a_kinds_file_needs_nothing_but_the_standard_library_to_be_read(example):
    tree = ast.parse(kinds.get(example.kind).program)
    names = [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_a_loaded_model_tells_its_output_and_the_columns_it_needs(child):
    assert child.output in ("score", "value")
    assert set(child.model["columns"]) <= {"x", "y"}


def test_each_row_gets_one_answer_in_range(child):
    predictions = child.score(ROWS)
    assert len(predictions) == len(ROWS)
    if predictions.output == "score":
        assert all(0 <= value <= 1 for value in predictions.values)


def test_a_row_is_answered_the_same_alone_in_company_and_in_another_order(child):
    # To the last bits: a linear model's sums come out of BLAS in an order that depends on the number of rows.
    together = list(child.score(ROWS).values)
    assert [child.score([row]).values[0] for row in ROWS[:5]] == pytest.approx(together[:5], rel=1e-12)
    assert list(child.score(ROWS[::-1]).values) == pytest.approx(together[::-1], rel=1e-12)


def test_columns_that_it_does_not_need_do_not_change_the_answer(child):
    assert child.score([{**row, "z": "other"} for row in ROWS]).values == child.score(ROWS).values


def test_a_column_that_is_not_there_is_named(child):
    with pytest.raises(ModelCodeFailed, match=r"lack the column [xy]"):
        child.score_columns({"z": [1.0]})


def test_an_input_schema_that_lacks_a_column_is_refused_at_the_start(example):
    with pytest.raises(ModelCodeFailed, match=r"which the input schema lacks|needs 2 columns"):
        begun(example.kind, example.artefact, ["z"])


def test_a_file_that_is_none_is_refused_and_never_opened_here(example):
    kind = kinds.get(example.kind)
    with pytest.raises((kinds.ArtefactRefused, ModelCodeFailed)):
        begun(example.kind, kind.accept(b"\x00\x01no model", "x" + kind.suffixes[0]), ["x", "y"])
    with pytest.raises(kinds.ArtefactRefused):
        kind.accept(b"", "x" + kind.suffixes[0])


def test_every_kind_stands_in_the_docs(example):
    assert f"`{example.kind}`" in (Path(__file__).parents[2] / "docs" / "models.md").read_text()


def test_an_unknown_kind_is_answered_with_the_nearest():
    with pytest.raises(kinds.UnknownKind, match="Did you mean sklearn"):
        kinds.get("scikitlearn")


# --- scikit-learn


def scored(artefact: bytes, **options: Any):
    with Child.start(artefact, kinds.get("sklearn"), columns=["x", "y"], options=options) as child:
        return child.score(ROWS), child.model


def test_a_classifier_gives_the_second_classs_probability(tmp_path):
    import pandas

    model = fitted(HistGradientBoostingClassifier(random_state=0))
    predictions, _ = scored(dumped(model, tmp_path))
    assert list(predictions.values) == model.predict_proba(pandas.DataFrame(ROWS))[:, 1].tolist()


def test_a_plain_pickle_a_pipeline_and_a_regressor_are_taken(tmp_path):
    import pandas

    pipeline = fitted(make_pipeline(StandardScaler(), LogisticRegression()))
    predictions, _ = scored(pickle.dumps(pipeline))
    assert list(predictions.values) == pipeline.predict_proba(pandas.DataFrame(ROWS))[:, 1].tolist()
    predictions, model = scored(pickle.dumps(fitted(LinearRegression())))
    assert (predictions.output, model["output"]) == ("value", "value")


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_skops_file_is_taken():
    import skops.io

    model = fitted(LogisticRegression())
    predictions, _ = scored(skops.io.dumps(model))
    assert list(predictions.values) == pytest.approx(
        model.predict_proba(np.array([[r["x"], r["y"]] for r in ROWS]))[:, 1].tolist()
    )


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_the_faster_way_is_taken_where_it_gives_the_same_bits(tmp_path):
    probe = {name: [row[name] for row in ROWS] for name in ("x", "y")}
    artefact = dumped(fitted(HistGradientBoostingClassifier(random_state=0)), tmp_path)
    slow, model = scored(artefact)
    assert not model["as_matrix"]
    fast, model = scored(artefact, probe=probe)
    assert model["as_matrix"]
    assert fast.values == slow.values


def test_a_model_that_reads_its_columns_by_name_keeps_the_slow_way():
    from sklearn.compose import make_column_transformer

    model = fitted(make_pipeline(make_column_transformer((StandardScaler(), ["x"])), LogisticRegression()))
    probe = {name: [row[name] for row in ROWS] for name in ("x", "y")}
    assert not scored(pickle.dumps(model), probe=probe)[1]["as_matrix"]


def test_a_classifier_of_three_classes_is_refused():
    import pandas

    frame = pandas.DataFrame(ROWS)
    model = LogisticRegression().fit(frame, [0, 1, 2] * 20)
    with pytest.raises(ModelCodeFailed, match="3 classes"):
        scored(pickle.dumps(model))


def test_sklearn_refuses_only_an_empty_file_here():
    with pytest.raises(ValueError, match="empty"):
        sklearn.accept(b"", "x.pkl")


# --- rules


def test_the_first_rule_that_holds_decides():
    answer = rules.score(TABLE, {"x": [-1, 1, -1, -1], "y": [1, 1, 2, None]})
    assert answer["values"] == [0.9, 0.1, 0.1, 0.5]
    assert answer["decisions"] == ["yes", "no", "no", "ask"]
    assert answer["reasons"][0] == ["x < 0", "rule young"]


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        (1, [1], [2, None]),
        ("a", ["a"], ["b"]),
        ([1, 2], [1, 2], [3, None]),
        ({"from": 1, "to": 3}, [1, 2, 3], [0.9, 3.1, None]),
        ({"above": 1, "below": 3}, [2], [1, 3]),
        ({"not": 1}, [2], [1, None]),
        ({"not": [1, 2], "from": 0}, [0, 3], [1, 2, -1]),
        ({"missing": True}, [None], [0]),
        ({"missing": False}, [0], [None]),
    ],
)
def test_a_condition_holds_for_what_it_says(condition, yes, no):
    assert not rules.check_condition("c", condition)
    assert all(rules.holds(condition, value) for value in yes)
    assert not any(rules.holds(condition, value) for value in no)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: t.pop("otherwise"), "otherwise"),
        (lambda t: t["rules"].clear(), "at least one rule"),
        (lambda t: t["rules"][0].update(score=2), "rule 1 (young): `score` is 2"),
        (lambda t: t["rules"][0].update(decision=""), "`decision`"),
        (lambda t: t["rules"][0].update(then="x"), "unknown field 'then'"),
        (lambda t: t["rules"][0]["when"].update(x={"abve": 1}), "column x: unknown test 'abve'"),
        (lambda t: t["rules"][0]["when"].update(x={"above": "1"}), "`above` is not a number"),
        (lambda t: t["rules"][0]["when"].update(x={}), "is no condition"),
        (lambda t: t["rules"].append(dict(t["rules"][0])), "used twice"),
        (lambda t: t["rules"][1].pop("when"), "`when`"),
    ],
)
def test_a_table_that_is_wrong_is_refused_by_rule_and_field(change, named):
    table = json.loads(json.dumps(TABLE))
    change(table)
    with pytest.raises(kinds.ArtefactRefused) as caught:
        kinds.get("rules").accept(json.dumps(table).encode(), "table.json")
    assert named in str(caught.value)


def test_yaml_and_json_give_the_same_artefact():
    import yaml

    kind = kinds.get("rules")
    assert kind.accept(yaml.safe_dump(TABLE, sort_keys=False).encode(), "t.yaml") == kind.accept(
        json.dumps(TABLE).encode(), "t.json"
    )


@pytest.mark.parametrize(
    "text",
    [
        b"a: &a [1]\nb: *a",
        b"!!python/object/apply:os.system ['echo']",
        b"\xff\xfe",
        b"[" * 10_000,
        b"rules: [1]\notherwise: 3",
        b"x" * (2 << 20),
        b"rules: .nan",
    ],
)
def test_hostile_yaml_is_refused_by_name(text):
    with pytest.raises(kinds.ArtefactRefused):
        kinds.get("rules").accept(text, "t.yaml")


def test_a_value_that_cannot_be_compared_is_named_by_row_and_column():
    with pytest.raises(ValueError, match="row 1, column x: 'a'"):
        rules.score(TABLE, {"x": [1, "a"], "y": [1, 1]})
