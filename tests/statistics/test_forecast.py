"""A trend is told before it reaches the bound, with a date; a quiet series is not taken for one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from engine.statistics.forecast import forecast

DAYS = np.arange(60.0)


def quiet(rng: np.random.Generator, phi: float, n: int) -> np.ndarray:
    """A series without trend: of an autoregressive process of order 1, with variance 1, run in."""
    noise = rng.normal(0, math.sqrt(1 - phi**2), n + 100)
    found = np.zeros(n + 100)
    for at in range(1, n + 100):
        found[at] = phi * found[at - 1] + noise[at]
    return found[100:]


@pytest.mark.parametrize("n", [12, 30, 60])
@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6, 0.8])
def test_r47_a_thousand_quiet_series_raise_at_most_ten_false_alarms(phi: float, n: int) -> None:
    """White and autoregressive; the bound lies three standard deviations away, the horizon is the series' length."""
    rng = np.random.default_rng([47, n, int(10 * phi)])
    alarms = sum(forecast(np.arange(n), quiet(rng, phi, n), 3.0, horizon=n).warns for _ in range(1000))
    assert alarms <= 10


@pytest.mark.parametrize("phi", [0.0, 0.5])
def test_r47_a_real_trend_is_told_before_it_is_there(phi: float) -> None:
    """It rises by 4 in 60 days towards a bound at 6, which it meets on day 90: told in nearly all of 200 series."""
    rng, found = np.random.default_rng(5), []
    for _ in range(200):
        found.append(forecast(DAYS, DAYS / 15 + 0.5 * quiet(rng, phi, 60), 6.0, horizon=60))
    warned = [each for each in found if each.warns]
    assert len(warned) >= 190
    assert np.median([each.crosses for each in warned]) == pytest.approx(90, abs=3)
    assert all(59 <= each.earliest <= each.crosses <= each.latest for each in warned)
    # The interval of the date is that of the line: it holds the true day in about 95 of 100 series.
    assert np.mean([each.earliest <= 90 <= each.latest for each in found]) >= 0.9


def test_of_white_noise_the_slope_is_that_of_a_regression() -> None:
    rng = np.random.default_rng(1)
    values = 0.1 * DAYS + rng.permutation(np.tile([1.0, -1.0], 30)) * 0.5
    found, theirs = forecast(DAYS, values, 9.0, horizon=60), scipy.stats.linregress(DAYS, values)
    assert found.slope.value == pytest.approx(theirs.slope, rel=1e-12)
    assert found.slope.high - found.slope.value >= theirs.stderr * scipy.stats.t.ppf(0.975, 58) * 0.999
    assert found.crosses == pytest.approx((9 - theirs.intercept) / theirs.slope)


def test_a_falling_series_meets_a_bound_below_and_mirrors_a_rising_one() -> None:
    rng = np.random.default_rng(2)
    values = DAYS / 15 + 0.3 * rng.normal(size=60)
    up, down = forecast(DAYS, values, 6.0, horizon=60), forecast(DAYS, -values, -6.0, horizon=60, above=False)
    assert (up.crosses, up.earliest, up.latest, up.p) == pytest.approx(
        (down.crosses, down.earliest, down.latest, down.p)
    )
    away = forecast(DAYS, -values, 6.0, horizon=60)
    assert (away.warns, away.crosses) == (False, math.inf)


def test_where_nothing_can_be_said_nothing_is() -> None:
    """Few readings, readings that hang together too closely, a bound that is met already."""
    assert math.isnan(forecast(range(11), range(11), 100.0, horizon=9).crosses)
    assert math.isnan(forecast(DAYS, DAYS, 30.0, horizon=9).crosses)
    assert math.isnan(forecast(range(13), np.cumsum([1] * 7 + [-1] * 6), 9.0, horizon=9).crosses)
    with pytest.raises(ValueError, match="not after"):
        forecast([1] * 12, range(12), 1.0, horizon=9)
    straight = forecast(DAYS, DAYS, 75.0, horizon=60)
    assert (straight.warns, straight.crosses, straight.earliest, straight.latest) == (True, 75.0, 75.0, 75.0)
