"""Backup and restore: the database by PostgreSQL's own programs, the files by digest, the checkpoints."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.config import Settings
from engine.errors import GatewrightError
from engine.store import addresses, binaries, migrations
from engine.store.files import Files
from engine.store.sessions import DatabaseUnreachable

_FORMAT = "gatewright backup 1"


class BackupFolderTaken(GatewrightError):
    """{folder} is there already and is not empty."""

    code = "backup-folder"
    hint = "Name a folder that does not exist yet."


class BackupDamaged(GatewrightError):
    """{folder} is not a whole backup: {reason}."""

    code = "backup-damaged"
    hint = "Use another backup; nothing was restored."


class DatabaseNotEmpty(GatewrightError):
    """The database that is to be restored into holds something already ({what})."""

    code = "restore-not-empty"
    hint = "Restore into a new data folder (GATEWRIGHT_DATA_DIR) or an empty database."


class ProgramFailed(GatewrightError):
    """{program} ended with code {code_of_exit}: {reason}."""

    code = "database-program"
    hint = "Read the program's own words above; the database was left as it was."


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What a backup holds."""

    folder: Path
    made_at: datetime
    revision: str
    server: int  #: PostgreSQL's version number, as 180004
    files: int
    dump_digest: str


def backup(settings: Settings, folder: Path) -> Backup:
    """Write database, files and checkpoints into a new folder, while the house runs or not.

    The database is dumped first: files are written before the rows that name them, so every file that the dump names
    is there afterwards. The signing key is left out; after a restore elsewhere a new one signs, and the old public
    key still proves the old checkpoints. Raises BackupFolderTaken, FileDamaged, ProgramFailed, DatabaseUnreachable.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupFolderTaken(folder=folder)
    places = addresses.of(settings)
    server = _server(places.owner)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    dump = folder / "database.dump"
    _run("pg_dump", server, places.owner, "--format=custom", "--no-owner", "--no-acl", f"--file={dump}")
    count = 0
    kept = Files(str(folder / "files"))
    source = _files(settings)
    for digest in source.digests():
        with source.local(digest) as path:
            kept.put(path)
        count += 1
    _copy_audit(settings.home / "audit", folder / "audit")
    made = Backup(
        folder=folder,
        made_at=datetime.now(UTC),
        revision=migrations.current(places.owner) or "",
        server=server,
        files=count,
        dump_digest=_digest(dump),
    )
    facts = {
        "format": _FORMAT,
        "made_at": made.made_at.isoformat(),
        "revision": made.revision,
        "server": server,
        "files": count,
        "dump": made.dump_digest,
    }
    # Written last: a folder without it is no backup.
    (folder / "backup.json").write_text(json.dumps(facts, indent=1) + "\n")
    return made


def restore(settings: Settings, folder: Path) -> Backup:
    """Restore a backup into an empty database and bring it to the newest revision; returns what was restored.

    Checkpoints that the data folder holds already are kept beside those of the backup, under another name. Whoever
    calls writes `database.restored` into the audit log. Raises BackupDamaged, DatabaseNotEmpty, ProgramFailed.
    """
    made = read(folder)
    places = addresses.of(settings)
    server = _server(places.owner)
    found = migrations.current(places.owner)
    if found is not None:
        raise DatabaseNotEmpty(what=f"revision {found}")
    with psycopg.connect(addresses.for_libpq(places.owner)) as connection:
        connection.execute("DROP TABLE IF EXISTS public.alembic_version")  # empty: a downgrade to the base leaves it
    kept = Files(str(folder / "files"))
    target = _files(settings)
    for digest in kept.digests():
        with kept.local(digest) as path:
            target.put(path)
    _run(
        "pg_restore",
        server,
        places.owner,
        "--no-owner",
        "--no-acl",
        "--single-transaction",
        "--exit-on-error",
        str(folder / "database.dump"),
    )
    migrations.upgrade_of(settings)
    _set_aside(settings.home / "audit" / "checkpoints.jsonl", folder / "audit" / "checkpoints.jsonl")
    _copy_audit(folder / "audit", settings.home / "audit")
    return made


def read(folder: Path) -> Backup:
    """What a backup says it holds, its dump checked; raises BackupDamaged."""
    try:
        facts: dict[str, Any] = json.loads((folder / "backup.json").read_text())
        if facts.get("format") != _FORMAT:
            raise BackupDamaged(folder=folder, reason=f"its format is {facts.get('format')!r}")
        made = Backup(
            folder=folder,
            made_at=datetime.fromisoformat(facts["made_at"]),
            revision=facts["revision"],
            server=facts["server"],
            files=facts["files"],
            dump_digest=facts["dump"],
        )
        if _digest(folder / "database.dump") != made.dump_digest:
            raise BackupDamaged(folder=folder, reason="database.dump is not the one that was written")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as strange:
        raise BackupDamaged(folder=folder, reason=str(strange) or repr(strange)) from strange
    found = sum(1 for _ in Files(str(folder / "files")).digests())
    if found != made.files:
        raise BackupDamaged(folder=folder, reason=f"it holds {found} files, {made.files} were written")
    return made


def _files(settings: Settings) -> Files:
    return Files(settings.files_url or str(settings.home / "files"))


def _server(url: str) -> int:
    try:
        with psycopg.connect(addresses.for_libpq(url), connect_timeout=10) as connection:
            return connection.info.server_version
    except psycopg.OperationalError as failure:
        raise DatabaseUnreachable(reason=" ".join(str(failure).split())) from failure


def _run(program: str, server: int, url: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs as the owner; the password goes by the environment, not by the command line."""
    facts = {name: str(value) for name, value in conninfo_to_dict(addresses.for_libpq(url)).items()}
    environment = {"PATH": os.defpath, "LC_ALL": "C", "PGPASSWORD": facts.pop("password", "")}
    ended = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        [_place(program, server), f"--dbname={make_conninfo('', **facts)}", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if ended.returncode != 0:
        reason = " ".join(ended.stderr.split())[-500:]
        raise ProgramFailed(program=program, code_of_exit=ended.returncode, reason=reason)


def _place(program: str, server: int) -> str:
    """The program that fits the server: 18's writes settings that 16 does not know."""
    major = 16 if server < 170000 else binaries.MAJOR
    try:
        return str(binaries.installed(major) / "bin" / program)
    except binaries.NoEmbeddedPostgres:
        found = shutil.which(program)
        if found is None:
            raise
        return found


def _copy_audit(source: Path, target: Path) -> None:
    """The checkpoints and the public keys; never the signing key."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(source.glob("*")):
        if path.is_file() and path.name != "signing-key.pem" and not (target / path.name).exists():
            shutil.copyfile(path, target / path.name)


def _set_aside(present: Path, coming: Path) -> None:
    """Keep the checkpoints of a log that the restored one does not continue: they can still be held against it."""
    if not present.exists() or (coming.exists() and coming.read_bytes() == present.read_bytes()):
        return
    number = 1
    while (aside := present.with_name(f"checkpoints-before-restore-{number}.jsonl")).exists():
        number += 1
    present.rename(aside)


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
