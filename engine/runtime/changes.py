"""Hearing which instances moved: the other end of `wakeups`, for processes that show pages."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from engine.runtime.wakeups import CHANGED
from engine.store import Store, addresses


class ListenerLost(Exception):
    """The connection to the database is gone; listen again."""


class Listener:
    """One connection that listens; what is told while there is none is not heard, so pages also poll."""

    def __init__(self, house: Store) -> None:
        """Connect; raises ListenerLost where no server answers."""
        try:
            self._connection = psycopg.connect(
                addresses.of(house.settings).direct, autocommit=True, application_name="gatewright pages"
            )
            self._connection.execute(f"LISTEN {CHANGED}")
        except psycopg.Error as failure:
            raise ListenerLost from failure

    def heard(self, seconds: float) -> Iterator[str]:
        """The ids of instances that moved, as they are told, for so long; raises ListenerLost."""
        try:
            for note in self._connection.notifies(timeout=seconds):
                yield from filter(None, note.payload.split(","))
        except psycopg.Error as failure:
            raise ListenerLost from failure

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
