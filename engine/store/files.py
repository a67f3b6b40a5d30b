"""Files by the sha256 of their content, through fsspec."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from engine.errors import GatewrightError

_CHUNK = 1 << 20
#: no room, over the quota, larger than this process may write
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DIGEST = re.compile(r"[0-9a-f]{64}")


class FileMissing(GatewrightError):
    """The file store holds no file with digest {digest}."""

    code = "file-missing"
    hint = "Restore the files folder from a backup, or add the file again: the same content gets the same digest."
    status = 404


class FileDamaged(GatewrightError):
    """The file with digest {digest} has other content than its name says: sha256 {found}."""

    code = "file-damaged"
    hint = "Restore this file from a backup; nothing was done with the damaged content."
    status = 500


class DigestMalformed(GatewrightError):
    """{digest!r} is not a sha256 digest."""

    code = "digest-malformed"
    hint = "Give 64 characters, 0 to 9 and a to f."


class FileStoreFull(GatewrightError):
    """The file store at {place} has no room for {size} more bytes."""

    code = "file-store-full"
    hint = "Make room there, or move the files (GATEWRIGHT_FILES_URL), then do it again: nothing was half written."
    status = 507


class Files:
    """A folder, local or remote, whose files are named by their digest and never change.

    Written before the transaction that names them; a file without a row is harmless, a row without a file is not.
    """

    def __init__(self, url: str) -> None:
        self._system: Any
        self._system, root = fsspec.core.url_to_fs(url)
        self._root = str(root).rstrip("/")
        self._local = isinstance(self._system, LocalFileSystem)
        self.url = url

    def put(self, data: bytes | Path) -> str:
        """Keep the content of `data`, bytes or a path; returns its sha256 in hex. Nothing is written twice."""
        digest = _digest_of(data)
        place = self._place(digest)
        if self._system.exists(place):
            return digest
        # Written under another name and moved, so that nobody ever reads half a file under a digest.
        coming = f"{self._root}/coming/{uuid.uuid4().hex}"
        try:
            self._system.makedirs(f"{self._root}/coming", exist_ok=True)
            self._system.makedirs(place.rsplit("/", 1)[0], exist_ok=True)
            written = hashlib.sha256()
            with self._system.open(coming, "wb") as target:
                for chunk in _chunks(data):
                    written.update(chunk)
                    target.write(chunk)
                if self._local:
                    _to_disk(target)
            if written.hexdigest() != digest:
                raise FileDamaged(digest=digest, found=written.hexdigest())
            self._system.mv(coming, place)
            if self._local:
                _names_to_disk(place.rsplit("/", 1)[0])
        except BaseException as failure:
            with suppress(OSError):
                self._system.rm(coming)
            if isinstance(failure, OSError) and failure.errno in _FULL:
                raise FileStoreFull(place=self.url, size=f"{_size_of(data):,}") from failure
            raise
        return digest

    def read(self, digest: str) -> bytes:
        """The content with this digest, checked; raises FileMissing or FileDamaged."""
        content = b"".join(self._read(digest))
        return content

    def exists(self, digest: str) -> bool:
        """Whether the store holds a file with this digest."""
        return bool(self._system.exists(self._place(digest)))

    def size(self, digest: str) -> int:
        """The number of bytes of the file; raises FileMissing."""
        try:
            return int(self._system.size(self._place(digest)))
        except FileNotFoundError as gone:
            raise FileMissing(digest=digest) from gone

    @contextmanager
    def local(self, digest: str) -> Iterator[Path]:
        """A path to a copy with the checked content, gone at the end: whoever gets it cannot harm the store."""
        with tempfile.TemporaryDirectory(prefix="gatewright-") as folder:
            path = Path(folder) / digest
            with path.open("wb") as target:
                for chunk in self._read(digest):
                    target.write(chunk)
            yield path

    def digests(self) -> Iterator[str]:
        """The digests of all files, in order."""
        for place in sorted(self._system.find(self._root)):
            name = str(place).rsplit("/", 1)[-1]
            if _DIGEST.fullmatch(name):
                yield name

    def probe(self) -> None:
        """Write, read and remove a few bytes; raises what the file system raises."""
        place = f"{self._root}/coming/probe-{uuid.uuid4().hex}"
        self._system.makedirs(f"{self._root}/coming", exist_ok=True)
        self._system.pipe_file(place, b"probe")
        try:
            if self._system.cat_file(place) != b"probe":
                raise OSError(f"{place} was not written")
        finally:
            self._system.rm_file(place)

    def _read(self, digest: str) -> Iterator[bytes]:
        """The content piece by piece; the digest is known only at the end, so nothing may be trusted before it."""
        read = hashlib.sha256()
        try:
            with self._system.open(self._place(digest), "rb") as source:
                while chunk := source.read(_CHUNK):
                    read.update(chunk)
                    yield chunk
        except FileNotFoundError as gone:
            raise FileMissing(digest=digest) from gone
        if read.hexdigest() != digest:
            raise FileDamaged(digest=digest, found=read.hexdigest())

    def _place(self, digest: str) -> str:
        if not _DIGEST.fullmatch(digest):
            raise DigestMalformed(digest=digest)
        return f"{self._root}/{digest[:2]}/{digest}"


def _size_of(data: bytes | Path) -> int:
    return data.stat().st_size if isinstance(data, Path) else len(data)


def _chunks(data: bytes | Path) -> Iterator[bytes]:
    if isinstance(data, Path):
        with data.open("rb") as source:
            while chunk := source.read(_CHUNK):
                yield chunk
    else:
        yield data


def _digest_of(data: bytes | Path) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(data):
        digest.update(chunk)
    return digest.hexdigest()


def _names_to_disk(folder: str) -> None:
    """Without it the file is on the disk and its new name may not be, while the row that names it is committed."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _to_disk(target: IO[bytes]) -> None:
    target.flush()
    os.fsync(target.fileno())
