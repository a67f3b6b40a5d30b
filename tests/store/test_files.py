"""Files by the sha256 of their content."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.store.files import DigestMalformed, FileDamaged, FileMissing, Files


@pytest.fixture(params=["folder", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """A store in a folder, and one behind another of fsspec's file systems."""
    return Files(str(tmp_path / "files") if request.param == "folder" else f"memory://{tmp_path}")


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_content_comes_back_under_its_sha256(files: Files, content: bytes) -> None:
    digest = files.put(content)
    assert digest == hashlib.sha256(content).hexdigest()
    assert files.read(digest) == content
    assert files.size(digest) == len(content)
    assert files.exists(digest)
    with files.local(digest) as path:
        assert path.read_bytes() == content


def test_a_path_is_kept_as_its_bytes_are(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * 20_000)
    digest = files.put(path)
    assert files.read(digest) == path.read_bytes()
    assert list(files.digests()) == [digest]


def test_a_damaged_file_is_refused_on_every_way_out(tmp_path: Path) -> None:
    files = Files(str(tmp_path))
    digest = files.put(b"a model")
    (tmp_path / digest[:2] / digest).write_bytes(b"another")
    with pytest.raises(FileDamaged, match=digest):
        files.read(digest)
    with pytest.raises(FileDamaged), files.local(digest):
        pass


def test_a_local_copy_can_be_spoilt_without_harm(files: Files) -> None:
    digest = files.put(b"a model")
    with files.local(digest) as path:
        path.write_bytes(b"spoilt")
    assert not path.exists()
    assert files.read(digest) == b"a model"


def test_a_file_that_is_not_there_is_named(files: Files) -> None:
    digest = "0" * 64
    for read in (files.read, files.size):
        with pytest.raises(FileMissing, match=digest):
            read(digest)
    with pytest.raises(FileMissing), files.local(digest):
        pass
    assert not files.exists(digest)


@pytest.mark.parametrize("digest", ["", "x", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_digest_is_refused(files: Files, digest: str) -> None:
    with pytest.raises(DigestMalformed):
        files.read(digest)


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(str(tmp_path))

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(files._system, "mv", fail)
    with pytest.raises(OSError, match="no space"):
        files.put(b"a model")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list(files.digests()) == []


def test_many_writers_of_one_content_leave_one_file(tmp_path: Path) -> None:
    files, content = Files(str(tmp_path)), b"x" * 3_000_000
    threads = [threading.Thread(target=files.put, args=(content,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (digest,) = files.digests()
    assert files.read(digest) == content


def test_the_name_of_a_file_is_on_the_disk_before_a_row_can_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_disk: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda opened: to_disk.append(os.readlink(f"/proc/self/fd/{opened}")))
    digest = Files(str(tmp_path / "files")).put(b"kept")
    assert to_disk[-1] == str(tmp_path / "files" / digest[:2])
