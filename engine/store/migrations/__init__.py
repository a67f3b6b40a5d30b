"""The schema's history: one linear chain of revisions, run by the owner of the database."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, MetaData, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

import engine
from engine.config import Settings
from engine.store import addresses, grants
from engine.store.base import Base
from engine.store.postgres import ERASER
from engine.store.sessions import DatabaseUnreachable

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic is imported where it works: every process asks for the newest revision, few ever migrate.
_FOLDER = Path(__file__).parent
# One migrator at a time; the number is ours alone within this database.
_LOCK = 7_114_001
_PARTITIONS = "SELECT relname FROM pg_class WHERE relispartition AND relkind IN ('r', 'p')"

#: the schemas of our rooms; whatever else the database holds is not ours to compare
SCHEMAS = frozenset(
    {
        "audit",
        "identity",
        "events",
        "runtime",
        "inventory",
        "inferences",
        "serving",
        "monitoring",
        "governance",
        "public",
    }
)


def upgrade(url: str, revision: str = "head", *, application: str | None = None, eraser: str | None = None) -> None:
    """Bring the database to `revision` and give the roles their rights, in one transaction.

    url: the database as its owner. application, eraser: the roles that work with it; None where the owner does all.
    """
    from alembic import command

    with _connected(url) as connection:
        command.upgrade(_config(connection), revision)
        grants.close(connection)
        for role, give in ((application, grants.to_application), (eraser, grants.to_eraser)):
            if role and role != addresses.user_of(url):
                give(connection, role)


def upgrade_of(settings: Settings) -> None:
    """Bring the database that the settings name to the newest revision, with the rights of its roles."""
    places = addresses.of(settings)
    eraser = ERASER if places.embedded else None
    upgrade(places.owner, application=places.application_role, eraser=eraser)


def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision`, or to `base`; what the later revisions held is lost."""
    from alembic import command

    with _connected(url) as connection:
        command.downgrade(_config(connection), revision)


def current(url: str) -> str | None:
    """The revision of the database, None where it was never migrated."""
    from alembic.migration import MigrationContext

    with _connected(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The newest revision that this Gatewright brings."""
    return max(known())


@cache
def known() -> frozenset[str]:
    """Every revision that this Gatewright brings: a file's name is its revision, and the names are in their order."""
    return frozenset(path.stem for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def differences(url: str) -> list[object]:
    """What the tables in the code and those in the database do not share; empty when the schema is right."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with _connected(url) as connection:
        partitions = set(connection.execute(text(_PARTITIONS)).scalars())

        def ours(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
            if kind == "schema":
                return name is None or name in SCHEMAS
            # procrastinate's tables have a history of their own; partitions are made as time goes by.
            return kind != "table" or (
                not str(name).startswith(("procrastinate_", "alembic_")) and name not in partitions
            )

        context = MigrationContext.configure(
            connection,
            opts={"include_schemas": True, "include_name": ours, "compare_type": True, "compare_server_default": True},
        )
        return list(compare_metadata(context, every_table()))


def every_table() -> MetaData:
    """The metadata with the tables of every room loaded."""
    home = Path(engine.__file__).parent
    for file in sorted(home.rglob("tables.py")):
        importlib.import_module(".".join(("engine", *file.relative_to(home).with_suffix("").parts)))
    return Base.metadata


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine_ = create_engine(addresses.for_sqlalchemy(url), poolclass=NullPool)
    try:
        with engine_.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection
    except OperationalError as failure:
        if failure.connection_invalidated or failure.statement is None:
            raise DatabaseUnreachable(reason=" ".join(str(failure.orig).split())) from failure
        raise
    finally:
        engine_.dispose()


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config(stdout=io.StringIO())
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
