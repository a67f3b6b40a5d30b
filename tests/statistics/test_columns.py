"""Counts of a column: fitted once, exact, and equal however the rows are split."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.statistics.columns import CELLS, Column, Counts, fit
from engine.statistics.psi import psi

numbers = st.lists(st.none() | st.integers(-50, 50) | st.floats(allow_infinity=True, allow_nan=True), max_size=60)
mixed = st.lists(st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from("abcde") | st.just([1]), max_size=60)
any_values = numbers | mixed


def by_code(column: Column, counts: Counts) -> dict[object, int]:
    """The codes with their counts, and the rest by name."""
    names = [*column.codes, "unseen", "foreign", "missing"]
    return {name: count for name, count in zip(names, counts.groups.tolist(), strict=True) if count}


def test_few_values_are_counted_one_by_one():
    column, counts = fit("degree", ["BSc", "MSc", None, "BSc", math.nan, "PhD"])
    assert by_code(column, counts) == {"BSc": 2, "MSc": 1, "PhD": 1, "missing": 2}
    window = column.count(["BSc", "DSc", 3, [], None])
    assert by_code(column, window) == {"BSc": 1, "unseen": 2, "foreign": 1, "missing": 1}
    assert (window.outside(column), window.foreign, window.missing, window.total) == (2, 1, 1, 5)


def test_numbers_that_are_equal_are_one_code_and_texts_of_them_are_not():
    column, counts = fit("age", np.array([30, 31, 30]))
    assert by_code(column, counts) == {30: 2, 31: 1}
    assert by_code(column, column.count([30.0, True, "30", 30])) == {30: 2, "unseen": 2}
    assert counts.scaled / 2**column.bits == 91
    assert (counts.least, counts.most) == (30, 31)


def test_many_numbers_fall_into_cells_of_equal_width():
    values = np.linspace(0, 10, 1001)
    column, counts = fit("income", values)
    assert column.cells == CELLS
    assert counts.total == 1001
    assert (counts.outside(column), counts.missing) == (0, 0)
    window = column.count([-1, 0, 10, 10.5, math.inf, -math.inf, None, "ten"])
    assert window.groups[[0, 1, CELLS, CELLS + 1, CELLS + 2, CELLS + 3]].tolist() == [2, 1, 1, 2, 1, 1]
    assert column.edges()[[0, -1]].tolist() == [0, 10]


def test_ten_groups_of_cells_hold_about_as_many_and_the_outside_stays_apart():
    rng = np.random.default_rng(0)
    column, reference = fit("score", rng.normal(size=20_000))
    coarse = column.quantile_groups(reference)
    counts = np.bincount(coarse, weights=reference.groups)
    assert len(counts) == 10 + 4
    assert counts[1:11].tolist() == pytest.approx([2000] * 10, abs=20)
    wide = np.bincount(coarse, weights=column.count(rng.normal(scale=4, size=20_000)).groups, minlength=len(counts))
    assert wide[0] > 1000
    assert psi(counts, wide).value > 1
    assert psi(counts, np.bincount(coarse, weights=column.count(rng.normal(size=20_000)).groups)).high < 0.01


@given(any_values, any_values, st.integers(0, 60))
def test_counts_of_the_parts_add_up_to_those_of_the_whole(reference, values, cut):
    column, _ = fit("x", reference)
    assert column.count(values[:cut]) + column.count(values[cut:]) == column.count(values)
    assert column.count(values).total == len(values)


@given(any_values)
def test_the_reference_lies_within_its_own_groups(values):
    column, counts = fit("x", values)
    held = [0.0 if abs(v) < 1e-300 else v for v in values if isinstance(v, int | float) and not math.isnan(v)]
    finite = [v for v in held if abs(v) <= 1e300]
    if all(v is None or isinstance(v, int | float) for v in values):
        assert counts.outside(column) == len(held) - len(finite)
        assert (counts.least, counts.most) == (min(finite, default=None), max(finite, default=None))


@given(any_values)
def test_a_column_survives_being_written(reference):
    column, _ = fit("x", reference)
    assert Column.from_json(json.loads(json.dumps(column.as_json()))) == column


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_the_sum_is_close_to_the_exact_one_and_does_not_depend_on_the_order(values):
    column, counts = fit("x", values)
    unit = 2.0**column.bits
    assert counts.scaled / unit == pytest.approx(math.fsum(values), abs=len(values) / unit)
    assert column.count(values[::-1]).scaled == counts.scaled


def test_of_many_texts_the_most_frequent_are_kept():
    values = ["often"] * 5 + [f"rare {i:04}" for i in range(400)]
    column, counts = fit("id", values)
    assert len(column.codes) == 256
    assert "often" in column.codes
    assert counts.outside(column) == 405 - 5 - 255


@given(st.lists(st.integers(-300, 300), max_size=400))
def test_the_quick_way_and_the_slow_one_count_alike(values):
    column, counts = fit("x", np.array(values, dtype=np.int64))
    assert column.count(np.array(values, dtype=object)) == counts
    # A text among them makes the whole column go the slow way.
    with_text = column.count([*values, "text"])
    assert with_text.groups[:-2].sum() + with_text.foreign == len(values) + 1
    assert with_text.scaled == counts.scaled
