"""What the road of one event costs: process P on PostgreSQL against the same process in memory, in one run.

    python -m tests.benchmarks.road [--instances 200]

P: start, service task, user task completed at once, exclusive gateway, service task, end; transactional handlers, full
history and audit, one client. Prints CPU a P, P a second, statements and commits a P, and the ratio to in-memory.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import event

from engine import bpmn
from engine.config import Settings
from engine.runtime import instances, wakeups
from engine.store import Store, migrations, open_store
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres, default_folder
from tests.runtime import worlds as w


def in_memory(n: int) -> float:
    """P a second in memory, without storing anything."""
    files = w.process_p()
    bundle = bpmn.bundle(files)
    began = time.perf_counter()
    for _ in range(n):
        execution = bpmn.Execution.start(bundle, {}, now=datetime.now(UTC))
        (task,) = execution.run(lambda call: {"said": "one"}).user_tasks
        execution.complete_user_task(task.task_id, {"decision": "approve"})
        assert execution.run(lambda call: {"said": "one"}).finished
    return n / (time.perf_counter() - began)


def on_postgresql(house: Store, n: int) -> tuple[float, float, float, float]:
    """P a second, CPU milliseconds of this process a P, statements a P, commits a P."""
    counted = {"statements": 0, "commits": 0}

    def statement(connection, cursor, text, *_):
        counted["statements"] += not text.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO"))

    def commit(connection):
        counted["commits"] += 1

    _one(house)
    event.listen(house.engine, "before_cursor_execute", statement)
    event.listen(house.engine, "commit", commit)
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(n):
        _one(house)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return n / seconds, 1000 * cpu / n, counted["statements"] / n, counted["commits"] / n


def _one(house: Store) -> None:
    instance = instances.start(house, w.ADA, "process_p", "credit")
    # The task's id as a page would have it; read beside the measured road by the row's own key.
    with house.engine.connect() as connection:
        task = connection.exec_driver_sql(
            "SELECT id FROM runtime.user_tasks WHERE instance = %s AND state = 'open'", (instance,)
        ).scalar_one()
    instances.complete(house, w.BEN, task, {"decision": "approve"})


def commits_a_second(house: Store, n: int = 300) -> float:
    """One-row commits a second on the same server, as the yardstick of its disk."""
    with house.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE one (n integer)")
        connection.commit()
        began = time.perf_counter()
        for number in range(n):
            connection.exec_driver_sql("INSERT INTO one VALUES (%s)", (number,))
            connection.commit()
        return n / (time.perf_counter() - began)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=200)
    n = parser.parse_args().instances
    folder = default_folder(Path(f"benchmark-{os.getpid()}-{secrets.token_hex(4)}"))
    server = EmbeddedPostgres(folder)
    server.start()
    data = Path(tempfile.mkdtemp(prefix="gatewright-benchmark-"))
    try:
        migrations.upgrade(server.url("owner"), application=APPLICATION, eraser=ERASER)
        house = open_store(Settings(data_dir=data, database_url=SecretStr(server.url("application"))))
        w.given_a_published(house, w.process_p())
        memory = in_memory(n)
        stored, cpu, statements, commits = on_postgresql(house, n)
        print(f"in memory            {memory:10.0f} P/s")
        print(f"on PostgreSQL        {stored:10.1f} P/s, 1/{memory / stored:.0f} of in-memory")
        print(f"CPU of this process  {cpu:10.2f} ms a P")
        print(f"statements           {statements - 1:10.1f} a P (the benchmark's own look-up left out)")
        print(f"commits              {commits:10.1f} a P")
        print(f"one-row commits      {commits_a_second(house):10.0f} /s on this server (temporary table)")
        wakeups.close()
        house.close()
    finally:
        server.stop()
        shutil.rmtree(folder)
        shutil.rmtree(data)


if __name__ == "__main__":
    main()
