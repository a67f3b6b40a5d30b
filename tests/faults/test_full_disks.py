"""A disk is full: what was asked for is refused by name, nothing is half written, and with room again all goes on."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from engine import audit
from engine.config import Settings
from engine.runtime import instances, registry, wakeups
from engine.store import Store, TestClock, migrations, open_store, transaction, trouble
from engine.store.files import Files, FileStoreFull
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres
from engine.store.sessions import DatabaseFull, DatabaseUnreachable
from tests.conftest import place
from tests.runtime import worlds as w

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk of a few megabytes")


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of this size at the folder; skips the test where nothing can be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def filled(folder: Path, left: int) -> Path:
    """A file that leaves only so many bytes."""
    ballast = folder / "ballast"
    free = shutil.disk_usage(folder).free - left
    with ballast.open("wb") as target:
        for _ in range(free >> 16):
            target.write(b"\0" * (1 << 16))
    return ballast


@registry.service_task("keep_for_tests", kind="job", attempts=1, breaker=None)
def keep(parameters: w.Word, ctx: Any) -> dict[str, str]:
    """Keeps a file of some hundred kilobytes."""
    return {"digest": ctx.files.put(parameters.word.encode() * 200_000)}


@needs_root
def test_a_full_file_store_is_an_incident_and_the_step_is_done_once_there_is_room(
    settings: Settings, clock: TestClock, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small", 2) as disk:
        changed = settings.model_copy(update={"files_url": str(disk / "files")})
        house = open_store(changed, clock=clock, application="command")
        kept = house.files.put(b"kept before")
        ballast = filled(disk, 50_000)
        w.given_a_published(house, w.process_p(handler="keep_for_tests"))
        instance = instances.start(house, w.ADA, "process_p")
        w.work_off(house)
        (incident,) = w.detail(house, instance).incidents
        assert "file-store-full" in incident.cause
        assert [file for file in disk.rglob("*") if file.is_file()] == [ballast, *disk.rglob(kept)]
        ballast.unlink()
        instances.retry(house, w.BEN, instance)
        w.work_off(house)
        (task,) = w.open_tasks(house, instance)
        assert house.files.read(task.variables["first"]["digest"]) == b"one" * 200_000
        wakeups.close()
        house.close()


LIMITED = """
import resource, signal, sys
from pathlib import Path
from engine.store.files import Files, FileStoreFull
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, resource.RLIM_INFINITY))
files = Files(sys.argv[1])
files.put(b"small")
try:
    files.put(bytes(1 << 17))
except FileStoreFull as full:
    print(full.code, sorted(file.name for file in Path(sys.argv[1]).rglob("*") if file.is_file()))
"""


def test_what_is_larger_than_may_be_written_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    """The same where nobody can mount anything: the system's own limit of a file's size."""
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, timeout=60)
    small = Files(str(tmp_path)).put(b"small")
    assert done.stdout == f"file-store-full ['{small}']\n", done.stderr
    assert FileStoreFull.status == 507
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.fixture
def small_database(tmp_path: Path) -> Iterator[tuple[EmbeddedPostgres, Path]]:
    """A server whose data lie on a disk of 120 megabytes, with fsync."""
    server = EmbeddedPostgres(place())
    server.start()
    server.stop()
    data, aside = server.folder / "data", tmp_path / "aside"
    data.rename(aside)
    data.mkdir()
    try:
        with small_disk(data, 120):
            subprocess.run(["cp", "-a", f"{aside}/.", str(data)], check=True)
            state = aside.stat()
            os.chown(data, state.st_uid, state.st_gid)
            data.chmod(0o700)
            server.start()
            try:
                yield server, data
            finally:
                server.stop()
    finally:
        shutil.rmtree(server.folder, ignore_errors=True)


@needs_root
def test_a_full_database_refuses_by_name_and_goes_on_with_room(
    small_database: tuple[EmbeddedPostgres, Path], tmp_path: Path
) -> None:
    server, disk = small_database
    migrations.upgrade(server.url("owner"), application=APPLICATION, eraser=ERASER)
    settings = Settings(data_dir=tmp_path / "data", database_url=SecretStr(server.url()))
    house = open_store(settings, clock=TestClock(), application="command")
    w.RECORDER.failures.clear()
    w.given_a_published(house, w.process_p())
    ballast = filled(disk, 1 << 18)
    started, refused = [], None
    for n in range(5_000):
        try:
            started.append(instances.start(house, w.ADA, "process_p", f"s{n}"))
        except DBAPIError as failure:
            refused = trouble(failure)
            break
    # Where the log of the server itself finds no room, it ends: then the database does not answer.
    assert isinstance(refused, DatabaseFull | DatabaseUnreachable)
    ballast.unlink()
    server.ensure()
    _every_one_ends(house, started)
    wakeups.close()
    house.close()


def _every_one_ends(house: Store, started: list[Any]) -> None:
    from engine.runtime import queries

    with transaction(house) as session:
        found = queries.instances(session, limit=5_000)
    # The one that was refused is there whole, or not at all.
    assert {row.id for row in found.rows} >= set(started)
    assert found.total <= len(started) + 1
    for row in found.rows:
        (task,) = w.open_tasks(house, row.id)
        instances.complete(house, w.BEN, task.id, {"decision": "reject"})
        assert w.detail(house, row.id).instance.state == "finished"
    audit.checkpoint(house)
    assert audit.verify(house).intact
