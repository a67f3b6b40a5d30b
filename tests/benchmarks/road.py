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

import psycopg
from pydantic import SecretStr

from engine import bpmn
from engine.config import Settings
from engine.runtime import instances, wakeups
from engine.store import Store, execute, migrations, open_store, transaction
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres, default_folder
from tests.runtime import worlds as w
from tests.statements import heard


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


def on_postgresql(house: Store, n: int) -> tuple[float, float]:
    """P a second, and CPU milliseconds of this process a P."""
    for _ in range(20):
        one(house)  # until each statement is prepared
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(n):
        one(house)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return n / seconds, 1000 * cpu / n


def one(house: Store) -> None:
    """Start a P and complete its task."""
    instance = instances.start(house, w.ADA, "process_p", "credit")
    # The task's id as a page would have it.
    with transaction(house) as session:
        (row,) = execute(
            session, "SELECT id FROM runtime.user_tasks WHERE instance = %(id)s AND state = 'open'", {"id": instance}
        )
    instances.complete(house, w.BEN, row["id"], {"decision": "approve"})


def counted(server: EmbeddedPostgres, house: Store) -> tuple[int, int]:
    """The statements and commits of one P, by the server's log, the benchmark's own look-up left out."""
    with psycopg.connect(server.url("admin"), autocommit=True) as superuser, heard(server, house, superuser) as said:
        one(house)
    return len(said.statements) - 1, said.commits - 1


def commits_a_second(server: EmbeddedPostgres, n: int = 300) -> float:
    """One-row commits a second on the same server, as the yardstick of its disk."""
    with psycopg.connect(server.url("admin"), autocommit=True) as connection:
        connection.execute("CREATE TABLE public.yardstick (n integer)")
        began = time.perf_counter()
        for number in range(n):
            connection.execute("INSERT INTO public.yardstick VALUES (%s)", (number,))
        seconds = time.perf_counter() - began
        connection.execute("DROP TABLE public.yardstick")
    return n / seconds


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
        stored, cpu = on_postgresql(house, n)
        statements, commits = counted(server, house)
        print(f"in memory            {memory:10.0f} P/s")
        print(f"on PostgreSQL        {stored:10.1f} P/s, 1/{memory / stored:.0f} of in-memory")
        print(f"CPU of this process  {cpu:10.2f} ms a P")
        print(f"statements           {statements:10d} a P")
        print(f"commits              {commits:10d} a P")
        print(f"one-row commits      {commits_a_second(server):10.0f} /s on this server")
        wakeups.close()
        house.close()
    finally:
        server.stop()
        shutil.rmtree(folder)
        shutil.rmtree(data)


if __name__ == "__main__":
    main()
