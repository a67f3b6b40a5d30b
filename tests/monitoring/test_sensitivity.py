"""What a monitor can see, from its reference alone: false alarms of quiet windows, and the smallest shift."""

from __future__ import annotations

import math

import numpy as np

from engine.monitoring.drift import Bounds, compare
from engine.monitoring.sensitivity import measured, of_reference
from engine.statistics.tallies import Reference, refer
from tests.monitoring.census import people


def test_a_window_of_two_thousand_rows_is_quiet_and_sees_a_shift_of_a_part(reference: Reference) -> None:
    """No false alarm in a thousand windows; a shift of that size is flagged in 8 of 10 real windows, half is not."""
    found = measured(reference, 2_000, Bounds())
    assert found.false_alarms.value <= 0.01
    assert found.false_alarms.high < 0.02
    sex = next(each for each in found.columns if each.name == "SEX")
    assert 0.1 < sex.smallest_shift < 0.3
    window, rng = people(2016, 16, 49), np.random.default_rng(4)
    values = np.array([1, 2])
    shares = np.array([(people(2015, 16, 49)["SEX"] == value).mean() for value in values])

    def flagged(shift: float) -> float:
        commonest = int(shares.argmax())
        moved = shares + np.where(np.arange(2) == commonest, -shift, shift)
        times = 0
        for _ in range(50):
            rows = rng.integers(0, len(window["SEX"]), 2_000)
            drawn = {name: each[rows] for name, each in window.items()}
            drawn["SEX"] = rng.choice(values, 2_000, p=moved)
            judged = compare(reference, reference.tallies(drawn, [0] * 2_000)[0], Bounds())
            times += any(each.name == "SEX" and each.state != "healthy" for each in judged)
        return times / 50

    assert flagged(sex.smallest_shift) >= 0.6
    assert flagged(sex.smallest_shift / 2) <= 0.1


def test_a_smaller_window_cries_more_often_and_sees_less() -> None:
    """Numbers in cells, whose chance alone is near the bound in 200 rows."""
    reference = refer({"income": np.random.default_rng(0).lognormal(size=20_000)})
    small, large = (measured(reference, rows, Bounds()) for rows in (200, 5_000))
    assert small.false_alarms.value > large.false_alarms.value
    assert large.false_alarms.value == 0
    tight = measured(reference, 5_000, Bounds(warn=0.02))
    assert tight.columns[0].smallest_shift < large.columns[0].smallest_shift


def test_under_the_floor_nothing_is_said_and_nothing_seen(reference: Reference) -> None:
    found = measured(reference, 100, Bounds())
    assert found.false_alarms.value == 0
    assert all(math.isnan(each.smallest_shift) for each in found.columns)


def test_it_is_the_same_each_time_and_kept(reference: Reference) -> None:
    one = of_reference("a", reference, 2_044, Bounds())
    assert one is of_reference("a", reference, 2_011, Bounds())
    assert one.rows == 2_000
