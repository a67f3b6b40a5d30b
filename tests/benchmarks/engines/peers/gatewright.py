"""Process P in Gatewright, as a web worker runs it: transactional handlers, full history and audit."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import SecretStr

from engine.config import Settings
from engine.runtime import instances
from engine.store import Store, execute, open_store, transaction
from tests.benchmarks.engines.peers import database, serve
from tests.runtime import worlds as w

OPEN_TASK = "SELECT id FROM runtime.user_tasks WHERE instance = %(instance)s AND state = 'open'"


def opened(application: str = "web") -> Store:
    """The house on the benchmark's database."""
    data = Path(tempfile.mkdtemp(prefix="gatewright-benchmark-"))
    return open_store(Settings(data_dir=data, database_url=SecretStr(database())), application=application)


def one(house: Store) -> None:
    """Start a P and complete its task; its id is read as a page would have it."""
    instance = instances.start(house, w.ADA, "process_p", "credit")
    with transaction(house) as session:
        (task,) = execute(session, OPEN_TASK, {"instance": instance})
    instances.complete(house, w.BEN, task["id"], {"decision": "approve"})


if __name__ == "__main__":
    ours = opened()
    serve(lambda: one(ours))
