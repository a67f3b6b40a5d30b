"""The embedded PostgreSQL: made by our own initdb, run as an unprivileged user, behind a password and a closed folder.

It is for trying out, single machines and tests; production is an external PostgreSQL by URL.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from engine.config import Settings
from engine.errors import GatewrightError
from engine.store import binaries

DATABASE = "gatewright"
ADMIN, OWNER, APPLICATION, ERASER = "gatewright_admin", "gatewright_owner", "gatewright_app", "gatewright_eraser"
ROLES = {"admin": ADMIN, "owner": OWNER, "application": APPLICATION, "eraser": ERASER}

#: sun_path holds 108 bytes with its closing zero
_LONGEST_SOCKET = 107
_LOG_LIMIT = 16 << 20
_PR_SET_PDEATHSIG = 1


class DatabaseMissing(GatewrightError):
    """No database was made yet in {folder}."""

    code = "database-missing"
    hint = "Start the house with `gatewright up`, or set GATEWRIGHT_DATABASE_URL."
    status = 503


class DatabaseVersionDiffers(GatewrightError):
    """The database in {folder} is of PostgreSQL {found}, this Gatewright brings {wanted}."""

    code = "database-version"
    hint = "Make a backup with the Gatewright that wrote it (`gatewright db backup`) and restore it into a new folder."


class DatabaseOwned(GatewrightError):
    """The database in {folder} is run by another process (pid {pid})."""

    code = "database-owned"
    hint = "Use the house that is running, or end it with `gatewright stop`."


class SocketPathTooLong(GatewrightError):
    """The database's socket would be at {path}, {length} bytes long; the system allows {limit}."""

    code = "socket-path-too-long"
    hint = "Set GATEWRIGHT_DATABASE_DIR to a folder with a short name."


class DatabaseDidNotStart(GatewrightError):
    """The database in {folder} did not start: {reason}."""

    code = "database-start"
    hint = "Look into its log, {log}."
    status = 503


class FolderNotOurs(GatewrightError):
    """{folder} belongs to another user, or others may write to it."""

    code = "database-folder-foreign"
    hint = "Set GATEWRIGHT_DATABASE_DIR to a folder of your own."


def default_folder(home: Path) -> Path:
    """Where the database of the data folder `home` lives: a short folder of its own, the same at every start."""
    name = hashlib.sha256(str(home).encode()).hexdigest()[:10]
    if os.geteuid() == 0:
        return Path("/var/lib/gatewright") / name
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "gatewright" / name


class EmbeddedPostgres:
    """One database cluster in one folder, and the server process on it while we own it.

    One owner process calls `start`, then `ensure` from time to time, then `stop`; every other process uses `url`.
    `start` and `ensure` are to be called from a thread that lives on: the server is told to end when it ends.
    """

    def __init__(self, folder: Path, *, major: int = binaries.MAJOR, durable: bool = True) -> None:
        self.folder = folder.expanduser().absolute()
        self.major = major
        #: False only for tests: no fsync, a crash of the machine may lose the database
        self.durable = durable
        self._user = binaries.server_user()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @classmethod
    def of(cls, settings: Settings) -> EmbeddedPostgres:
        """The cluster that belongs to the settings' data folder."""
        return cls(settings.database_dir or default_folder(settings.home))

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _socket(self) -> Path:
        return self.folder / "socket"

    def url(self, role: str = "application", database: str = DATABASE) -> str:
        """How `role` (application, owner, eraser, admin) reaches the database; raises DatabaseMissing."""
        try:
            word = (self.folder / "passwords" / role).read_text()
        except FileNotFoundError as missing:
            raise DatabaseMissing(folder=self.folder) from missing
        return f"postgresql://{ROLES[role]}:{word}@/{database}?host={quote(str(self._socket))}"

    def start(self, progress: Callable[[str], None] = lambda line: None, *, patience: float = 600) -> None:
        """Make the cluster where there is none, start the server and wait until it answers.

        progress: called with a line about each step, and every few seconds of a recovery after a crash.
        patience: seconds after which DatabaseDidNotStart is raised.
        Raises DatabaseOwned, DatabaseVersionDiffers, SocketPathTooLong, FolderNotOurs, NoEmbeddedPostgres.
        """
        self._refuse_long_socket()
        binaries.refuse_unreachable(self._user, self.folder)
        self._open_folder()
        self._own()
        try:
            programs = binaries.usable_by(self._user, self.folder, major=self.major)
            if not self._made():
                progress(f"Making a database in {self.folder}")
                self._make(programs)
            self._refuse_other_version()
            self._end_leftover(programs)
            self._run(programs, progress, patience)
            self._make_roles()
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int | None:
        """The server process that we started, while it lives."""
        return self._process.pid if self._process is not None and self.running() else None

    def running(self) -> bool:
        """Whether the server process that we started lives."""
        return self._process is not None and self._process.poll() is None

    def ensure(self, progress: Callable[[str], None] = lambda line: None) -> bool:
        """Start the server again where it has died; returns whether it had."""
        if self.running():
            return False
        if self._lock is None:
            self.start(progress)
            return True
        progress("The database server has ended unasked; starting it again")
        programs = binaries.usable_by(self._user, self.folder, major=self.major)
        self._end_leftover(programs)
        self._run(programs, progress, patience=600)
        return True

    def stop(self, *, patience: float = 60) -> None:
        """End the server: sessions are cut, everything committed is on disk. Harmless where none runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                # Immediate shutdown: the next start recovers from the log.
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait(patience)
        self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    # The folder

    def _refuse_long_socket(self) -> None:
        path = str(self._socket / ".s.PGSQL.5432")
        if len(os.fsencode(path)) > _LONGEST_SOCKET:
            raise SocketPathTooLong(path=path, length=len(os.fsencode(path)), limit=_LONGEST_SOCKET)

    def _open_folder(self) -> None:
        """Our folder, open to the server's group for passing through, closed to everybody else."""
        for parent in reversed([p for p in self.folder.parents if not p.exists()]):
            parent.mkdir(mode=0o755, exist_ok=True)
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(self.folder, 0, self._user.gid)
                self.folder.chmod(0o710)
        state = self.folder.stat()
        if state.st_uid != os.geteuid() or state.st_mode & 0o022:
            raise FolderNotOurs(folder=self.folder)
        for path in (self._data, self._socket):
            if not path.exists():
                path.mkdir(mode=0o700)
                if os.geteuid() == 0:
                    os.chown(path, self._user.uid, self._user.gid)
        passwords = self.folder / "passwords"
        passwords.mkdir(mode=0o700, exist_ok=True)

    def _own(self) -> None:
        lock = (self.folder / "owner.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            lock.seek(0)
            pid = lock.read().strip()
            lock.close()
            raise DatabaseOwned(folder=self.folder, pid=pid) from taken
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    # The cluster

    def _made(self) -> bool:
        return (self.folder / "made").exists()

    def _make(self, programs: Path) -> None:
        if any(self._data.iterdir()):
            # initdb was killed half way; there is no cluster in there, since `made` is written last.
            self._empty(self._data)
        for role in ROLES:
            self._write_secret(self.folder / "passwords" / role, secrets.token_urlsafe(24))
        # initdb runs as the server's user and has to read the password: from its own closed folder, for a moment.
        handed = self._socket / "password"
        self._write_secret(handed, (self.folder / "passwords" / "admin").read_text())
        if os.geteuid() == 0:
            os.chown(handed, self._user.uid, self._user.gid)
        # The builtin provider's collation does not change with the system's C library, so an upgrade of the system
        # cannot corrupt an index; PostgreSQL 16 has no such provider and gets plain bytes.
        collation = ["--locale-provider=builtin", "--locale=C.UTF-8"] if self.major >= 17 else ["--locale=C"]
        command = [
            str(programs / "bin" / "initdb"),
            f"--pgdata={self._data}",
            f"--username={ADMIN}",
            f"--pwfile={handed}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--data-checksums",
            *collation,
            *([] if self.durable else ["--no-sync"]),
        ]
        try:
            made = subprocess.run(  # noqa: S603 - our own binary and arguments
                command, cwd=self._data, env=self._environment(), capture_output=True, text=True, **self._user.switched
            )
        finally:
            handed.unlink()
        if made.returncode != 0:
            reason = " ".join((made.stderr or made.stdout).split())
            raise DatabaseDidNotStart(folder=self.folder, reason=f"initdb: {reason[-300:]}", log=self.log)
        (self.folder / "made").write_text(f"{self.major}\n")

    def _refuse_other_version(self) -> None:
        version = self._data / "PG_VERSION"
        found = version.read_text().strip() if version.exists() else "unknown"
        if found != str(self.major):
            raise DatabaseVersionDiffers(folder=self.folder, found=found, wanted=self.major)

    def _make_roles(self) -> None:
        """The owner, the application and the eraser, and the owner's database; nothing where they are there."""
        with psycopg.connect(self.url("admin", "postgres"), autocommit=True) as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for name in ("owner", "application", "eraser"):
                if ROLES[name] not in known:
                    word = (self.folder / "passwords" / name).read_text()
                    # Encrypted here: a plain password could end in the server's log.
                    verifier = connection.pgconn.encrypt_password(word.encode(), ROLES[name].encode()).decode()
                    connection.execute(
                        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                            sql.Identifier(ROLES[name]), sql.Literal(verifier)
                        )
                    )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
                )
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(DATABASE)))
                connection.execute(
                    sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}, {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(APPLICATION), sql.Identifier(ERASER)
                    )
                )

    # The server

    def _run(self, programs: Path, progress: Callable[[str], None], patience: float) -> None:
        deadline = time.monotonic() + patience
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        while True:
            start = self.log.stat().st_size if self.log.exists() else 0
            self._process = self._launch(programs)
            if self._answers(progress, deadline):
                return
            with self.log.open("rb") as log:
                log.seek(start)
                said = log.read().decode(errors="replace")
            # After a kill of the postmaster its children take a moment to notice and to let go of the memory.
            if "pre-existing shared memory block" in said and time.monotonic() < deadline:
                time.sleep(0.2)
                continue
            if self._process.returncode < 0:
                reason = f"its process was ended by signal {-self._process.returncode}"
                raise DatabaseDidNotStart(folder=self.folder, reason=reason, log=self.log)
            fatal = [line for line in said.splitlines() if "FATAL" in line] or said.splitlines()[-1:] or ["no word"]
            raise DatabaseDidNotStart(folder=self.folder, reason=fatal[-1].strip(), log=self.log)

    def _launch(self, programs: Path) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %q%u@%d/%a ",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        command = [str(programs / "bin" / "postgres"), "-D", str(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own binary and arguments
                command,
                cwd=self._data,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its own session: Ctrl-C in the terminal reaches us, and we end the server after its clients.
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
                **self._user.switched,
            )

    def _answers(self, progress: Callable[[str], None], deadline: float) -> bool:
        """Wait until the server takes a connection; False where its process ended instead."""
        began = told = time.monotonic()
        url = self.url("admin", "postgres")
        pause = 0.02
        while True:
            assert self._process is not None  # noqa: S101 - set by the caller
            if self._process.poll() is not None:
                return False
            try:
                psycopg.connect(url, connect_timeout=5).close()
            except psycopg.OperationalError as failure:
                if time.monotonic() > deadline:
                    reason = " ".join(str(failure).split())
                    raise DatabaseDidNotStart(folder=self.folder, reason=reason, log=self.log) from failure
                if time.monotonic() - told > 3:
                    told = time.monotonic()
                    progress(f"The database is recovering, {told - began:.0f} s so far")
                time.sleep(pause)
                pause = min(pause * 1.5, 0.5)
            else:
                return True

    def _end_leftover(self, programs: Path) -> None:
        """End a server that outlived its owner; we hold the owner's lock, so nobody supervises it."""
        if not (self._data / "postmaster.pid").exists():
            return
        ctl = [str(programs / "bin" / "pg_ctl"), "-D", str(self._data)]
        quiet = {"cwd": self._data, "env": self._environment(), "capture_output": True, **self._user.switched}
        if subprocess.run([*ctl, "status"], **quiet).returncode == 0:  # noqa: S603
            subprocess.run([*ctl, "stop", "-m", "fast", "-w", "-t", "60"], **quiet)  # noqa: S603

    def _environment(self) -> dict[str, str]:
        """Nothing of ours: no secrets, no PG* variables that would change what the programs do."""
        return {"PATH": "/usr/bin:/bin", "LANG": "C", "LC_ALL": "C", "TZ": "UTC"}

    def _write_secret(self, path: Path, word: str) -> None:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
            target.write(word)

    def _empty(self, folder: Path) -> None:
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _end_with_parent() -> None:
    """Runs in the child before it becomes the server: a fast shutdown when the owner dies, however it dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
