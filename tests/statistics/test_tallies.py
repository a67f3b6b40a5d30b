"""Tallies of all columns: exact, additive, and the same whichever way the rows came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.statistics.columns import CELLS, Column, fit
from engine.statistics.tallies import Reference, Tally, refer, total

row = st.tuples(
    st.none() | st.integers(0, 5),
    st.none() | st.sampled_from("abc"),
    st.none() | st.floats(-1e3, 1e3),
    st.integers(0, 3),
)
rows = st.lists(row, max_size=40)
SCORE = Column(name="score", low=0.0, high=1.0, cells=CELLS, bits=40)


def columns_of(given):
    age, degree, income, _ = zip(*given, strict=True) if given else ((), (), (), ())
    return {"age": list(age), "degree": list(degree), "income": list(income)}


@given(rows, rows)
def test_each_hour_counts_its_own_rows_and_all_hours_add_up(reference, window):
    refers = refer(columns_of(reference))
    hours = [hour for *_, hour in window]
    found = refers.tallies(columns_of(window), hours)
    assert sorted(found) == sorted(set(hours))
    for hour, tally in found.items():
        mine = columns_of([each for each in window if each[-1] == hour])
        for name, values in mine.items():
            assert refers.counts(name, tally) == refers.column(name).count(values)
    whole = total(found.values(), 3)
    assert whole.rows == len(window)
    for name, values in columns_of(window).items():
        assert refers.counts(name, whole) == refers.column(name).count(values)


anything = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.sampled_from([0.0, 1.0, 0.5, 1e300, -1e300])
)


@given(st.lists(st.tuples(anything, anything | st.text("ab", max_size=1), anything, st.integers(0, 1)), max_size=20))
def test_columns_placed_together_are_placed_as_each_by_itself(window):
    """Cells, numbers counted one by one, and texts; whatever comes in."""
    cells = Column(name="cells", low=-1.0, high=2.0, cells=CELLS, bits=39)
    codes = fit("codes", [1, 2, 2.5, "a"])[0]
    numbers = fit("numbers", [-3, 0, 1, 5])[0]
    columns = (cells, codes, numbers)
    refers = Reference(columns=columns, tally=total([], 3))
    values = {each.name: [row[at] for row in window] for at, each in enumerate(columns)}
    for hours in ([0] * len(window), [row[-1] for row in window]):
        for hour, tally in refers.tallies(values, hours).items():
            for column in columns:
                mine = [value for value, at in zip(values[column.name], hours, strict=True) if at == hour]
                assert refers.counts(column.name, tally) == column.count(mine)


def test_many_rows_are_counted_in_parts_and_add_up():
    values = {"x": np.arange(150_000) % 7, "y": np.linspace(0.0, 1.0, 150_000)}
    refers = refer({"x": list(range(5)), "y": [0.0, 1.0, 0.5, 0.25, 0.0]})
    hours = np.arange(150_000) // 50_000
    found = refers.tallies(values, hours)
    assert [found[hour].rows for hour in (0, 1, 2)] == [50_000] * 3
    for name in values:
        assert refers.counts(name, total(found.values(), 2)) == refers.column(name).count(values[name])


@given(rows)
def test_a_reference_counts_itself_and_survives_its_file(given):
    values = columns_of(given)
    found = refer(values)
    for name in values:
        assert (found.column(name), found.counts(name)) == fit(name, values[name])
    again = Reference.from_bytes(found.as_bytes())
    assert again == found
    assert again.as_bytes() == found.as_bytes()


@given(rows, rows)
def test_what_was_added_can_be_taken_away(one, other):
    refers = refer(columns_of(one))
    pair = [refers.tallies(columns_of(each), [0] * len(each)).get(0, total([], 3)) for each in (one, other)]
    both = total(pair, 3)
    back = Tally(
        rows=-pair[1].rows,
        places=pair[1].places,
        times=-pair[1].times,
        scaled=tuple(-each for each in pair[1].scaled),
        least=(None,) * 3,
        most=(None,) * 3,
    )
    found = total([both, back], 3)
    assert (found.rows, found.scaled) == (pair[0].rows, pair[0].scaled)
    assert np.array_equal(found.places, pair[0].places)
    assert np.array_equal(found.times, pair[0].times)


def test_a_column_that_is_not_sent_is_missing_and_a_fixed_one_is_kept():
    refers = refer({"age": [1, 2, 2], "score": [0.1, 0.5, 1.0]}, fixed=[SCORE])
    assert refers.column("score") == SCORE
    tally = refers.tallies({"score": [0.5, 1.5]}, [7, 7])[7]
    assert refers.counts("age", tally).missing == 2
    assert refers.counts("score", tally).outside(SCORE) == 1
    with pytest.raises(ValueError, match="there is no column 'sex'; there are age, score"):
        refers.column("sex")
    with pytest.raises(ValueError, match="lengths differ"):
        refers.tallies({"age": [1]}, [7, 7])


@given(st.binary(max_size=60))
def test_bytes_that_are_none_are_refused(content):
    with pytest.raises(ValueError, match=r"no tally|no reference|format"):
        Reference.from_bytes(content)


def test_a_year_of_hours_is_added_up_in_a_moment():
    """9,000 hours of two columns, one of them in cells: in whatever order, to the same total."""
    rng = np.random.default_rng(1)
    values = {"score": rng.random(30_000), "group": rng.integers(0, 9, 30_000)}
    refers = refer(values, fixed=[SCORE])
    hours = list(refers.tallies(values, rng.integers(0, 9000, 30_000)).values())
    assert total(hours, 2) == total(hours[::-1], 2) == refers.tally
