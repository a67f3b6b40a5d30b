"""The danger of this room: an answer that its caller has and the log has not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import requests
from sqlalchemy import select

from engine.inferences.tables import InferenceRow
from engine.store import Store, transaction
from tests.serving.house import (
    ROOT,
    Scoring,
    given_a_classifier,
    given_a_token,
    given_an_environment,
    given_rules,
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


FORKED = """
import os, sys, threading
from engine.config import Settings
from engine.serving.scoring import serve
from engine.store import open_store

# A service is forked for each death, so that none has to import the house again.
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        store = open_store(Settings.load(), application="scoring")
        serve(store, "127.0.0.1", 0, threading.Event(), announce=lambda at: print(os.getpid(), at, flush=True))
        os._exit(0)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


def rows_until_it_dies(address: str, headers: dict[str, str], answered: list[UUID], begun: threading.Event) -> None:
    with requests.Session() as session:
        session.headers.update(headers)
        while True:
            try:
                rows = [{"age": 40, "job": "cook"}, {"age": 17}]
                answer = session.post(f"{address}/models/credit/score", json=rows, timeout=30)
                found = [UUID(row["id"]) for row in answer.json()["rows"]] if answer.status_code == 200 else []
            except (requests.RequestException, ValueError):
                return  # not answered whole: nothing is promised
            answered += found
            if found:
                begun.set()
            else:
                time.sleep(0.01)  # its child is not ready yet


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.long)])
def test_durable_answers_survive_kill_9_at_any_moment(store: Store, kills: int) -> None:
    """The service is killed again and again in the middle of traffic; whatever a caller got is in the log."""
    given_an_environment(store, settings={"durable": True})
    (version,) = given_rules(store)
    deployment = when_it_is_requested(store, version)
    when_it_goes_live(store, deployment)
    headers = {"Authorization": f"Bearer {given_a_token(store)}"}
    settings = store.settings
    assert settings.database_url is not None
    surroundings = {
        "GATEWRIGHT_DATA_DIR": str(settings.home),
        "GATEWRIGHT_DATABASE_URL": settings.database_url.get_secret_value(),
    }
    dice, answered = random.Random(kills), list[UUID]()
    with subprocess.Popen(
        [sys.executable, "-c", FORKED],
        cwd=ROOT,
        env=os.environ | surroundings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as house:
        assert house.stdin is not None
        assert house.stdout is not None
        for _ in range(kills):
            house.stdin.write("again\n")
            house.stdin.flush()
            number, address = house.stdout.readline().split()
            begun, before = threading.Event(), len(answered)
            callers = [
                threading.Thread(target=rows_until_it_dies, args=(address, headers, answered, begun)) for _ in range(3)
            ]
            for each in callers:
                each.start()
            assert begun.wait(30)
            time.sleep(dice.uniform(0, 0.1))
            os.kill(int(number), signal.SIGKILL)
            assert house.stdout.readline() == "dead\n"
            for each in callers:
                each.join(30)
            assert len(answered) > before
        house.stdin.close()
    assert len(answered) == len(set(answered)) >= 2 * kills
    assert set(answered) <= logged(store)
