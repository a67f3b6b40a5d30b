"""Wakes workers and pages after a commit, at most fifty times a second.

NOTIFY inside a transaction takes a database-wide lock until the commit is flushed (8 writers: 2,173 commits/s without,
398 with). So one thread a process notifies after commits, all that came together in one statement; who misses a
notification finds the work by polling. Nothing is lost with a notification, so that thread's commits wait for no disk.
"""

from __future__ import annotations

import json
import logging
import threading
from uuid import UUID

import psycopg
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from engine.store import Store, addresses, after_commit

_log = logging.getLogger(__name__)

#: told to pages: the ids of the instances that moved
CHANGED = "gatewright_changed"
#: procrastinate's own channel for one queue: its workers listen to those of the queues that they were given
JOBS = "procrastinate_queue_v1#"
_INSERTED = json.dumps({"type": "job_inserted", "job_id": 0})
_NOTIFY = "SELECT pg_notify(channel, payload) FROM unnest(%s::text[], %s::text[]) AS notes (channel, payload)"
_PAUSE_SECONDS = 0.005


class Notifier:
    """Sends what gathered since its last statement; one thread, one connection, restarted when it breaks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._changed: set[str] = set()
        self._packs: set[str] = set()
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notifier", daemon=True)
        self._thread.start()

    def note(self, *, instance: str | None = None, pack: str | None = None) -> None:
        """Something was committed that others wait for."""
        with self._lock:
            if instance:
                self._changed.add(instance)
            if pack:
                self._packs.add(pack)
        if not self._awake.is_set():
            self._awake.set()

    def close(self) -> None:
        """Send what is left and end."""
        self._stop.set()
        self._awake.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        connection: psycopg.Connection | None = None
        while True:
            self._awake.wait()
            self._awake.clear()
            with self._lock:
                changed, packs = sorted(self._changed), sorted(self._packs)
                self._changed, self._packs = set(), set()
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(self._url, autocommit=True, application_name="gatewright notifier")
                    connection.execute("SET synchronous_commit = off")
                notes = [(f"{JOBS}{pack}", _INSERTED) for pack in packs]
                # A payload holds 8,000 bytes at most: 100 ids of 36 characters fit.
                notes += [(CHANGED, ",".join(changed[start : start + 100])) for start in range(0, len(changed), 100)]
                if notes:
                    connection.execute(_NOTIFY, [list(each) for each in zip(*notes, strict=True)])
            except psycopg.Error as failure:
                _log.debug("No notification: %s; the others poll", failure)
                if connection is not None:
                    connection.close()
                connection = None
            if self._stop.is_set():
                if connection is not None:
                    connection.close()
                return
            self._stop.wait(_PAUSE_SECONDS)


_notifiers: dict[str, Notifier] = {}
#: the same by the store's engine: the embedded server's address is read from a file
_known: dict[Engine, Notifier] = {}
_guard = threading.Lock()


def notifier(house: Store) -> Notifier:
    """The notifier of this process for this database."""
    if known := _known.get(house.engine):
        return known
    url = addresses.of(house.settings).direct
    with _guard:
        if url not in _notifiers:
            _notifiers[url] = Notifier(url)
        _known[house.engine] = _notifiers[url]
        return _notifiers[url]


def close() -> None:
    """End this process's notifiers, sending what is left."""
    with _guard:
        for each in _notifiers.values():
            each.close()
        _notifiers.clear()
        _known.clear()


def changed(session: Session, house: Store, instance: UUID) -> None:
    """Tell pages that the instance moved, once this transaction is committed."""
    after_commit(session, lambda: notifier(house).note(instance=str(instance)))


def jobs_waiting(session: Session, house: Store, pack: str) -> None:
    """Wake a worker that has the pack, once this transaction is committed."""
    after_commit(session, lambda: notifier(house).note(pack=pack))
