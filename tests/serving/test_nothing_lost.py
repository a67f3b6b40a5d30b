"""The danger of this room: an answer that its caller has and the log has not."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import requests
from sqlalchemy import select

from engine.inferences.tables import InferenceRow
from engine.store import Store, transaction
from tests.serving.house import (
    Scoring,
    given_a_classifier,
    given_a_token,
    given_an_environment,
    when_it_goes_live,
    when_it_is_requested,
)

PATH = "/models/employed/score"


class Traffic:
    """Clients that send batches until the service answers no more; `answered` holds every id that one of them got.

    under_way: set when so many rows are answered.
    """

    def __init__(self, scoring: Scoring, *, rows: int, size: int, clients: int, tell_at: int = 0) -> None:
        self.answered: list[UUID] = []
        self.refused: list[str] = []
        self.under_way = threading.Event()
        self._scoring, self._tell_at, self._size = scoring, tell_at, size
        self._left = threading.Semaphore(rows // size)
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for the last client."""
        for thread in self._threads:
            thread.join(60)

    def _send(self, number: int) -> None:
        dice = random.Random(number)
        with requests.Session() as session:
            session.headers.update(self._scoring.headers)
            while self._left.acquire(blocking=False):
                rows = [{f"x{n}": dice.gauss(0, 1) for n in range(16)} for _ in range(self._size)]
                try:
                    answer = session.post(self._scoring.address + PATH, json=rows, timeout=30)
                except requests.RequestException:
                    return  # not answered: nothing is promised
                if answer.status_code != 200:
                    self.refused.append(answer.text)
                    continue
                self.answered += [UUID(row["id"]) for row in answer.json()["rows"]]
                if len(self.answered) >= self._tell_at:
                    self.under_way.set()


def logged(store: Store) -> set[UUID]:
    with transaction(store) as session:
        return set(session.scalars(select(InferenceRow.id)))


def given_a_live_classifier(
    store: Store, scoring: Callable[..., Scoring], *, group_seconds: float = 0.05, **settings: Any
) -> Scoring:
    given_an_environment(store, settings=settings)
    version = given_a_classifier(store)
    service = scoring(given_a_token(store, ["score:employed:production"]), group_seconds=group_seconds)
    deployment = when_it_is_requested(store, version)
    service.until(deployment, "running")
    when_it_goes_live(store, deployment)
    service.until_status(PATH, [{f"x{n}": 0 for n in range(16)}], 200)
    return service


@pytest.mark.parametrize("group_seconds", [0.05, 600])
def test_sigterm_in_the_middle_of_traffic_loses_no_answered_row(
    store: Store, scoring: Callable[..., Scoring], group_seconds: float
) -> None:
    """With groups that are never due, the queue is full of answered rows at the end: only the drain can save them."""
    service = given_a_live_classifier(store, scoring, group_seconds=group_seconds)
    traffic = Traffic(service, rows=100_000, size=20, clients=4, tell_at=2_000)
    assert traffic.under_way.wait(60)
    assert service.end() == 0
    traffic.join()
    assert 2_000 <= len(traffic.answered) < 100_000
    assert traffic.refused == []
    assert set(traffic.answered) <= logged(store)


def test_an_environment_that_is_durable_loses_none_even_when_it_is_killed(
    store: Store, scoring: Callable[..., Scoring]
) -> None:
    service = given_a_live_classifier(store, scoring, durable=True)
    traffic = Traffic(service, rows=100_000, size=5, clients=4, tell_at=500)
    assert traffic.under_way.wait(60)
    service.process.send_signal(signal.SIGKILL)
    service.process.wait(10)
    traffic.join()
    assert 500 <= len(traffic.answered) < 100_000
    assert set(traffic.answered) <= logged(store)


def test_two_thousand_rows_are_all_scored_and_logged_once(store: Store, scoring: Callable[..., Scoring]) -> None:
    service = given_a_live_classifier(store, scoring)
    before = len(logged(store))
    traffic = Traffic(service, rows=2_000, size=500, clients=2)
    traffic.join()
    assert service.end() == 0
    assert (len(traffic.answered), traffic.refused) == (2_000, [])
    assert len(set(traffic.answered)) == 2_000
    assert set(traffic.answered) <= logged(store)
    assert len(logged(store)) >= before + 2_000 - 1
