"""Which of several clocks leads: the one that holds a lock of a session, until it ends or its connection breaks.

The lock only saves work. A clock whose connection died may think for a while that it leads, and one behind a pooler may
never; so every effect looks again under its instance's lock, and the others tick too, only more seldom.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress

import psycopg

from engine.store import Store, addresses

_log = logging.getLogger(__name__)
#: how often it is asked for
LOOK_SECONDS = 1.0
#: an advisory lock of this database, by two numbers that nobody else uses
_LOCK = (1_734_964_599, 1_668_050_795)
#: the server finds out within this time that the other end is gone, and gives the lock to another
_KEEPALIVE = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"


class Lead:
    """The lead, held or waited for."""

    def __init__(self, house: Store) -> None:
        self._url = addresses.for_libpq(addresses.of(house.settings).direct)
        self._connection: psycopg.Connection | None = None
        self._guard = threading.Lock()
        self.held = False

    def look(self) -> bool:
        """Whether this clock leads now: asks for the lead where it is free, and whether it is still ours."""
        with self._guard:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = psycopg.connect(
                        self._url,
                        autocommit=True,
                        application_name="gatewright clock lead",
                        connect_timeout=5,
                        options=_KEEPALIVE,
                    )
                    self._told(False)
                if self.held:
                    self._connection.execute("SELECT 1")
                else:
                    row = self._connection.execute("SELECT pg_try_advisory_lock(%s, %s)", _LOCK).fetchone()
                    self._told(bool(row and row[0]))
            except psycopg.Error as failure:
                _log.debug("The lead cannot be asked for: %s", failure)
                self._close()
                self._told(False)
            return self.held

    def close(self) -> None:
        """Give the lead to another."""
        with self._guard:
            self._close()
            self.held = False

    def _told(self, held: bool) -> None:
        if held != self.held:
            _log.info("This clock %s", "leads" if held else "no longer leads")
        self.held = held

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
        self._connection = None
