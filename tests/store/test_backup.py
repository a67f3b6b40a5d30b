"""A backup brings back what was there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from engine import audit
from engine.config import Settings
from engine.identity import Person, people, queries
from engine.store import Store, backup, migrations, open_store, transaction
from engine.store.files import FileDamaged
from engine.store.postgres import EmbeddedPostgres
from engine.store.roles import roles_state

ROOT = Person(id="root", name="Root", roles=frozenset({"admin"}))


@pytest.fixture
def elsewhere(cluster: EmbeddedPostgres, new_database: Callable[..., str], tmp_path: Path) -> Settings:
    """Settings that name an empty database and an empty data folder."""
    name = new_database()
    return Settings(
        data_dir=tmp_path / "elsewhere",
        database_url=SecretStr(cluster.url("application", name)),
        database_owner_url=SecretStr(cluster.url("owner", name)),
    )


def given_a_house_with_something_in_it(store: Store) -> str:
    with transaction(store) as session:
        people.add(session, ROOT, "ada", name="Ada", roles=["data_scientist"])
    audit.checkpoint(store)
    return store.files.put(b"a model")


def test_what_was_backed_up_is_there_after_the_restore(store: Store, elsewhere: Settings, tmp_path: Path) -> None:
    digest = given_a_house_with_something_in_it(store)
    made = backup.backup(store.settings, tmp_path / "backup")
    assert made.files == 1
    restored = backup.restore(elsewhere, tmp_path / "backup")
    assert restored == made
    other = open_store(elsewhere)
    try:
        assert other.files.read(digest) == b"a model"
        with transaction(other) as session:
            assert queries.get(session, "ada").roles == {"data_scientist"}
        report = audit.verify(other)
        assert report.intact, report.lines()
        assert report.checkpoints == 1
        # A key of its own signs from here on, and the rights of the roles are those of a fresh database.
        with transaction(other) as session:
            audit.record(session, "system", "database.restored", actor="root")
        audit.checkpoint(other)
        assert audit.verify(other).intact
        assert len(audit.verify(other).keys) == 2
        assert roles_state(elsewhere).separated
    finally:
        other.close()


def test_a_log_that_was_taken_back_shows_in_the_checkpoints_set_aside(store: Store, tmp_path: Path) -> None:
    given_a_house_with_something_in_it(store)
    backup.backup(store.settings, tmp_path / "backup")
    with transaction(store) as session:
        audit.record(session, "system", "thing.done", actor="ada")
    audit.checkpoint(store)
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit.checkpoints")).scalar_one() == 2
    store.close()
    owner = store.settings.database_owner_url
    assert owner is not None
    migrations.downgrade(owner.get_secret_value(), "base")
    backup.restore(store.settings, tmp_path / "backup")
    report = audit.verify(store)
    assert report.intact
    assert report.checkpoints == 1
    aside = store.settings.home / "audit" / "checkpoints-before-restore-1.jsonl"
    assert len(aside.read_text().splitlines()) == 2


def test_a_database_that_holds_something_is_not_restored_into(store: Store, tmp_path: Path) -> None:
    given_a_house_with_something_in_it(store)
    backup.backup(store.settings, tmp_path / "backup")
    with pytest.raises(backup.DatabaseNotEmpty):
        backup.restore(store.settings, tmp_path / "backup")
    with pytest.raises(backup.BackupFolderTaken):
        backup.backup(store.settings, tmp_path / "backup")


def test_a_damaged_backup_is_refused_before_anything_is_restored(
    store: Store, elsewhere: Settings, tmp_path: Path
) -> None:
    given_a_house_with_something_in_it(store)
    made = backup.backup(store.settings, tmp_path / "backup")
    dump = made.folder / "database.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(backup.BackupDamaged, match="not the one that was written"):
        backup.restore(elsewhere, made.folder)
    dump.write_bytes(whole)
    (file,) = [path for path in (made.folder / "files").rglob("*") if path.is_file()]
    content = file.read_bytes()
    file.write_bytes(b"another model")
    with pytest.raises(FileDamaged):
        backup.restore(elsewhere, made.folder)
    file.unlink()
    with pytest.raises(backup.BackupDamaged, match="0 files, 1 were written"):
        backup.restore(elsewhere, made.folder)
    file.write_bytes(content)
    backup.restore(elsewhere, made.folder)


def test_a_folder_that_is_no_backup_is_refused(elsewhere: Settings, tmp_path: Path) -> None:
    with pytest.raises(backup.BackupDamaged, match=r"backup\.json"):
        backup.restore(elsewhere, tmp_path)


def test_the_signing_key_and_no_password_are_in_a_backup(store: Store, tmp_path: Path) -> None:
    given_a_house_with_something_in_it(store)
    made = backup.backup(store.settings, tmp_path / "backup")
    names = {path.name for path in made.folder.rglob("*")}
    assert "signing-key.pem" not in names
    assert "checkpoints.jsonl" in names
    assert made.folder.stat().st_mode & 0o777 == 0o700
