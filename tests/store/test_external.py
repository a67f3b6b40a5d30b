"""An external PostgreSQL by URL, 16 and 18: the servers of the wheel, with roles that another has made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from engine import audit, events
from engine.config import Settings
from engine.identity import people, sign_in
from engine.store import addresses, backup, migrations, open_store, transaction
from engine.store.postgres import EmbeddedPostgres
from engine.store.roles import roles_state
from tests.conftest import place


@pytest.fixture(params=[16, 18])
def external(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    folder = place()
    server = EmbeddedPostgres(folder, major=request.param, durable=False)
    server.start()
    with psycopg.connect(server.url("admin", "postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE ada LOGIN PASSWORD 'a b/c@d'")
        for name in ("house", "copy"):
            connection.execute(f"CREATE DATABASE {name} OWNER gatewright_owner")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def settings_for(server: EmbeddedPostgres, tmp_path: Path, name: str, *, roles: int) -> Settings:
    """Settings with a role of its own for the application, or with the owner doing all."""
    owner = server.url("owner", name)
    worker = owner.replace(owner[len("postgresql://") : owner.index("@/")], "ada:a%20b%2Fc%40d")
    return Settings(
        data_dir=tmp_path / name,
        database_url=SecretStr(worker if roles == 2 else owner),
        database_owner_url=SecretStr(owner) if roles == 2 else None,
    )


def test_the_house_lives_on_it(external: EmbeddedPostgres, tmp_path: Path) -> None:
    settings = settings_for(external, tmp_path, "house", roles=2)
    assert addresses.of(settings).application_role == "ada"
    migrations.upgrade_of(settings)
    store = open_store(settings)
    try:
        word = people.first_admin(store)
        assert word is not None
        assert sign_in.authenticate(store, "admin", word).roles == {"admin"}
        with transaction(store) as session:
            events.emit(session, "thing.happened", "x")
            audit.record(session, "system", "thing.done", actor="admin")
        audit.checkpoint(store)
        assert audit.verify(store).intact
        state = roles_state(settings)
        assert state.separated
        assert state.line().startswith("ada works, gatewright_owner owns")
        assert migrations.differences(addresses.of(settings).owner) == []
    finally:
        store.close()
    backup.backup(settings, tmp_path / "backup")
    copy = settings_for(external, tmp_path, "copy", roles=2)
    backup.restore(copy, tmp_path / "backup")
    store = open_store(copy)
    try:
        assert audit.verify(store).intact
        assert audit.verify(store).rows == 3
    finally:
        store.close()


def test_with_one_role_the_guards_hold_and_status_says_what_is_missing(
    external: EmbeddedPostgres, tmp_path: Path
) -> None:
    settings = settings_for(external, tmp_path, "house", roles=1)
    migrations.upgrade_of(settings)
    store = open_store(settings)
    try:
        with transaction(store) as session:
            audit.record(session, "system", "thing.done", actor="admin")
        owner = addresses.of(settings).owner
        for statement in ("UPDATE audit.entries SET seq = 2", "DELETE FROM audit.payloads", "TRUNCATE audit.streams"):
            with psycopg.connect(owner) as connection, pytest.raises(psycopg.Error, match="append-only"):
                connection.execute(statement)
        state = roles_state(settings)
        assert not state.separated
        assert state.line().startswith("one role only: gatewright_owner owns the tables")
        assert audit.erase(owner, "system", 1, by="admin", reason="asked") == 2
        assert audit.verify(store).intact
    finally:
        store.close()
