"""Server-sent events: told once, bounded, refused beyond the cap."""

from __future__ import annotations

import itertools
import queue

from engine.runtime import instances
from web import live


def test_a_page_hears_of_a_change_of_its_instance(visit, known, house):
    reader = visit("model_operator").get(f"/events/instances/{known.ids['instance']}")
    assert reader.mimetype == "text/event-stream"
    lines = iter(reader.response)
    assert b"retry: 3000" in next(lines)
    max_ = known.person("model_operator")
    instances.suspend(house, max_, known.ids["instance"], "to be heard")
    told = b"".join(itertools.islice(lines, 1))
    assert b"event: changed" in told
    instances.resume(house, max_, known.ids["instance"], "was heard")
    reader.close()


def test_who_comes_beyond_the_cap_is_told_to_ask_again(app, visit):
    ada = visit("data_scientist")
    with app.app_context():
        all_changes = live.broadcast()
    taken = [all_changes.subscribe() for _ in range(live.MOST_STREAMS)]
    try:
        answer = ada.get("/events/changes")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert ada.get("/inbox").status_code == 200
    finally:
        for each in taken:
            if each is not None:
                all_changes.leave(each)


def test_a_stream_that_does_not_keep_up_holds_nobody_up(app):
    with app.app_context():
        all_changes = live.broadcast()
    slow = all_changes.subscribe()
    assert isinstance(slow, queue.Queue)
    for number in range(1000):
        all_changes.tell(str(number))
    assert slow.full()
    all_changes.leave(slow)
