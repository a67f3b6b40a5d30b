"""Shapley values: against the definition, closed forms, and their axioms."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.statistics.shapley import attribute


def linear(weights):
    """A model that adds up its weighted columns."""
    return lambda columns: sum(np.asarray(columns[name], dtype=float) * w for name, w in weights.items()).tolist()


def by_definition(score, row, background):
    """The mean, over every order and background row, of what a column changes: d! walks a row."""
    names, size = list(row), len(next(iter(background.values())))
    total = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        for b in range(size):
            mixed = {name: background[name][b] for name in names}
            before = score({name: [value] for name, value in mixed.items()})[0]
            for name in order:
                mixed[name] = row[name]
                after = score({each: [value] for each, value in mixed.items()})[0]
                total[name] += after - before
                before = after
    return {name: value / size / math.factorial(len(names)) for name, value in total.items()}


def test_r65_the_exact_values_are_those_of_the_definition():
    def score(columns):
        return [a * b + (3 if c == "yes" else 0) * a + d**2 for a, b, c, d in zip(*columns.values(), strict=True)]

    row = {"a": 2.0, "b": -1.0, "c": "yes", "d": 3.0}
    background = {"a": [0.0, 1.0, 5.0], "b": [2.0, 2.0, 0.5], "c": ["no", "yes", "no"], "d": [1.0, 0.0, -2.0]}
    (output,) = score({name: [value] for name, value in row.items()})
    found = attribute(score, row, background, output=output)
    assert found.exact
    assert found.values == pytest.approx(by_definition(score, row, background), abs=1e-12)
    assert found.base + sum(found.values.values()) == pytest.approx(output, abs=1e-12)
    assert set(found.errors.values()) == {0.0}


def test_r65_walks_of_a_linear_model_give_its_closed_form():
    """φ_i = w_i (x_i - mean of column i), for any number of columns; no walk differs from another but by its start."""
    random = np.random.default_rng(3)
    weights = {f"x{i}": float(w) for i, w in enumerate(random.normal(size=17))}
    background = {name: random.normal(size=50).tolist() for name in weights}
    row = {name: float(value) for name, value in zip(weights, random.normal(size=17), strict=True)}
    (output,) = linear(weights)({name: [value] for name, value in row.items()})
    found = attribute(linear(weights), row, background, output=output)
    assert (found.exact, found.scored) == (False, 2 * 50 * 18)
    for name, weight in weights.items():
        assert found.values[name] == pytest.approx(weight * (row[name] - np.mean(background[name])), abs=1e-12)
    assert abs(found.residual) < 1e-12


def test_walks_come_near_the_exact_values_within_their_errors():
    random = np.random.default_rng(8)
    names = [f"x{i}" for i in range(12)]

    def score(columns):
        x = np.array([columns[name] for name in names], dtype=float)
        return (1 / (1 + np.exp(-(x[0] * x[1] + 2 * x[2] - x[3] * x[4] + 0.5 * x[5:].sum(axis=0))))).tolist()

    background = {name: random.normal(size=60).tolist() for name in names}
    row = {name: float(value) for name, value in zip(names, random.normal(size=12), strict=True)}
    (output,) = score({name: [value] for name, value in row.items()})
    few = {name: values[:4] for name, values in background.items()}
    exact = attribute(score, row, few, output=output)
    assert exact.exact  # 2^12 subsets of 4 rows
    walks = [
        attribute(score, row, {name: values * 60 for name, values in few.items()}, output=output, seed=seed)
        for seed in range(3)
    ]
    assert not any(each.exact for each in walks)
    for each in walks:
        for name in names:
            assert abs(each.values[name] - exact.values[name]) < 4 * each.errors[name] + 1e-12, name
    assert attribute(score, row, background, output=output, seed=1) == attribute(
        score, row, background, output=output, seed=1
    )


@given(
    st.integers(1, 6),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
def test_r65_the_axioms_hold(d, size, seed):
    """Efficiency, a column that the model does not read gets nothing, two that it treats alike get the same."""
    random = np.random.default_rng(seed)
    names = [f"x{i}" for i in range(d)]

    def score(columns):
        x = np.array([columns[name] for name in names], dtype=float)
        return np.tanh(x[0] + (x[1] if d > 1 else 0) + (x[0] * x[1] if d > 1 else 0)).tolist()

    background = {name: random.integers(-2, 3, size=size).tolist() for name in names}
    row = {name: int(value) for name, value in zip(names, random.integers(-2, 3, size=d), strict=True)}
    if d > 1:
        row["x1"], background["x1"] = row["x0"], background["x0"]
    (output,) = score({name: [value] for name, value in row.items()})
    found = attribute(score, row, background, output=output)
    assert abs(found.residual) < 1e-12
    assert all(abs(found.values[name]) < 1e-12 for name in names[2:])
    if d > 1:
        assert found.values["x0"] == pytest.approx(found.values["x1"], abs=1e-12)


def test_the_residual_tells_of_a_model_that_says_something_else_now():
    found = attribute(linear({"a": 1.0}), {"a": 3}, {"a": [1, 1]}, output=2.5)
    assert (found.base, found.values, found.residual) == (1.0, {"a": 2.0}, -0.5)


def test_the_columns_that_moved_it_most():
    weights = {"a": 1.0, "b": -3.0, "c": 2.0, "d": 0.0, "e": -1.0}
    found = attribute(linear(weights), dict.fromkeys(weights, 1), {name: [0] for name in weights}, output=-1.0)
    assert found.largest(4, upward=False) == ["b", "e"]
    assert found.largest(1, upward=True) == ["c"]


@pytest.mark.parametrize(
    ("row", "background"), [({}, {}), ({"a": 1}, {"a": []}), ({"a": 1, "b": 1}, {"a": [1], "b": []})]
)
def test_nothing_is_said_without_a_background(row, background):
    with pytest.raises(ValueError, match="at least one background row"):
        attribute(linear({}), row, background, output=0.0)
