"""Identifiers that sort by the time of their making."""

from __future__ import annotations

import time

import pytest

from engine.store import new_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    id = new_id()
    assert (id.version, id.variant) == (7, "specified in RFC 4122")
    assert before <= id.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_sort_in_the_order_of_their_making_even_within_a_millisecond() -> None:
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(made)


def test_ids_sort_behind_those_before_where_the_clock_stands_still_or_goes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = time.time_ns()
    instants = iter([start, start, start - 5_000_000, start - 1, start + 10_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(instants))
    made = [new_id() for _ in range(5)]
    assert made == sorted(made)
    assert made[-1].int >> 80 == (start + 10_000_000) // 1_000_000


def test_ids_do_not_repeat() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000
