"""What the database server was told, by its own log: the count that holds whatever way a statement took."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from engine.store import Store
from engine.store.postgres import EmbeddedPostgres

_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ UTC \[\d+\] ", re.MULTILINE)
_SAID = re.compile(r"\S+@(\w+)/gatewright (?!notifier)\w+ LOG:  (?:statement|execute [^:]*): (.*)", re.DOTALL)
_SAVEPOINTS = ("SAVEPOINT", "RELEASE", "ROLLBACK TO")
_BOUNDS = ("BEGIN", "COMMIT", "ROLLBACK")


class Heard(list[str]):
    """All that was said, in its order."""

    @property
    def statements(self) -> list[str]:
        """What is neither a bound of a transaction nor a savepoint."""
        return [each for each in self if not each.startswith((*_SAVEPOINTS, *_BOUNDS))]

    @property
    def commits(self) -> int:
        """How often a transaction was committed."""
        return self.count("COMMIT")


@contextmanager
def heard(server: EmbeddedPostgres, store: Store, superuser: psycopg.Connection) -> Iterator[Heard]:
    """The statements that the store's sessions send meanwhile; to be read behind the block.

    Not the notifier's: it wakes whoever waits, one statement for all that were committed within its pause.
    """
    name = superuser.info.dbname
    superuser.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
    store.engine.dispose()  # a session takes the setting when it begins
    with store.engine.connect():
        pass
    start = server.log.stat().st_size
    found = Heard()
    try:
        yield found
    finally:
        superuser.execute(f"ALTER DATABASE {name} RESET log_statement")
        store.engine.dispose()
        with server.log.open("rb") as log:
            log.seek(start)
            text = log.read().decode(errors="replace")
        for line in _LINE.split(text):
            said = _SAID.match(line)
            if said and said[1] == name:
                found.append(" ".join(said[2].split()))
