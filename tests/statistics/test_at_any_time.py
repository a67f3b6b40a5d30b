"""Evidence that holds at every look: a martingale to the letter, seldom wrong, and quick where something moved."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.statistics.at_any_time import log_evidence, p_of

LEVEL = 0.05
column = st.integers(2, 6).flatmap(lambda k: st.tuples(*[st.lists(st.integers(0, 60), min_size=k, max_size=k)] * 2))


@settings(max_examples=50)
@given(column)
def test_one_more_row_of_the_reference_changes_nothing_on_average(pair):
    """The mean of E over what may come next, as likely as the reference and the rows so far make it, is E."""
    r, w = (np.array([each]) for each in pair)
    k = r.shape[1]
    likely = (r + w + 0.5) / (r + w + 0.5).sum()
    after = [np.exp(log_evidence(r, w + np.eye(k, dtype=int)[at], np.array([k])))[0] for at in range(k)]
    assert (likely[0] * after).sum() == pytest.approx(np.exp(log_evidence(r, w, np.array([k])))[0], rel=1e-9)


def test_nothing_seen_is_no_evidence_and_columns_of_fewer_groups_are_filled_up():
    r, w = np.array([[30, 20, 10], [5, 40, 0]]), np.array([[3, 9, 1], [4, 4, 0]])
    assert log_evidence(r, 0 * w, np.array([3, 2])).tolist() == pytest.approx([0, 0])
    alone = log_evidence(r[1:, :2], w[1:, :2], np.array([2]))
    assert log_evidence(r, w, np.array([3, 2]))[1] == pytest.approx(alone[0])


def looks(shares: np.ndarray, rng: np.random.Generator, hours: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """(p at any time, p by chi-square) at 40 looks an hour, each after 50 more rows; shape (hours, looks)."""
    reference = rng.multinomial(5_000, np.full(8, 1 / 8), hours)
    window = rng.multinomial(50, shares, (hours, 40)).cumsum(axis=1)
    flat = np.repeat(reference, 40, axis=0), window.reshape(-1, 8)
    any_time = p_of(log_evidence(*flat, np.full(len(flat[0]), 8)))
    both = flat[0] + flat[1]
    n, m = (each.sum(axis=1, keepdims=True) for each in flat)
    squares = ((flat[0] / n - flat[1] / m) ** 2 / (both / (n + m))).sum(axis=1) * (n * m / (n + m))[:, 0]
    return any_time.reshape(hours, 40), scipy.stats.chi2.sf(squares, 7).reshape(hours, 40)


def test_r56_forty_looks_are_wrong_no_more_often_than_said_where_a_test_a_look_is_wrong_many_times_as_often():
    any_time, by_look = looks(np.full(8, 1 / 8), np.random.default_rng(7))
    assert (any_time <= LEVEL).any(axis=1).mean() <= LEVEL
    assert (by_look <= LEVEL).any(axis=1).mean() > 3 * LEVEL


def test_a_shift_of_a_tenth_is_seen_within_a_thousand_rows():
    """PSI 0.10: one group of eight takes up a tenth of all rows, from all others alike."""
    shares = np.full(8, 1 / 8) * 0.88
    shares[0] += 0.12
    any_time, _ = looks(shares, np.random.default_rng(7), 100)
    assert (any_time[:, :20] <= LEVEL).any(axis=1).mean() > 0.95
