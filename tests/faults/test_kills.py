"""SIGKILLs of the four processes while models go through their life: nothing is lost, nothing is done twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import audit
from engine.config import Settings
from engine.runtime import queries, wakeups
from engine.serving import queries as serving
from engine.store import Store, open_store, transaction
from tests.faults.processes import Killer, Processes
from tests.faults.programs import Program
from tests.handlers import house as h
from tests.ports import free_port

MODELS = ["letters-one", "letters-two", "letters-three"]


@pytest.fixture
def house(settings: Settings, tmp_path: Path) -> Iterator[tuple[Store, Processes]]:
    settings = settings.model_copy(
        update={"web_port": free_port(), "scoring_port": free_port(), "worker_silent_seconds": 3.0}
    )
    store = open_store(settings)
    h.given_a_house(store)
    logs = tmp_path / "logs"
    logs.mkdir()
    processes = Processes(settings, logs)
    try:
        yield store, processes
    finally:
        processes.end()
        wakeups.close()
        store.close()


def until(found: Callable[[], Any], what: str, processes: Processes, seconds: float = 120) -> Any:
    ends = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < ends, f"{what} did not come about\n{processes.logged()}"
        time.sleep(0.2)
    return value


def lives(house: tuple[Store, Processes], kills: int, pause: float) -> None:
    """Each model from its registration to its retirement, over HTTP, while processes are killed."""
    store, processes = house
    ada, ops, bob = (Program(store, each) for each in (h.ADA, h.OPS, h.BOB))
    for model in MODELS:
        h.given_a_rules_model(store, model, purpose=f"Picks who gets a letter of {model}.", thresholds={"cut_off": 0.4})
    killer = Killer(processes, ["worker", "clock", "web", "scoring"], kills, seed=1, pause=pause)
    killer.start()
    for model in MODELS:
        started = ada("POST", "/instances", process="model_life_cycle", answer={"model": model})
        assert started.status_code in (201, 409), started.text
    instances = {model: _instance(store, model) for model in MODELS}
    for model in MODELS:
        _decided(store, processes, ops, instances[model], "Approve_as_operator")
    for model in MODELS:
        until(lambda m=model: _live(store, m), f"{model} in production", processes)
        asked = ops("POST", f"/models/{model}/retirement", reason="Nobody writes letters any more.")
        assert asked.ok, asked.text
    for model in MODELS:
        _decided(store, processes, bob, instances[model], "Approve_retirement_as_owner")
    for model in MODELS:
        until(lambda m=model: _state(store, instances[m]) == "finished", f"the end of {model}", processes)
    killer.join()
    assert sum(processes.kills.values()) == kills
    _nothing_lost_nothing_twice(store, instances)


def _nothing_lost_nothing_twice(store: Store, instances: dict[str, Any]) -> None:
    ways = set()
    for model, instance in instances.items():
        found = h.detail(store, instance)
        assert found.instance.outcome == "Model retired"
        assert not [each for each in found.incidents if each.closed_at is None]
        assert not found.waiting
        ways.add(tuple(step.element for step in found.steps))
        with transaction(store) as session:
            acts = Counter(
                (entry.act, entry.facts.get("element", ""))
                for entry in audit.entries(session, stream=f"instance:{instance}", limit=1000)
            )
            of_model = Counter(entry.act for entry in audit.entries(session, stream=f"model:{model}", limit=1000))
        done = {act: n for act, n in acts.items() if act[0] in ("service_task.completed", "user_task.completed")}
        assert set(done.values()) == {1}, done
        assert (of_model["deployment.went_live"], of_model["approval.given"], of_model["approval.used"]) == (1, 2, 2)
    assert len(ways) == 1, "the models took different ways"
    audit.checkpoint(store)
    assert audit.verify(store).intact


def _decided(store: Store, processes: Processes, person: Program, instance: Any, element: str) -> None:
    def opened() -> Any:
        return [task for task in h.open_tasks(store, instance) if task.element == element]

    (task,) = until(opened, element, processes)
    answer = person("POST", f"/tasks/{task.id}/complete", answer={"decision": "approve"})
    # 409: the answer to the first attempt was lost with the process, the decision was not.
    assert answer.status_code in (200, 409), answer.text
    with transaction(store) as session:
        assert queries.task(session, task.id).state == "completed"


def _instance(store: Store, model: str) -> Any:
    with transaction(store) as session:
        (row,) = queries.instances(session, subject=model).rows
        return row.id


def _live(store: Store, model: str) -> bool:
    with transaction(store) as session:
        return serving.live(session, model, "production") is not None


def _state(store: Store, instance: Any) -> str:
    return h.detail(store, instance).instance.state


def test_twelve_kills_during_three_lives_lose_nothing_and_do_nothing_twice(house):
    lives(house, kills=12, pause=0.8)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_sixty_kills_during_three_lives_lose_nothing_and_do_nothing_twice(house):
    lives(house, kills=60, pause=0.8)
