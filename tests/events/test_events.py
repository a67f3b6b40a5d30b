"""Facts told in the transaction of the teller, taken once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from engine import events
from engine.store import Store, TestClock, transaction


def test_a_fact_is_told_with_its_transaction(store: Store, clock: TestClock) -> None:
    with transaction(store) as session:
        id = events.emit(session, "finding.breached", "credit@3", {"report": "ab" * 32}, metric="auc", value=0.7)
    with transaction(store) as session:
        (event,) = events.pending(session)
    assert event == events.Event(
        id=id,
        name="finding.breached",
        subject="credit@3",
        digests={"report": "ab" * 32},
        facts={"metric": "auc", "value": 0.7},
        at=clock.now(),
    )


def test_a_fact_of_a_rolled_back_transaction_was_never_told(store: Store) -> None:
    def act() -> None:
        with transaction(store) as session:
            events.emit(session, "finding.breached", "credit@3")
            raise KeyError

    with pytest.raises(KeyError):
        act()
    with transaction(store) as session:
        assert events.pending(session) == []


def test_facts_come_oldest_first_and_not_again_once_taken(store: Store) -> None:
    for number in range(3):
        with transaction(store) as session:
            events.emit(session, "asset.changed", f"model{number}")
    with transaction(store) as session:
        first, second = events.pending(session, limit=2)
        assert (first.subject, second.subject) == ("model0", "model1")
        assert events.deliver(session, first.id)
        assert not events.deliver(session, first.id)
    with transaction(store) as session:
        assert [event.subject for event in events.pending(session)] == ["model1", "model2"]


def test_one_of_two_takers_gets_the_fact(store: Store) -> None:
    with transaction(store) as session:
        id = events.emit(session, "asset.changed", "credit")
    taken: list[bool] = []

    def take() -> None:
        with transaction(store) as session:
            taken.append(events.deliver(session, id))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False, False, False, True]


def test_a_fact_that_cannot_be_taken_is_put_off_and_holds_up_no_other(store, clock):
    with transaction(store) as session:
        troubled = events.emit(session, "model.edited", "one")
        events.emit(session, "model.edited", "two")
    with transaction(store) as session:
        events.postpone(session, troubled)
    with transaction(store) as session:
        assert [event.subject for event in events.pending(session)] == ["two"]
    clock.advance(timedelta(seconds=3))
    with transaction(store) as session:
        assert [event.subject for event in events.pending(session)] == ["one", "two"]
