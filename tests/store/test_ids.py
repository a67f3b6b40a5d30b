"""Identifiers that sort by the time of their making."""

from __future__ import annotations

import time

from engine.store import new_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    id = new_id()
    assert (id.version, id.variant) == (7, "specified in RFC 4122")
    assert before <= id.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_of_later_milliseconds_sort_later() -> None:
    made = []
    for _ in range(5):
        made.append(new_id())
        time.sleep(0.002)
    assert made == sorted(made)


def test_ids_do_not_repeat() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000
