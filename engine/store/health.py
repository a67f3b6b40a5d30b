"""Whether a process could work now: its database answers and is migrated, its files can be written."""

from __future__ import annotations

import threading
import time

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from engine.store import migrations
from engine.store.sessions import Store

OK = "ok"
#: whoever asks more often is told what was found last: anybody may ask
_KEPT_SECONDS = 2.0

_lock = threading.Lock()
_found: dict[int, tuple[float, dict[str, str]]] = {}


def checks(store: Store) -> dict[str, str]:
    """`ok`, or what is wrong in a few words without addresses, for: database, migrations, files."""
    with _lock:
        at, found = _found.get(id(store), (0.0, {}))
        if not found or time.monotonic() - at > _KEPT_SECONDS:
            found = {**_database(store), "files": _files(store)}
            _found[id(store)] = (time.monotonic(), found)
        return dict(found)


def _database(store: Store) -> dict[str, str]:
    try:
        with store.engine.connect() as connection:
            revision = connection.execute(text("SELECT version_num FROM public.alembic_version")).scalar()
    except SQLAlchemyError:
        return {"database": "it does not answer", "migrations": "not known"}
    # A revision that we do not know is a newer one: migrations expand first, so that we go on beside it.
    behind = revision is None or (revision != migrations.head() and revision in migrations.known())
    return {"database": OK, "migrations": "run `gatewright db upgrade`" if behind else OK}


def _files(store: Store) -> str:
    try:
        store.files.probe()
    except Exception:  # whatever a file system of fsspec's raises
        return "they cannot be written"
    return OK
