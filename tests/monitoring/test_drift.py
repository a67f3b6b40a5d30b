"""Drift on real people's data: a year like the reference is healthy, another population is a breach that says where."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.monitoring.drift import Bounds, ColumnDrift, compare
from engine.statistics.tallies import Reference, Tally, refer
from tests.monitoring.census import people

BOUNDS = Bounds()


def against(reference: Reference, values: dict[str, Any], bounds: Bounds = BOUNDS) -> dict[str, ColumnDrift]:
    """The columns of a window by name, the largest effect first."""
    n = len(next(iter(values.values())))
    return {each.name: each for each in compare(reference, reference.tallies(values, [0] * n)[0], bounds)}


def test_another_year_of_the_same_people_is_healthy_though_tests_alone_would_not_say_so(reference: Reference) -> None:
    """In 2016 five of 16 features have p < 0.05, and no PSI reaches 0.006: significant is not large."""
    found = against(reference, people(2016, 16, 49))
    assert sum(column.p < 0.05 for column in found.values()) == 5
    assert all(column.psi.value < 0.006 for column in found.values())
    assert {column.state for column in found.values()} == {"healthy"}


def test_another_population_is_a_breach_that_names_age_first(reference: Reference) -> None:
    """In 2017 everybody from 16 on: AGEP by far, MAR and RELP moving with it; all 16 have p < 0.05."""
    found = against(reference, people(2017, 16))
    assert list(found)[:3] == ["AGEP", "MAR", "RELP"]
    assert [found[name].psi.value for name in ("AGEP", "MAR", "RELP")] == pytest.approx([5.3, 0.35, 0.19], abs=0.02)
    assert [found[name].state for name in ("AGEP", "MAR", "RELP")] == ["breach", "breach", "warn"]
    assert all(column.p < 0.05 for column in found.values())
    assert {column.state for name, column in found.items() if name not in ("AGEP", "MAR", "RELP")} == {"healthy"}
    assert found["AGEP"].outside.value == pytest.approx(np.mean(people(2017, 16)["AGEP"] > 49))
    assert found["AGEP"].mean == pytest.approx(people(2017, 16)["AGEP"].mean())


@pytest.mark.parametrize("feature", ["SEX", "SCHL", "MAR"])
def test_r31_one_column_shifted_alone_is_flagged_alone(reference: Reference, feature: str) -> None:
    """Among the people of 2016, half of whose values of this column are set to its commonest."""
    window = people(2016, 16, 49)
    values, times = np.unique(window[feature], return_counts=True)
    half = np.random.default_rng(0).random(len(window[feature])) < 0.5
    moved = {**window, feature: np.where(half, values[times.argmax()], window[feature])}
    assert [name for name, column in against(reference, moved).items() if column.state != "healthy"] == [feature]


def test_missing_values_and_another_type_are_shifts_of_their_own(reference: Reference) -> None:
    window = people(2016, 16, 49)
    texts = [str(value) if row % 2 else None for row, value in enumerate(window["SEX"].tolist())]
    found = against(reference, {**window, "SEX": texts})["SEX"]
    assert found.state == "breach"
    assert found.missing.value == pytest.approx(0.5, abs=1e-4)
    assert found.outside.value == 1
    assert {share.label: share.window for share in found.shares}["unseen"] == pytest.approx(0.5, abs=1e-4)


def test_few_rows_and_no_rows_are_no_data_and_never_healthy(reference: Reference) -> None:
    window = {name: values[:199] for name, values in people(2016, 16, 49).items()}
    assert {column.state for column in against(reference, window).values()} == {"no data"}
    empty = compare(
        reference,
        Tally(
            rows=0,
            places=np.empty(0, int),
            times=np.empty(0, int),
            scaled=(0,) * 16,
            least=(None,) * 16,
            most=(None,) * 16,
        ),
        BOUNDS,
    )
    assert {column.state for column in empty} == {"no data"}
    assert all(math.isnan(column.adjusted) for column in empty)


def test_numbers_in_cells_are_shown_by_ten_groups_of_the_reference() -> None:
    rng = np.random.default_rng(7)
    reference = refer({"income": rng.normal(size=5000)})
    same = against(reference, {"income": rng.normal(size=2000)})["income"]
    wide = against(reference, {"income": rng.normal(scale=4, size=2000)})["income"]
    assert (same.state, wide.state) == ("healthy", "breach")
    assert same.statistic == "kolmogorov_smirnov"
    inner = [share for share in same.shares if " to " in share.label]
    assert len(inner) == 10
    assert all(share.reference == pytest.approx(0.1, abs=0.002) for share in inner)
    assert sum(share.window for share in wide.shares) == pytest.approx(1)
    assert wide.mean == pytest.approx(0, abs=0.3)


def test_quiet_windows_are_hardly_ever_flagged(reference: Reference) -> None:
    """Two thousand rows drawn from the reference, 100 times: no false alarm, since none is large."""
    source, rng = people(2015, 16, 49), np.random.default_rng(3)
    n, alarms = len(source["AGEP"]), 0
    for _ in range(100):
        rows = rng.integers(0, n, 2000)
        found = against(reference, {name: values[rows] for name, values in source.items()})
        alarms += any(column.state != "healthy" for column in found.values())
    assert alarms == 0
