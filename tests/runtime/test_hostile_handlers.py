"""Handlers that raise, hang, eat memory, return no JSON or try to end the process: each becomes an incident.

The step stays where it is, the person's decision before it stays committed, and everybody else's work goes on.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from pydantic import BaseModel

from engine import audit
from engine.runtime import deadlines, instances, registry, worker
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w


class Unsayable(Exception):
    """Cannot even be told."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def raising(failure: BaseException) -> Callable[[], Any]:
    def act() -> Any:
        raise failure

    return act


def recursion() -> Any:
    return recursion()


CYCLE: list[Any] = []
CYCLE.append(CYCLE)

#: name -> what the handler does, and what the incident says of it
HOSTILE: dict[str, tuple[Callable[[], Any], str]] = {
    "not a number": (lambda: float("nan"), "not a JSON value"),
    "a set": (lambda: {1}, "not a JSON value"),
    "an object": (object, "not a JSON value"),
    "a cycle": (lambda: CYCLE, "not a JSON value"),
    "a key that is no text": (lambda: {1: 2}, "not a JSON value"),
    "a number of 400 digits": (lambda: 10**400, "not a JSON value"),
    "half a surrogate pair": (lambda: "\ud800", "not a JSON value"),
    "a NUL character": (lambda: {"a": ["x\x00y"]}, "NUL character"),
    "a key with a NUL character": (lambda: {"x\x00": 1}, "NUL character"),
    "300 lists in each other": (lambda: reduce(lambda inner, _: [inner], range(300), 1), "nests deeper"),
    "more than a variable holds": (lambda: "x" * 300_000, "300,002 bytes"),
    "an exception": (raising(ValueError("bad")), "bad"),
    "an exception without a word": (raising(ValueError()), "ValueError"),
    "an exception that says NUL": (raising(ValueError("bad \x00 thing")), "bad \ufffd thing"),
    "an exception that says half a pair": (raising(ValueError("bad \ud800 thing")), "bad ? thing"),
    "an exception that cannot be told": (raising(Unsayable()), "cannot be told: RuntimeError"),
    "an exception of ten megabytes": (raising(ValueError("x" * 10_000_000)), "xxx"),
    "an end of the process": (raising(SystemExit(3)), "tried to end the process it ran in (SystemExit)"),
    "an end of the task": (raising(asyncio.CancelledError()), "(CancelledError)"),
    "no memory": (raising(MemoryError()), "MemoryError"),
    "no end of recursion": (recursion, "maximum recursion depth"),
}


class Which(BaseModel):
    act: str


@registry.service_task("hostile_inside_for_tests", kind="transactional")
def inside(session, parameters: Which, ctx) -> Any:
    """Does the worst, inside the transaction."""
    return HOSTILE[parameters.act][0]()


@registry.service_task("hostile_job_for_tests", kind="job", attempts=1, breaker=None)
def job(parameters: Which, ctx) -> Any:
    """Does the worst, in a worker."""
    return HOSTILE[parameters.act][0]()


def process(handler: str) -> dict[str, bytes]:
    """A person says what the handler shall do; then it does it."""
    ask = b'{"schema": {"type": "object", "properties": {"act": {"type": "string"}}, "required": ["act"]}}'
    ids = ("Start", "Ask", "Do", "End")
    return d.files(
        "hostile",
        d.lanes(risk_manager=ids),
        d.start(),
        d.user("Ask", result="asked"),
        d.service("Do", handler, "done", act="asked.act"),
        d.end(),
        d.chain(*ids),
        answer__form__json=ask,
    )


def asked(house, act: str) -> Any:
    """An instance whose person has just asked for this."""
    instance = instances.start(house, w.ADA, "hostile")
    (task,) = w.open_tasks(house, instance)
    instances.complete(house, w.BEN, task.id, {"act": act})
    return instance


@pytest.mark.parametrize("handler", ["hostile_inside_for_tests", "hostile_job_for_tests"])
def test_whatever_a_handler_does_is_an_incident_and_the_decision_before_it_stays(house, handler):
    w.given_a_published(house, process(handler))
    for act, (_, told) in HOSTILE.items():
        instance = asked(house, act)
        w.work_off(house)
        found = w.detail(house, instance)
        (incident,) = found.incidents
        assert told in incident.cause, act
        assert (found.instance.state, incident.element) == ("running", "Do"), act
        assert [step.element for step in found.steps if step.outcome == "completed"] == ["Start", "Ask"], act
    audit.checkpoint(house)
    assert audit.verify(house).intact


def test_a_handler_that_hangs_inside_is_an_incident_and_the_decision_commits(house, monkeypatch):
    monkeypatch.setattr(deadlines, "INSIDE_SECONDS", 0.3)
    monkeypatch.setitem(HOSTILE, "hangs", (lambda: [time.sleep(0.01) for _ in iter(int, 1)], ""))
    w.given_a_published(house, process("hostile_inside_for_tests"))
    instance = asked(house, "hangs")
    (incident,) = w.detail(house, instance).incidents
    assert "handler-timeout" in incident.cause


def test_a_job_that_hangs_is_given_up_and_what_it_returns_later_is_dropped(house, monkeypatch):
    freed, ended = threading.Event(), threading.Event()

    def hang() -> str:
        freed.wait(30)
        ended.set()
        return "too late"

    monkeypatch.setitem(HOSTILE, "hangs", (hang, ""))
    monkeypatch.setattr(registry.find_service_task("hostile_job_for_tests"), "seconds", 0.1)
    w.given_a_published(house, process("hostile_job_for_tests"))
    instance = asked(house, "hangs")
    w.work_off(house)
    (incident,) = w.detail(house, instance).incidents
    assert "did not come back within 0.1 s" in incident.cause
    freed.set()
    assert ended.wait(10)
    monkeypatch.setitem(HOSTILE, "hangs", (lambda: "in time", ""))
    instances.retry(house, w.BEN, instance)
    w.work_off(house)
    found = w.detail(house, instance)
    assert (found.instance.state, found.jobs[0].state) == ("finished", "done")


EATS = """
import sys
from engine.config import Settings
from engine.runtime import worker
from engine.store import open_store
import tests.runtime.test_hostile_handlers as t
t.HOSTILE["eats"] = (lambda: [bytearray(1 << 26) for _ in range(1000)], "")
worker.run(open_store(Settings.load(), application="worker"), concurrency=1)
"""


def test_a_job_that_eats_all_memory_fails_and_its_worker_works_on(house):
    w.given_a_published(house, process("hostile_job_for_tests"))
    one, other = asked(house, "eats"), asked(house, "no memory")
    limit = 5 << 28

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    eating = subprocess.Popen(
        [sys.executable, "-c", EATS],
        env={
            **os.environ,
            "GATEWRIGHT_DATABASE_URL": house.settings.database_url.get_secret_value(),
            "GATEWRIGHT_DATA_DIR": str(house.settings.home),
        },
        preexec_fn=bound,
    )
    try:
        ends = time.monotonic() + 60
        while not all(w.detail(house, each).incidents for each in (one, other)):
            assert eating.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.1)
    finally:
        eating.kill()
        eating.wait()
    assert "MemoryError" in w.detail(house, one).incidents[0].cause


def test_a_result_that_comes_twice_and_late_is_taken_once(house):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    instance = instances.start(house, w.ADA, "process_p")
    (job,) = w.detail(house, instance).jobs
    taken: list[bool] = []
    together = threading.Barrier(4)

    def hand_in() -> None:
        together.wait()
        taken.append(instances.succeeded(house, job.task, w.Word(), {"said": "one", "key": ""}))

    threads = [threading.Thread(target=hand_in) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(taken) == [False, False, False, True]
    assert not instances.failed(house, job.task, ValueError("late"))
    worker.run_handler(house, job.task)
    assert w.RECORDER.calls == ["apply"]
    (task,) = w.open_tasks(house, instance)
    assert task.element == "Decide"
    with transaction(house) as session:
        dropped = audit.entries(session, stream=f"instance:{instance}", act="job.result_dropped")
        assert len(list(dropped)) == 3
