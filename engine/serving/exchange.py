"""The exchange folder: the one place on the machine through which files of models come and go.

Names in it come from callers, diagrams and whoever can write into it, so each is held to the folder: no way up, no link
out of it, plain files only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.config import Settings
from engine.errors import GatewrightError
from engine.store import Files


class PlaceRefused(GatewrightError):
    """{place!r} is no place below the exchange folder: {reason}."""

    code = "place-refused"
    hint = "Name a file below the exchange folder, such as results/loans.parquet."
    status = 422


class FileNotTaken(GatewrightError):
    """{name} cannot be taken from the exchange folder: {reason}."""

    code = "file-not-taken"
    hint = "Put a plain file there, whole and readable to the worker."
    status = 422


def named(place: str) -> PurePosixPath:
    """The place as a relative path; raises PlaceRefused."""
    path = PurePosixPath(place)
    parts = path.parts
    if "\0" in place or len(place) > 400:
        raise PlaceRefused(place=place[:100], reason="it is too long, or holds a NUL")
    if path.is_absolute() or not parts or any(part == ".." or part.startswith(".") for part in parts):
        raise PlaceRefused(place=place, reason="it must be relative, without `..` and without hidden names")
    return path


def inside(settings: Settings, place: str) -> Path:
    """The place's path in the exchange folder; raises PlaceRefused where a link leads out of it."""
    root = settings.exchange
    path = root / named(place)
    if not path.parent.resolve().is_relative_to(root):
        raise PlaceRefused(place=place, reason="a link leads out of the folder")
    return path


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A plain file, read; links, devices and pipes are refused. Raises FileNotTaken."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as cause:
        raise FileNotTaken(name=path.name, reason=cause.strerror or cause) from cause
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotTaken(name=path.name, reason="it is no plain file")
        yield stream


def keep(files: Files, path: Path) -> str:
    """The sha256 of a plain file's content, now kept in the file store. Raises FileNotTaken."""
    with opened(path) as stream:
        # By the descriptor: a name can lead to another file by the second time it is opened.
        return files.put(Path(f"/proc/self/fd/{stream.fileno()}"))


def write(path: Path, content: bytes) -> None:
    """Let the file be there with this content, whole and on the disk, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coming = path.with_name(f".{path.name}.{os.getpid()}.coming")
    with open(coming, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    coming.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
