"""Inferences that could not be written, kept as files until they can: the last resort of the log.

A file holds one JSON line per inference. It is written when the service has to end while the database is away, and read
when a service starts; a row that arrived after all is not written twice, since ids decide.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import orjson

from engine.errors import GatewrightError
from engine.inferences.inference import Inference

SUFFIX = ".jsonl"


class SpoolUnreadable(GatewrightError):
    """{file}, line {line}, holds no inference: {cause}."""

    code = "spool-unreadable"
    hint = "Mend or move the file, which holds answered inferences, and start the scoring service again."
    status = 500


def keep(folder: Path, name: str, inferences: Sequence[Inference]) -> Path:
    """The file that now holds the inferences, on disk for certain."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept, partial = folder / f"{name}{SUFFIX}", folder / f"{name}.partial"
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        for inference in inferences:
            stream.write(orjson.dumps({name: getattr(inference, name) for name in Inference.__slots__}) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.rename(kept)
    directory = os.open(folder, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)
    return kept


def waiting(folder: Path) -> list[Path]:
    """The files that wait to be written, oldest name first."""
    return sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []


def read(file: Path) -> Iterator[Inference]:
    """The inferences of one file; raises SpoolUnreadable at the first line that is none."""
    with file.open("rb") as stream:
        for line, text in enumerate(stream, start=1):
            try:
                kept = orjson.loads(text)
                moments = {name: datetime.fromisoformat(kept[name]) for name in ("logged_at", "event_time")}
                ids = {name: UUID(kept[name]) for name in ("id", "deployment", "request")}
                yield Inference(**(kept | moments | ids))
            except (ValueError, KeyError, TypeError) as cause:
                raise SpoolUnreadable(file=str(file), line=line, cause=cause) from cause
