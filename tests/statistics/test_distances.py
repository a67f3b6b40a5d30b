"""How far a window lies from a reference: against scipy on the same numbers, by hand, and as often as said."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.inventory import thresholds
from engine.statistics.chi_square import chi_square, chi_square_test
from engine.statistics.jensen_shannon import jensen_shannon
from engine.statistics.kolmogorov_smirnov import kolmogorov_smirnov, kolmogorov_smirnov_p
from engine.statistics.psi import psi
from engine.statistics.total_variation import total_variation
from engine.statistics.wasserstein import wasserstein

counted = st.integers(0, 400)
two = st.integers(2, 12).flatmap(lambda k: st.tuples(*[st.lists(counted, min_size=k, max_size=k)] * 2))
some = two.filter(lambda pair: sum(pair[0]) and sum(pair[1]))
BY_GROUP = (psi, jensen_shannon, total_variation, kolmogorov_smirnov, chi_square)


def moved(reference, window):
    """All of them, the cells one apart."""
    return [*(distance(reference, window) for distance in BY_GROUP), wasserstein(reference, window, range(len(window)))]


@given(some)
def test_an_interval_holds_no_impossible_value_and_none_is_unknown_without_reason(pair):
    for distance in (psi, jensen_shannon, total_variation, kolmogorov_smirnov):
        found = distance(*pair)
        assert found.known
        assert 0 <= found.low <= found.high
        assert found.value >= 0
    assert jensen_shannon(*pair).high <= 1
    assert total_variation(*pair).low <= total_variation(*pair).value <= total_variation(*pair).high <= 1


@given(some)
def test_swapping_reference_and_window_keeps_every_distance(pair):
    for there, back in zip(moved(*pair), moved(*reversed(pair)), strict=True):
        assert there.value == pytest.approx(back.value, nan_ok=True)


@given(some, st.integers(2, 5))
def test_the_same_shares_are_no_distance_apart(pair, times):
    reference = pair[0]
    window = [times * count for count in reference]
    for found in moved(reference, window)[1:]:
        assert not found.known or found.value == pytest.approx(0, abs=1e-7)
        assert not found.known or found.low == 0


def test_an_empty_side_is_unknown_and_what_is_no_count_is_refused_by_place():
    for distance in BY_GROUP:
        assert not distance([1, 2], [0, 0]).known
        assert not distance([0, 0], [1, 2]).known
        with pytest.raises(ValueError, match=r"window\[1\] is -1"):
            distance([1, 2], [1, -1])
        with pytest.raises(ValueError, match=r"reference\[0\] is 0.5"):
            distance([0.5, 2], [1, 1])
        with pytest.raises(ValueError, match="lengths differ"):
            distance([1, 2], [1, 2, 3])
        with pytest.raises(ValueError, match="level"):
            distance([1, 2], [1, 2], level=1.0)


def test_psi_by_hand():
    """Counts 9.5 of 20, 9.5 of 20 less the halves; with them 1/2, 1/2 against 1/4, 3/4: ln(3)/4."""
    assert psi([9, 9], [4, 14]).value == pytest.approx(
        (4.5 - 9.5) / 19 * math.log(4.5 / 9.5) + 5 / 19 * math.log(14.5 / 9.5)
    )
    assert psi([1000, 1000], [500, 1500]).value == pytest.approx(math.log(3) / 4, rel=1e-2)


def test_psi_of_a_spread_that_grew_is_seen_in_ten_groups_and_not_in_two():
    """Standard deviation 1 to 4: two quantile groups see nothing, ten do."""
    law, wide = scipy.stats.norm(), scipy.stats.norm(scale=4)

    def index(groups: int) -> float:
        edges = [-math.inf, *law.ppf(np.arange(1, groups) / groups), math.inf]
        counts = [np.round(1e6 * np.diff(each.cdf(edges))) for each in (law, wide)]
        return psi(*counts).value

    inner = wide.cdf(law.ppf(np.arange(11) / 10))
    exact = float(((np.diff(inner) - 0.1) * np.log(np.diff(inner) / 0.1)).sum())
    assert index(2) == pytest.approx(0, abs=1e-6)
    assert index(10) == pytest.approx(exact, rel=1e-4)
    assert exact > 1.3


def test_psi_ignores_groups_that_occur_in_neither():
    assert psi([5, 0, 7], [6, 0, 9]) == psi([5, 7], [6, 9])


@given(some)
def test_jensen_shannon_is_scipys(pair):
    expected = scipy.spatial.distance.jensenshannon(*pair, base=2)
    assert jensen_shannon(*pair).value == pytest.approx(0 if math.isnan(expected) else expected, rel=1e-9, abs=1e-7)


@given(some)
def test_total_variation_is_half_the_sum_of_the_gaps(pair):
    p, q = (np.array(each) / sum(each) for each in pair)
    assert total_variation(*pair).value == pytest.approx(
        scipy.spatial.distance.cityblock(p, q) / 2, rel=1e-9, abs=1e-12
    )


@given(some)
def test_kolmogorov_smirnov_is_scipys(pair):
    samples = [np.repeat(np.arange(len(each)), each) for each in pair]
    expected = scipy.stats.ks_2samp(*samples, method="asymp")
    assert kolmogorov_smirnov(*pair).value == pytest.approx(expected.statistic, rel=1e-9, abs=1e-12)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=40, unique=True), st.integers(1, 38))
def test_the_p_value_of_few_cases_is_the_exact_one(values, cut):
    assume(cut < len(values))
    one, other = values[:cut], values[cut:]
    place = {value: position for position, value in enumerate(sorted(values))}
    counts = [np.bincount([place[value] for value in each], minlength=len(values)) for each in (one, other)]
    exact = scipy.stats.ks_2samp(one, other, method="exact").pvalue
    assert kolmogorov_smirnov_p(*counts) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(201, 201), (250, 4000), (3000, 3000)])
def test_the_limit_law_is_close_to_the_exact_one(n, m):
    """The stated approximation, over the whole range of p."""
    rng = np.random.default_rng(3)
    for shift in (0.0, 0.05, 0.1, 0.2):
        x, y = rng.normal(size=n), rng.normal(loc=shift, size=m)
        both = np.sort(np.concatenate((x, y)))
        counts = [np.histogram(each, bins=np.append(both, both[-1] + 1))[0] for each in (x, y)]
        exact = scipy.stats.ks_2samp(x, y, method="exact").pvalue
        assert kolmogorov_smirnov_p(*counts) == pytest.approx(exact, abs=0.03)


@given(some, st.floats(0.1, 10))
def test_wasserstein_is_scipys_in_the_scale_asked_for(pair, scale):
    positions = np.cumsum(1.0 + np.arange(len(pair[0])) % 3)
    expected = scipy.stats.wasserstein_distance(positions, positions, *pair) / scale
    assert wasserstein(*pair, positions, scale=scale).value == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_wasserstein_needs_ascending_positions_and_a_scale():
    with pytest.raises(ValueError, match=r"positions\[1\] is not above"):
        wasserstein([1, 2], [3, 4], [1.0, 1.0])
    with pytest.raises(ValueError, match="scale is 0"):
        wasserstein([1, 2], [3, 4], [1.0, 2.0], scale=0)
    with pytest.raises(ValueError, match="positions 3"):
        wasserstein([1, 2], [3, 4], [1.0, 2.0, 3.0])


@given(some)
def test_chi_square_is_scipys(pair):
    columns = [column for column in zip(*pair, strict=True) if sum(column)]
    assume(len(columns) > 1)
    expected = scipy.stats.chi2_contingency(np.array(columns).T, correction=False)
    found = chi_square_test(*pair)
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9, abs=1e-12)
    assert found.degrees == expected.dof


def test_one_group_alone_cannot_differ():
    assert math.isnan(chi_square_test([5, 0], [7, 0]).p)
    assert not chi_square([5, 0], [7, 0]).known


def test_cohens_w_of_a_fair_and_a_biased_coin():
    """Cohen (1988), 7.2: shares 0.5, 0.5 against 0.45, 0.55 with even sizes, w² = 2 * 0.05² / 0.5 about the middle."""
    found = chi_square([500_000, 500_000], [450_000, 550_000])
    assert found.value == pytest.approx(math.sqrt(0.05**2 / 0.475 + 0.05**2 / 0.525), rel=1e-3)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("tilt", [0.0, 0.04, 0.2, 0.7])
@pytest.mark.parametrize(("n", "m"), [(5000, 500), (400, 400)])
def test_the_intervals_hold_the_truth_as_often_as_they_say(n, m, tilt):
    """For no, a small and a large shift; conservative ones more often."""
    rng = np.random.default_rng(11)
    p = np.full(10, 0.1)
    q = p * (1 + tilt * np.linspace(-1, 1, 10))
    both = (n * p + m * q) / (n + m)
    gaps = np.abs(np.cumsum(p) - np.cumsum(q))
    truths = {
        psi: float(((q - p) * np.log(q / p)).sum()),
        jensen_shannon: float(np.nan_to_num(scipy.spatial.distance.jensenshannon(p, q, base=2))),
        total_variation: float(np.abs(p - q).sum() / 2),
        kolmogorov_smirnov: float(gaps.max()),
        chi_square: math.sqrt(float((((p - q) ** 2) / both).sum())),
    }
    held = dict.fromkeys([*truths, wasserstein], 0)
    times = 200
    for _ in range(times):
        reference, window = rng.multinomial(n, p), rng.multinomial(m, q)
        for distance, truth in truths.items():
            found = distance(reference, window)
            held[distance] += found.low - 1e-12 <= truth <= found.high + 1e-12
        found = wasserstein(reference, window, np.arange(10.0))
        held[wasserstein] += found.low <= float(gaps[:-1].sum()) <= found.high
    # 200 windows: 0.95 less three standard errors of the share
    assert all(count / times >= 0.90 for count in held.values()), held


def test_a_test_of_a_version_has_no_window_to_hold_against():
    with pytest.raises(thresholds.ThresholdRefused, match="max_psi"):
        thresholds.check({"max_psi": 0.1})
    thresholds.check({"max_log_loss": 0.6, "min_f1": 0.5})
