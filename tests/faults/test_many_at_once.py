"""Many at the same thing: eight workers, two clocks, a worker that outlives its lease, deadlocks, two people."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from engine import audit
from engine.config import Settings
from engine.identity import Person, people
from engine.runtime import clock as clock_process
from engine.runtime import instances, queries, registry, user_tasks, wakeups, worker
from engine.runtime.transaction import InstanceEnded
from engine.store import Store, open_store, transaction
from tests.bpmn import drawing as d
from tests.faults import plugin, rounds
from tests.faults.programs import FOUNDER
from tests.faults.recorder import Recorder
from tests.runtime import worlds as w


@pytest.fixture
def house(settings: Settings) -> Iterator[Store]:
    """A house in real time."""
    house = open_store(settings.model_copy(update={"worker_silent_seconds": 3.0}))
    w.RECORDER.calls.clear()
    w.RECORDER.failures.clear()
    yield house
    wakeups.close()
    house.close()


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    recorder = Recorder()
    monkeypatch.setenv(plugin.RECORDER, recorder.address)
    yield recorder
    recorder.close()


def until(found: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    ends = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < ends, f"{what} did not come about"
        time.sleep(0.1)
    return value


def together(*acts: Callable[[], Any]) -> None:
    """All at once."""
    threads = [threading.Thread(target=act) for act in acts]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def test_eight_workers_and_two_clocks_do_everything_once(house: Store, recorder: Recorder) -> None:
    rounds.published(house)
    stop = threading.Event()
    working = [
        *(
            threading.Thread(target=worker.run, args=(house,), kwargs={"concurrency": 1, "stop": stop})
            for _ in range(8)
        ),
        *(threading.Thread(target=clock_process.run, args=(house,), kwargs={"stop": stop}) for _ in range(2)),
    ]
    for each in working:
        each.start()
    subjects = [f"s{n}" for n in range(12)]
    try:
        for subject in subjects:
            for process in ("listener", "round"):
                instances.start(house, rounds.ADA, process, subject)

        def all_ended() -> bool:
            with transaction(house) as session:
                waiting = queries.tasks(session, state="open").rows
            for task in waiting:
                instances.complete(house, rounds.ADA, task.id, {"said": "yes"})
            return all(row.state == "finished" for row in rounds.all_instances(house))

        until(all_ended, "the end of all rounds")
    finally:
        stop.set()
        for each in working:
            each.join(30)
    rounds.nothing_lost_nothing_twice(house, subjects, recorder)
    assert set(recorder.asked.values()) == {1}


STOPPED = """
import sys, time
from pathlib import Path
from engine.config import Settings
from engine.runtime import worker
from engine.store import open_store
import tests.runtime.worlds as w
def slowly(name):
    if name == "work":
        print("working", flush=True)
        while not Path(sys.argv[1]).exists():
            time.sleep(0.02)
w.RECORDER.asked = slowly
worker.run(open_store(Settings.load(), application="worker"), concurrency=1)
"""


def test_a_worker_that_outlives_its_lease_comes_too_late_and_works_on(house: Store, tmp_path: Path) -> None:
    """It stands still for longer than its silence is borne; meanwhile another does its job."""
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    instance = instances.start(house, w.ADA, "process_p")
    freed, settings = tmp_path / "freed", house.settings
    assert settings.database_url is not None
    slow = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(freed)],
        env={
            **os.environ,
            "GATEWRIGHT_DATABASE_URL": settings.database_url.get_secret_value(),
            "GATEWRIGHT_DATA_DIR": str(settings.home),
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert slow.stdout is not None
        assert slow.stdout.readline() == "working\n"
        slow.send_signal(signal.SIGSTOP)
        until(lambda: worker.rescue_stalled(house, silent_seconds=1), "the rescue of the job")
        (job,) = w.detail(house, instance).jobs
        worker.run_handler(house, job.task)
        (task,) = w.open_tasks(house, instance)
        freed.touch()
        slow.send_signal(signal.SIGCONT)
        until(lambda: _acts(house, instance)["job.result_dropped"], "the late result")
        # It takes part in the work again.
        instances.complete(house, w.BEN, task.id, {"decision": "approve"})
        until(lambda: w.detail(house, instance).instance.state == "finished", "the end")
    finally:
        slow.kill()
        slow.wait()
    assert _acts(house, instance)["service_task.completed"] == 2
    audit.checkpoint(house)
    assert audit.verify(house).intact


def _acts(house: Store, instance: Any) -> Counter[str]:
    with transaction(house) as session:
        return Counter(row.act for row in audit.entries(session, stream=f"instance:{instance}", limit=1000))


class Order(BaseModel):
    first: str
    second: str


MEETING = threading.Barrier(2)
LOCKED: list[str] = []


@registry.service_task("lock_two_for_tests", kind="transactional")
def lock_two(session: Any, parameters: Order, ctx: Any) -> dict[str, str]:
    """Locks two people's rows in this order, and lets another do so meanwhile."""
    for person in (parameters.first, parameters.second):
        session.execute(text("SELECT 1 FROM identity.people WHERE id = :id FOR UPDATE"), {"id": person})
        LOCKED.append(person)
        if len(LOCKED) <= 2:
            MEETING.wait(20)
    return {"locked": parameters.second}


def test_a_deadlock_is_replayed_and_each_step_is_done_once(house: Store) -> None:
    LOCKED.clear()
    MEETING.reset()
    with transaction(house) as session:
        for name in ("one", "other"):
            people.add(session, FOUNDER, name, name=name, roles=[])
    started: dict[str, Any] = {}
    for name, first, second in (("one_way", "one", "other"), ("other_way", "other", "one")):
        ids = ("Start", "Lock", "End")
        files = d.files(
            name,
            d.lanes(risk_manager=ids),
            d.start(),
            d.service("Lock", "lock_two_for_tests", "locked", first=f"'{first}'", second=f"'{second}'"),
            d.end(),
            d.chain(*ids),
        )
        del files["answer.form.json"]
        w.given_a_published(house, files)

    def start(name: str) -> None:
        started[name] = instances.start(house, w.ADA, name)

    together(lambda: start("one_way"), lambda: start("other_way"))
    assert len(LOCKED) > 4  # one of the two was ended by the database and did it again
    with transaction(house) as session:
        assert queries.instances(session).total == 2
    for instance in started.values():
        assert w.detail(house, instance).instance.state == "finished"
        assert _acts(house, instance)["service_task.completed"] == 1
    audit.checkpoint(house)
    assert audit.verify(house).intact


def test_two_people_who_complete_one_task_at_once_decide_it_once(house: Store) -> None:
    ria = Person(id="ria", name="Ria", roles=frozenset({"risk_manager"}))
    w.given_a_published(house, w.process_p())
    for round_ in range(5):
        instance = instances.start(house, w.ADA, "process_p", f"s{round_}")
        (task,) = w.open_tasks(house, instance)
        ready, said = threading.Barrier(6), []

        def decide(person: Person, answer: str, task: Any = task, ready: Any = ready, said: list[str] = said) -> None:
            ready.wait()
            try:
                instances.complete(house, person, task.id, {"decision": answer})
                said.append(answer)
            except (user_tasks.TaskClosed, InstanceEnded) as refusal:
                said.append(str(refusal.status))

        together(*(lambda p=p, a=a: decide(p, a) for p, a in [(w.BEN, "approve"), (ria, "reject")] * 3))
        assert sorted(said)[:5] == ["409"] * 5
        found = w.detail(house, instance)
        (closed,) = found.user_tasks
        assert closed.answer == {"decision": max(said)}
        assert closed.closed_by == {"approve": "ben", "reject": "ria"}[max(said)]
        assert (found.instance.state, found.instance.revision) == ("finished", 2)
        acts = _acts(house, instance)
        assert (acts["user_task.completed"], acts["act.refused"]) == (1, 5)
    audit.checkpoint(house)
    assert audit.verify(house).intact
