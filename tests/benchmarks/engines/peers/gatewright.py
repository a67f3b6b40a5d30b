"""Process P in Gatewright, as a web worker runs it: transactional handlers, full history and audit."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from pydantic import SecretStr

from engine.config import Settings
from engine.runtime import instances
from engine.store import Store, addresses, open_store
from tests.benchmarks.engines.peers import database, serve
from tests.runtime import worlds as w

OPEN_TASK = "SELECT id FROM runtime.user_tasks WHERE instance = %(instance)s AND state = 'open'"

_own = threading.local()


def opened(application: str = "web") -> Store:
    """The house on the benchmark's database."""
    data = Path(tempfile.mkdtemp(prefix="gatewright-benchmark-"))
    return open_store(Settings(data_dir=data, database_url=SecretStr(database())), application=application)


def look(house: Store, statement: str, instance: UUID) -> Any:
    """The one value that is found of an instance; None where there is none. On a connection of the client's own."""
    if not hasattr(_own, "connection"):
        _own.connection = psycopg.connect(addresses.of(house.settings).direct, autocommit=True)
    row = _own.connection.execute(statement, {"instance": instance}).fetchone()
    return row and row[0]


def one(house: Store) -> None:
    """Start a P, look which task it opened, and complete it."""
    instance = instances.start(house, w.ADA, "process_p", "credit")
    instances.complete(house, w.BEN, look(house, OPEN_TASK, instance), {"decision": "approve"})


if __name__ == "__main__":
    ours = opened()
    serve(lambda: one(ours))
