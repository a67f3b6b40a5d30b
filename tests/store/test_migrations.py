"""The schema's history: up, down, up again, and equal to the tables in the code."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from pydantic import SecretStr

from engine.config import Settings
from engine.store import Store, binaries, migrations
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres
from engine.store.sessions import DatabaseUnreachable


def schema(url: str) -> str:
    """The database's schema with its rights, as pg_dump writes it."""
    dumped = subprocess.run(
        [binaries.installed() / "bin" / "pg_dump", "--schema-only", url], capture_output=True, text=True, check=True
    )
    # A random word guards each dump against psql's own commands.
    return re.sub(r"^\\(un)?restrict .*$", "", dumped.stdout, flags=re.MULTILINE)


def test_the_names_of_the_files_are_the_revisions_in_the_order_in_which_they_run() -> None:
    """Who asks for the newest reads no more than names."""
    chain = list(ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions())
    assert [each.revision for each in chain] == sorted(migrations.known(), reverse=True)
    assert migrations.head() == chain[0].revision


def test_the_schema_goes_up_and_down_and_comes_up_the_same(
    cluster: EmbeddedPostgres, new_database: Callable[..., str]
) -> None:
    url = cluster.url("owner", new_database())
    migrations.upgrade(url, application=APPLICATION, eraser=ERASER)
    assert migrations.current(url) == migrations.head()
    first = schema(url)
    assert "CREATE TABLE audit.entries" in first
    migrations.upgrade(url, application=APPLICATION, eraser=ERASER)
    assert schema(url) == first
    migrations.downgrade(url, "base")
    assert migrations.current(url) is None
    left = schema(url)
    assert "CREATE TABLE public.alembic_version" in left
    assert left.count("CREATE TABLE") == 1
    assert not re.search(r"CREATE (SCHEMA|FUNCTION|TYPE|SEQUENCE)", left)
    migrations.upgrade(url, application=APPLICATION, eraser=ERASER)
    assert schema(url) == first


def test_the_schema_goes_down_one_revision_at_a_time(
    cluster: EmbeddedPostgres, new_database: Callable[..., str]
) -> None:
    url = cluster.url("owner", new_database())
    migrations.upgrade(url)
    steps = 0
    while migrations.current(url) is not None:
        before = migrations.current(url)
        migrations.downgrade(url, "-1")
        assert migrations.current(url) != before
        steps += 1
    assert steps >= 9


def test_the_tables_in_the_code_are_those_in_the_database(cluster: EmbeddedPostgres, template: str) -> None:
    assert migrations.differences(cluster.url("owner", template)) == []


def test_a_difference_is_seen(cluster: EmbeddedPostgres, template: str, new_database: Callable[..., str]) -> None:
    url = cluster.url("owner", new_database(template))
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE events.outbox ADD COLUMN extra text")
        connection.execute("DROP INDEX identity.ix_tokens_person")
    told = str(migrations.differences(url))
    assert "extra" in told
    assert "ix_tokens_person" in told


def test_a_job_is_queued_by_the_application_and_wakes_nobody_inside_its_transaction(store: Store) -> None:
    """procrastinate's own trigger would notify inside, which serialises the commits of the whole database."""
    url = store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    app = App(connector=SyncPsycopgConnector(conninfo=url))
    with psycopg.connect(url, autocommit=True) as listener, app.open():
        listener.execute("LISTEN procrastinate_any_queue_v1")
        app.configure_task("run_handler", queue="core", queueing_lock="token").defer(token="i/t")
        assert list(listener.notifies(timeout=0.3)) == []
        assert listener.execute("SELECT task_name, status::text FROM procrastinate_jobs").fetchall() == [
            ("run_handler", "todo")
        ]


def test_a_worker_of_the_application_runs_a_job(store: Store) -> None:
    url = store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    app = App(connector=PsycopgConnector(conninfo=url))
    seen: list[str] = []

    @app.task(name="run_handler", queue="core")
    def run_handler(token: str) -> None:
        seen.append(token)

    async def work() -> None:
        async with app.open_async():
            await run_handler.defer_async(token="i/t")
            await app.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")

    import asyncio

    asyncio.run(work())
    assert seen == ["i/t"]


def test_the_tables_that_change_with_every_job_are_vacuumed_early(superuser: psycopg.Connection) -> None:
    found = superuser.execute(
        "SELECT relname FROM pg_class WHERE 'autovacuum_vacuum_scale_factor=0.01' = ANY(reloptions)"
    ).fetchall()
    assert {"procrastinate_jobs", "procrastinate_events", "streams", "outbox"} <= {name for (name,) in found}


def test_another_version_of_the_queue_is_refused(
    cluster: EmbeddedPostgres, new_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import metadata

    monkeypatch.setattr(metadata, "version", lambda name: "3.11.0")
    url = cluster.url("owner", new_database())
    with pytest.raises(RuntimeError, match=r"3\.11\.0 is installed"):
        migrations.upgrade(url)
    assert migrations.current(url) is None


def test_a_database_that_does_not_answer_is_one_line(settings: Settings) -> None:
    with pytest.raises(DatabaseUnreachable) as failure:
        migrations.current(SecretStr("postgresql://ada:secret@127.0.0.1:1/none").get_secret_value())
    assert "secret" not in str(failure.value)
    assert "\n" not in str(failure.value)
