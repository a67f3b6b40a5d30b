"""The worker process: jobs by the queue, results taken once, a killed worker's job handed out again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from procrastinate.manager import get_channel_for_queues
from sqlalchemy import text

from engine.runtime import clock as clock_process
from engine.runtime import instances, limiting, queue, registry, wakeups, worker
from engine.runtime.limits import Limits
from engine.store import addresses
from tests.runtime import worlds as w
from tests.statements import heard


def until(true, seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)


def test_a_worker_takes_what_is_queued_and_stops_when_asked(house):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    stop = threading.Event()
    working = threading.Thread(target=worker.run, args=(house,), kwargs={"concurrency": 2, "stop": stop})
    working.start()
    try:
        started = [instances.start(house, w.ADA, "process_p", f"m{n}") for n in range(6)]
        until(lambda: all(w.open_tasks(house, each) for each in started))
        for each in started:
            instances.complete(house, w.BEN, w.open_tasks(house, each)[0].id, {"decision": "approve"})
        until(lambda: all(w.detail(house, each).instance.state == "finished" for each in started))
    finally:
        stop.set()
        working.join(20)
    assert not working.is_alive()
    assert w.RECORDER.calls.count("apply") == 12
    assert entries(house) == []


def test_an_entry_goes_with_the_result_and_stays_where_there_is_none(house):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    kept, done = (w.detail(house, instances.start(house, w.ADA, "process_p", name)).jobs[0] for name in ("a", "b"))
    with queue_of(house) as connection:
        number = queue.register(connection, before=None, keeps=(), silent_seconds=30)
        taken = queue.take(connection, number, registry.packs(), 10)
        assert [(each.task, each.instance) for each in taken] == [(j.task, j.instance) for j in (kept, done)]
        assert queue.take(connection, number, registry.packs(), 10) == []
        assert worker.run_handler(house, done.task, taken[1].id)
        assert not worker.run_handler(house, done.task, taken[1].id)
        assert entries(house) == [(str(kept.task), "doing")]
        queue.unregister(connection, number)
    assert worker.rescue_stalled(house, silent_seconds=30) == 1
    assert entries(house) == [(str(kept.task), "todo")]


def test_a_job_begins_as_it_is_taken_unless_something_stands_in_its_way(house, cluster, superuser):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    free, held = (instances.start(house, w.ADA, "process_p", name) for name in ("free", "suspended"))
    instances.suspend(house, w.BEN, held, "later")
    taking = {"at": house.clock.now(), "name": "a worker", "handlers": ["work_for_tests"]}
    with queue_of(house) as connection:
        number = queue.register(connection, before=None, keeps=(), silent_seconds=30)
        first, second = queue.take(connection, number, registry.packs(), 10, **taking)
        assert (first.begun.state, first.begun.attempt, second.begun) == ("running", 1, None)
        assert [w.detail(house, each).jobs[0].state for each in (free, held)] == ["running", "queued"]
        with heard(cluster, house, superuser) as working:
            assert worker.run_handler(house, first.task, first.id, first.begun)
        assert len(working.statements) == 2, "\n".join(working)  # it asked for nothing before its result
        assert working.commits == 1
        assert not worker.run_handler(house, second.task, second.id)
        limiting.set_limits(house, w.BEN, "work_for_tests", Limits(concurrency=1), "one at a time")
        limited = instances.start(house, w.ADA, "process_p", "limited")
        (third,) = queue.take(connection, number, registry.packs(), 10, **taking)
        assert (third.instance, third.begun) == (limited, None)
        queue.unregister(connection, number)


def test_what_a_begun_job_prepares_is_under_its_instances_lock_once_it_asks(house, monkeypatch):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    instance = instances.start(house, w.ADA, "process_p")
    locked = []
    query = "SELECT id FROM runtime.instances WHERE id = %s FOR UPDATE SKIP LOCKED"
    with queue_of(house) as connection:

        def asking(session, parameters, ctx):
            free = connection.execute(query, [instance]).fetchall()
            session.execute(text("SELECT 1"))
            locked.extend([not free, not connection.execute(query, [instance]).fetchall()])

        monkeypatch.setattr(registry.find_service_task("work_for_tests"), "check", asking)
        number = queue.register(connection, before=None, keeps=(), silent_seconds=30)
        taking = {"at": house.clock.now(), "name": "a worker", "handlers": ["work_for_tests"]}
        (entry,) = queue.take(connection, number, registry.packs(), 1, **taking)
        worker.run_handler(house, entry.task, entry.id, entry.begun)
        queue.unregister(connection, number)
    assert locked == [False, True]
    assert len(w.open_tasks(house, instance)) == 1


def test_a_worker_that_was_taken_for_dead_registers_anew_and_keeps_what_it_has_at_work(house):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    (job,) = w.detail(house, instances.start(house, w.ADA, "process_p")).jobs
    with queue_of(house) as connection:
        before = queue.register(connection, before=None, keeps=(), silent_seconds=30)
        (entry,) = queue.take(connection, before, registry.packs(), 1)
        queue.unregister(connection, before)
        with pytest.raises(queue.Unregistered):
            queue.beat(connection, before)
        again = instances.start(house, w.ADA, "process_p", "another")
        with pytest.raises(queue.Unregistered):
            queue.take(connection, before, registry.packs(), 1)
        number = queue.register(connection, before=before, keeps=[entry.id], silent_seconds=30)
        queue.beat(connection, number)
        assert worker.rescue_stalled(house, silent_seconds=30) == 0
        (other,) = queue.take(connection, number, registry.packs(), 5)
        assert other.instance == again
        queue.end(connection, number, done=[other.id], failed=[entry.id])
    assert entries(house) == [(str(job.task), "failed")]


def entries(house) -> list[tuple[str, str]]:
    with queue_of(house) as connection:
        return connection.execute("SELECT queueing_lock, status::text FROM procrastinate_jobs ORDER BY id").fetchall()


def queue_of(house):
    return psycopg.connect(addresses.for_libpq(addresses.of(house.settings).direct), autocommit=True)


SLOW = """
import sys, time
from engine.config import Settings
from engine.runtime import worker
from engine.store import open_store
import tests.runtime.worlds as w
def slowly(name, asked=w.RECORDER.asked):
    if name == "work":
        print("working", flush=True)
        time.sleep(600)
w.RECORDER.asked = slowly
worker.run(open_store(Settings.load(), application="worker"), concurrency=1)
"""


def test_a_killed_workers_job_is_handed_out_again_and_taken_once(house):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    instance = instances.start(house, w.ADA, "process_p")
    settings = house.settings
    environment = {
        **os.environ,
        "GATEWRIGHT_DATABASE_URL": settings.database_url.get_secret_value(),
        "GATEWRIGHT_DATA_DIR": str(settings.home),
    }
    slow = subprocess.Popen([sys.executable, "-c", SLOW], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert slow.stdout.readline() == "working\n"
    finally:
        slow.send_signal(signal.SIGKILL)
        slow.wait()
    assert w.detail(house, instance).jobs[0].state == "running"
    time.sleep(1.1)
    assert worker.rescue_stalled(house, silent_seconds=1) == 1
    stop = threading.Event()
    working = threading.Thread(target=worker.run, args=(house,), kwargs={"concurrency": 1, "stop": stop})
    working.start()
    try:
        until(lambda: w.open_tasks(house, instance))
    finally:
        stop.set()
        working.join(20)
    assert w.RECORDER.calls == ["prepare", "work", "apply"]
    assert w.detail(house, instance).jobs[0].attempt == 2


def test_the_clock_ticks_until_it_is_told_to_stop(house):
    stop, seen = threading.Event(), []

    def tick(store) -> None:
        seen.append(1)
        if len(seen) == 1:
            raise RuntimeError("a tick that fails comes again")
        stop.set()

    clock_process.run(house, [clock_process.Tick("test", 0.05, tick)], stop=stop)
    assert len(seen) >= 2


def test_workers_listen_where_a_commit_is_told_of():
    """With queues of their own they do not hear the channel of any queue: they would find each job by polling."""
    assert list(get_channel_for_queues(["default", "slow"])) == [f"{wakeups.JOBS}default", f"{wakeups.JOBS}slow"]
