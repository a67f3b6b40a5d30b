"""One batch as a value: a file of rows that a version scores as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.serving.deployment import Deployment

STATES = ("waiting", "scoring", "scored", "done", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One file of rows for one version."""

    id: UUID
    key: str  #: the same key is the same batch, however often it is asked for
    model: str
    version: int
    environment: str
    deployment: UUID
    source: str  #: sha256 of the file of rows
    name: str  #: what the file was called
    place: str  #: where the result shall lie too, below the exchange folder; empty: in the file store alone
    requested_by: str
    requested_at: datetime  #: all of its inferences are logged under this moment, so that none is logged twice
    state: str  #: waiting, scoring, scored (its inferences are being logged), done or failed
    attempts: int
    next_attempt_at: datetime
    rows: int | None
    parts: tuple[str, ...]  #: sha256 of its scored parts, in order
    logged_parts: int
    result: str | None  #: sha256 of the Parquet file with all answers
    problem: Mapping[str, Any] | None  #: why it failed, or was put off: code, message, hint, and faults by row
    ended_at: datetime | None

    @property
    def reference(self) -> str:
        """The version as model@number."""
        return f"{self.model}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What scoring a batch brought; all of it lies in the file store."""

    id: UUID  #: of the batch, and the moment: the ids of its inferences are made of both
    at: datetime
    rows: int
    parts: tuple[str, ...]
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A batch to be scored, with all that this takes."""

    batch: Batch
    deployment: Deployment
    settings: Mapping[str, Any]  #: of its environment


def inference_id(batch: UUID, at: datetime, position: int) -> UUID:
    """The id of a batch's row: a UUID version 7 of the batch's moment, the same in every attempt.

    Behind the milliseconds and the version stand 42 bits of the batch's sha256, then the position in 32.
    """
    drawn = int.from_bytes(hashlib.sha256(batch.bytes).digest()[:6], "big") & (1 << 42) - 1
    behind = drawn << 32 | position
    milliseconds = int(at.timestamp() * 1000) & (1 << 48) - 1
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (behind >> 62) << 64 | 0b10 << 62 | behind & (1 << 62) - 1)
