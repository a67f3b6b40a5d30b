"""Whether a process could work now, in words that name no address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import SecretStr

from engine.config import Settings
from engine.store import Files, Store, health, migrations, open_store, sessions
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres

FINE = {"database": "ok", "migrations": "ok", "files": "ok"}


@pytest.fixture(autouse=True)
def asked_anew():
    health._found.clear()


def test_a_house_that_could_work_says_so_and_leaves_nothing_behind(store: Store) -> None:
    assert health.checks(store) == FINE
    assert list(store.files.digests()) == []
    assert not any((store.settings.home / "files" / "coming").iterdir())


def test_a_database_that_is_behind_is_told_with_what_to_do(
    cluster: EmbeddedPostgres, new_database: Callable[..., str], settings: Settings
) -> None:
    name = new_database()
    migrations.upgrade(cluster.url("owner", name), application=APPLICATION, eraser=ERASER)
    given = settings.model_copy(update={"database_url": SecretStr(cluster.url("application", name))})
    store = open_store(given)
    assert health.checks(store) == FINE
    migrations.downgrade(cluster.url("owner", name), "-1")
    health._found.clear()
    assert health.checks(store)["migrations"] == "run `gatewright db upgrade`"
    store.close()


def test_a_database_of_a_later_version_is_fine(store: Store, superuser) -> None:
    """Migrations expand first: who is older goes on beside whoever migrated."""
    superuser.execute("UPDATE public.alembic_version SET version_num = '9999_of_a_later_release'")
    assert health.checks(store) == FINE


def test_a_database_that_is_away_is_told_without_its_address(store: Store) -> None:
    nowhere = sessions.connect("postgresql://somebody:secret@127.0.0.1:1/nowhere", application="command")
    away = replace(store, engine=nowhere)
    found = health.checks(away)
    assert found == {"database": "it does not answer", "migrations": "not known", "files": "ok"}
    nowhere.dispose()


def test_files_that_cannot_be_written_are_told(store: Store, tmp_path) -> None:
    (tmp_path / "a-file").write_text("and no folder")
    assert health.checks(replace(store, files=Files(str(tmp_path / "a-file"))))["files"] == "they cannot be written"


def test_whoever_asks_often_asks_the_database_seldom(store: Store) -> None:
    from sqlalchemy import event

    said: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda c, cur, text, *_: said.append(text))
    for _ in range(20):
        health.checks(store)
    assert len(said) <= 2
