"""Explanations of answers, by the model in its sandbox."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression

from engine.store import Files
from engine.training import Suite, explanations, frames, scored
from engine.training.explanations import NotExplained

RULES = {
    "rules": [
        {"id": "young", "when": {"age": {"below": 18}}, "score": 0.1, "decision": "refuse", "reason": "young"},
        {"id": "idle", "when": {"job": "none"}, "score": 0.3, "decision": "refuse", "reason": "no job"},
    ],
    "otherwise": {"score": 0.9, "decision": "grant", "reason": "sound"},
}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(str(tmp_path))


def test_r53_r65_a_regression_is_explained_in_its_own_unit(files: Files) -> None:
    """What a linear model gives each column is its weight times the distance from the background's mean."""
    random = np.random.default_rng(5)
    data = {"x": random.normal(size=80), "y": random.normal(size=80), "idle": random.normal(size=80)}
    wage = 3 * data["x"] - 2 * data["y"] + 10
    columns = ["x", "y", "idle"]
    model = LinearRegression().fit(np.column_stack([data[name] for name in columns]), wage)
    table = frames.write(pa.table({**data, "wage": wage}))
    schema = {"type": "object", "properties": {name: {"type": "number"} for name in columns}, "required": columns}
    assets = {"artefact": files.put(pickle.dumps(model)), "input_schema": files.put(json.dumps(schema).encode())}
    row = {"x": 1.5, "y": -1.0, "idle": 7.0}
    found = explanations.of_answer(
        files, "sklearn", {**assets, "test_data": files.put(table)}, row, version="wage@1", output=16.5
    )
    assert found.attribution.values == pytest.approx(
        {"x": 3 * (1.5 - data["x"].mean()), "y": -2 * (-1.0 - data["y"].mean()), "idle": 0.0}, abs=1e-9
    )
    assert abs(found.residual) < 1e-9
    assert (found.reasons, found.told) == ((), ())

    measured = scored(files, "sklearn", assets, files.put(table), Suite(target="wage"), attributed=True)
    kept = json.loads(measured.attributions)
    assert list(kept["columns"]) == ["x", "y", "idle"]  # the weightiest first
    assert kept["columns"]["idle"]["mean_size"]["value"] == pytest.approx(0, abs=1e-12)
    assert kept["columns"]["x"]["mean_size"]["low"] > 1
    assert kept["largest_residual"] < 1e-9
    with pytest.raises(NotExplained, match="neither a probe set nor test data"):
        explanations.of_answer(files, "sklearn", assets, row, version="wage@1", output=16.5)


def test_r53_rules_tell_which_held_and_what_would_have_changed_it(files: Files) -> None:
    probe = {"columns": {"age": [17, 30, 40, 50], "job": ["clerk", "clerk", "none", "clerk"]}}
    assets = {"artefact": files.put(json.dumps(RULES).encode()), "probe": files.put(json.dumps(probe).encode())}
    row = {"age": 16, "job": "none"}
    found = explanations.of_answer(files, "rules", assets, row, version="grants@1", output=0.1, adverse=True)
    # v(none) = (0.1 + 0.9 + 0.3 + 0.9) / 4, v(age) = 0.1, v(job) = (0.1 + 3 * 0.3) / 4, v(both) = 0.1
    assert found.attribution.base == pytest.approx(0.55)
    assert found.attribution.values == pytest.approx({"age": -0.3, "job": -0.15})
    assert found.reasons == ("age", "job")
    assert found.told == ("young", "rule young")
