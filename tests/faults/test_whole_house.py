"""SIGKILLs of everything there is, the owner and the database included, under load: nothing is lost, nothing twice."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from engine.runtime import wakeups
from engine.store import Store, open_store
from tests.faults import rounds
from tests.faults.programs import Program
from tests.faults.recorder import Recorder
from tests.faults.whole_house import KINDS, Kills, WholeHouse

#: kills of the long campaign
KILLS = int(os.environ.get("GATEWRIGHT_TEST_KILLS", "500"))
#: rounds under way at a time
ABREAST = 4


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.close()


@pytest.fixture
def house(tmp_path: Path, recorder: Recorder) -> Iterator[WholeHouse]:
    house = WholeHouse(tmp_path, recorder)
    try:
        yield house
    finally:
        house.end()


def opened(house: WholeHouse) -> Store:
    """The house's store, as a program beside it opens it."""
    url = SecretStr(house.database.url())
    return open_store(house.settings.model_copy(update={"database_url": url}), application="command")


def campaign(house: WholeHouse, recorder: Recorder, kinds: list[str], pause: float, patience: float) -> None:
    """Rounds begin as long as there are kills; then all of them come to their end."""
    house.until_ready()
    store = opened(house)
    rounds.published(store)
    ada = Program(store, rounds.ADA, patience=patience)
    store.close()
    kills = Kills(house, kinds, seed=len(kinds), pause=pause)
    kills.start()
    subjects: list[str] = []
    open_: set[str] = set()
    ends = time.monotonic() + patience
    while kills.is_alive() or open_:
        if kills.is_alive():
            ends = time.monotonic() + patience
        while kills.is_alive() and len(open_) < ABREAST:
            subjects.append(f"s{len(subjects)}")
            open_.add(subjects[-1])
            for process in ("listener", "round"):
                _started(ada, process, subjects[-1])
        for task in ada("GET", "/tasks").json()["items"]:
            answer = ada("POST", f"/tasks/{task['id']}/complete", answer={"said": "yes"})
            assert answer.status_code in (200, 409), answer.text  # 409: done, and the answer was lost
        open_ -= {subject for subject in open_ if _ended(ada, subject)}
        assert time.monotonic() < ends, f"{sorted(open_)} did not come to their end\n{house.logged()}"
        time.sleep(0.2)
    assert house.kills.total() == len(kinds), house.logged()
    house.until_ready()
    store = opened(house)
    try:
        rounds.nothing_lost_nothing_twice(store, subjects, recorder)
    finally:
        wakeups.close()
        store.close()
    print(
        f"{dict(house.kills)}: {len(subjects)} rounds, {recorder.asked.total()} calls, {len(recorder.effects)} effects"
    )


def _started(ada: Program, process: str, subject: str) -> None:
    """Start it where it was not started: an answer that is lost leaves open whether it was."""
    if not _found(ada, process, subject):
        answer = ada("POST", "/instances", process=process, subject=subject)
        assert answer.status_code in (201, 409), answer.text


def _ended(ada: Program, subject: str) -> bool:
    return all(
        any(row["state"] == "finished" for row in _found(ada, process, subject)) for process in ("round", "listener")
    )


def _found(ada: Program, process: str, subject: str) -> list[dict[str, Any]]:
    return ada("GET", f"/instances?process={process}&subject={subject}").json()["items"]


def test_the_database_a_worker_and_the_owner_are_killed_under_load(house: WholeHouse, recorder: Recorder) -> None:
    campaign(house, recorder, ["database", "worker", "owner"], pause=0.6, patience=120)


@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
def test_five_hundred_kills(house: WholeHouse, recorder: Recorder) -> None:
    """As many as GATEWRIGHT_TEST_KILLS says."""
    campaign(house, recorder, random.Random(1).choices(KINDS, k=KILLS), pause=1.0, patience=900)
