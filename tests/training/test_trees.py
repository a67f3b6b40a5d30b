"""A model as arrays answers as the model does, and nothing of such arrays is trusted."""

from __future__ import annotations

import copy
import json
import math
from functools import cache
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import ensemble, tree
from threadpoolctl import threadpool_limits

from engine.inventory.kinds import sklearn as kind
from engine.training.trees import MOST_LEAVES, Trees, TreesRefused

COLUMNS = [f"x{n}" for n in range(5)]


@cache
def rows() -> tuple[pandas.DataFrame, Any]:
    """Rows with gaps, ties and values beyond every threshold, and their labels."""
    dice = np.random.default_rng(3)
    frame = pandas.DataFrame({name: dice.normal(size=400).round(2) for name in COLUMNS})
    frame = frame.mask(dice.random(frame.shape) < 0.1)
    frame.loc[0] = [1e300, -1e300, 0.0, -0.0, 1e-300]
    known = frame.fillna(0)
    return frame, (known.x0 + known.x1 * known.x2 + dice.normal(size=400) > 0).astype(int)


def fitted(estimator: Any) -> kind.Model:
    frame, labels = rows()
    if isinstance(estimator, ensemble.GradientBoostingClassifier | ensemble.GradientBoostingRegressor):
        frame = frame.fillna(0)
    frame = frame.clip(-1e30, 1e30) if "Hist" not in type(estimator).__name__ else frame
    with threadpool_limits(1):
        return kind.Model(estimator.fit(frame, labels), COLUMNS)


def asked(model: kind.Model) -> dict[str, list[float]]:
    frame = rows()[0].clip(-1e30, 1e30)
    if isinstance(model.estimator, ensemble.GradientBoostingClassifier | ensemble.GradientBoostingRegressor):
        frame = frame.fillna(0)
    return {name: frame[name].tolist() for name in COLUMNS}


def sent(value: Any) -> Any:
    """As it comes out of a sandbox."""
    return json.loads(json.dumps(value, allow_nan=False))


@cache
def form() -> dict[str, Any]:
    """A small sound document."""
    return dict(sent(kind.flatten(fitted(ensemble.HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=6)), None)))


@pytest.mark.parametrize(
    "estimator",
    [
        ensemble.HistGradientBoostingClassifier(max_iter=20),
        ensemble.HistGradientBoostingRegressor(max_iter=20, max_leaf_nodes=60),
        ensemble.GradientBoostingClassifier(n_estimators=20),
        ensemble.GradientBoostingRegressor(n_estimators=20, init="zero"),
        ensemble.RandomForestClassifier(10, max_leaf_nodes=30, random_state=0),
        ensemble.ExtraTreesRegressor(10, max_leaf_nodes=MOST_LEAVES, random_state=0),
        tree.DecisionTreeClassifier(max_leaf_nodes=20),
    ],
    ids=lambda each: type(each).__name__,
)
def test_the_arrays_answer_bit_for_bit_as_the_model(estimator: Any) -> None:
    model = fitted(estimator)
    columns = asked(model)
    trees = Trees(sent(kind.flatten(model, None)))
    answers = model.predict(columns).tolist()
    missing = {name: [None if math.isnan(value) else value for value in values] for name, values in columns.items()}
    assert trees.score(missing) == answers
    one_by_one = [
        trees.score_rows([{name: values[row] for name, values in missing.items()}])[0] for row in range(len(answers))
    ]
    assert one_by_one == answers


def test_a_tree_with_too_many_leaves_has_no_such_form() -> None:
    dice = np.random.default_rng(0)
    frame = pandas.DataFrame({name: dice.normal(size=300) for name in COLUMNS})
    deep = kind.Model(tree.DecisionTreeRegressor().fit(frame, dice.normal(size=300)), COLUMNS)
    with pytest.raises(TreesRefused, match="127 at most"):
        Trees(sent(kind.flatten(deep, None)))


def test_a_subclass_has_no_such_form() -> None:
    with pytest.raises(ValueError, match="not made of trees"):
        kind.flatten(kind.Model(_Other(), COLUMNS), None)


class _Other(tree.DecisionTreeRegressor):
    """A subclass may answer in any way, so its trees stand for nothing."""


def test_a_row_may_lack_what_no_tree_asks_for() -> None:
    only = copy.deepcopy(form())
    only["trees"] = [{**_stump(), "column": [0, -1, -1]}]
    only |= {"baseline": 0.0, "link": "none"}
    trees = Trees(only)
    assert trees.score_rows([{"x0": 1.0}, {"x0": 3}]) == [-1.0, 1.0]
    assert trees.score_rows([{"x0": None}]) == [1.0]
    with pytest.raises((ValueError, TypeError)):
        trees.score_rows([{"x0": "a"}])


def _stump() -> dict[str, Any]:
    return {
        "column": [0, -1, -1],
        "threshold": [2.0, 0.0, 0.0],
        "left": [1, 0, 0],
        "right": [2, 0, 0],
        "missing_left": [False, False, False],
        "value": [0.0, -1.0, 1.0],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"column": [5, -1, -1]},
        {"column": [-2, -1, -1]},
        {"column": [0, 0, -1]},
        {"left": [0, 0, 0]},
        {"left": [2, 0, 0]},
        {"left": [3, 0, 0]},
        {"left": [-1, 0, 0]},
        {"left": [10**400, 0, 0]},
        {"left": [1.0, 0, 0]},
        {"threshold": [math.nan, 0.0, 0.0]},
        {"threshold": ["2", 0.0, 0.0]},
        {"threshold": [2.0]},
        {"value": [0.0, math.inf, 1.0]},
        {"value": [0.0, None, 1.0]},
        {"missing_left": [0, 1, 2]},
        {"column": [], "threshold": [], "left": [], "right": [], "missing_left": [], "value": []},
    ],
)
def test_arrays_that_lead_out_of_their_bounds_are_refused(change: dict[str, Any]) -> None:
    broken = copy.deepcopy(form())
    broken["trees"] = [_stump() | change]
    with pytest.raises(TreesRefused):
        Trees(broken)


places = st.integers(min_value=0, max_value=10**6)
junk = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just([]), st.just({}))


@given(places, places, places, junk)
def test_whatever_stands_anywhere_is_refused_or_gives_numbers(which: int, key: int, place: int, value: Any) -> None:
    """No change of one value makes the walk read beside its arrays or run on: it is refused, or finite numbers come."""
    changed = copy.deepcopy(form())
    held = changed["trees"][which % len(changed["trees"])] if which % 4 else changed
    name = sorted(held)[key % len(held)]
    if isinstance(held[name], list) and held[name] and place % 5:
        held[name][place % len(held[name])] = value
    else:
        held[name] = value
    try:
        trees = Trees(changed)
    except TreesRefused:
        return
    answers = trees.score({name: [0.5, None, -3.0] for name in trees.columns})
    assert len(answers) == 3
    assert all(not math.isnan(answer) for answer in answers)
