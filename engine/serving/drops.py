"""Dropped files: a watched folder for each deployment of the target `file_drop`.

    <exchange>/drops/<environment>/<model>/
        in/       whoever has rows puts a Parquet or CSV file here
        done/     the file once it is scored, and its result beside it
        failed/   a file that cannot be scored, and the reason beside it

A file is taken once it is whole: a name that is neither hidden nor ends like that of an unfinished download, untouched
for QUIET_SECONDS, and not touched while it is read. It becomes a batch whose key is made of its name, inode, size and
time, so that a runner that is killed anywhere finds the same batch again: the file stays in `in/` until everything
about it is written.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from engine.config import Settings
from engine.errors import GatewrightError
from engine.serving import batches, exchange, queries
from engine.serving.batch import Batch
from engine.serving.deployment import Deployment
from engine.store import Files, Store, transaction

TARGET = "file_drop"
IN, DONE, FAILED = "in", "done", "failed"
#: what is laid beside a file is called as the file, and so
RESULT, REASON = ".scores.parquet", ".reason.json"
#: What programs call a file that they have not finished.
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".coming", "~")
QUIET_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A file that lies in a drop and is whole."""

    path: Path
    key: str  #: of the batch that it is or becomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A drop, and how many files lie in it; None where its folder is not to be seen from this machine."""

    deployment: Deployment
    place: Path
    waiting: int | None
    done: int | None
    failed: int | None


def folder(settings: Settings, environment: str, model: str) -> Path:
    """The drop of a model in an environment."""
    return settings.exchange / "drops" / environment / model


def lay_out(settings: Settings, deployment: Deployment) -> Path:
    """The drop's folder `in`, made where it is not there. Raises OSError."""
    place = folder(settings, deployment.environment, deployment.model)
    for name in (IN, DONE, FAILED):
        (place / name).mkdir(parents=True, exist_ok=True)
    return place / IN


def whole(settings: Settings, deployment: Deployment, quiet_seconds: float = QUIET_SECONDS) -> Iterator[Dropped]:
    """The files that may be taken, oldest first."""
    place = folder(settings, deployment.environment, deployment.model) / IN
    found = []
    try:
        entries = list(os.scandir(place))
    except FileNotFoundError:
        return  # on another machine's disk, or not made yet
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
            continue
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # another runner has put it aside
        if stat.S_ISDIR(facts.st_mode):
            continue
        # Its own clock's time, as the file's: on a share both may differ from ours.
        if 0 <= time.time() - facts.st_mtime < quiet_seconds:
            continue
        key = batches.key_of(
            "drop", deployment.environment, deployment.model, entry.name, facts.st_ino, facts.st_size, facts.st_mtime_ns
        )
        found.append((facts.st_mtime_ns, entry.name, key))
    for _, name, key in sorted(found):
        yield Dropped(path=place / name, key=key)


def watched(session: Session, settings: Settings) -> list[Watched]:
    """The drops that are watched now, by environment and model."""
    found = []
    for each in queries.active(session, TARGET):
        if each.weight:
            place = folder(settings, each.deployment.environment, each.deployment.model)
            waiting, done, failed = (files_in(place / name) for name in (IN, DONE, FAILED))
            found.append(Watched(deployment=each.deployment, place=place, waiting=waiting, done=done, failed=failed))
    return sorted(found, key=lambda each: (each.deployment.environment, each.deployment.model))


def take(store: Store, quiet_seconds: float = QUIET_SECONDS) -> int:
    """How many files of all drops became batches just now."""
    n = 0
    for deployment in _watched(store):
        for dropped in whole(store.settings, deployment, quiet_seconds):
            with transaction(store) as session:
                known = batches.by_key(session, dropped.key)
            if known is None:
                n += _take(store, deployment, dropped)
    return n


def put_aside(store: Store) -> int:
    """How many files, done with, were moved out of the way just now, each beside its result or its reason."""
    n = 0
    for deployment in _watched(store):
        for dropped in whole(store.settings, deployment, 0.0):
            with transaction(store) as session:
                batch = batches.by_key(session, dropped.key)
            if batch is not None and batch.state in ("done", "failed"):
                _lay_beside(store.files, dropped, batch)
                n += 1
    return n


def files_in(place: Path) -> int | None:
    """How many files that somebody put there: results and reasons that we laid beside them do not count."""
    try:
        names = [entry.name for entry in os.scandir(place) if not entry.is_dir(follow_symlinks=False)]
    except OSError:
        return None
    return sum(not name.startswith(".") and not name.endswith((RESULT, REASON)) for name in names)


def _watched(store: Store) -> list[Deployment]:
    with transaction(store) as session:
        return [each.deployment for each in queries.active(session, TARGET) if each.weight]


def _take(store: Store, deployment: Deployment, dropped: Dropped) -> int:
    refusal: GatewrightError | None = None
    try:
        digest = exchange.keep(store.files, dropped.path)
        if all(each.key != dropped.key for each in whole(store.settings, deployment, 0.0)):
            return 0  # somebody still writes into it: it is looked at again
    except exchange.FileNotTaken as refused:
        digest, refusal = store.files.put(b""), refused
    with transaction(store) as session:
        by = f"drop {deployment.environment}"
        batch = batches.take(session, deployment, by, source=digest, name=dropped.path.name, key=dropped.key)
        if refusal is not None:
            batches.refuse(session, batch.id, refusal)
    return 1


def _lay_beside(files: Files, dropped: Dropped, batch: Batch) -> None:
    done = batch.state == "done"
    place = dropped.path.parents[1] / (DONE if done else FAILED)
    stem = f"{dropped.path.stem[:80]}-{batch.key[:12]}"
    if done and batch.result is not None:
        exchange.write(place / f"{stem}{RESULT}", files.read(batch.result))
    else:
        reason = {"batch": str(batch.id), "file": dropped.path.name, **(batch.problem or {})}
        exchange.write(place / f"{stem}{REASON}", f"{json.dumps(reason, indent=1, ensure_ascii=False)}\n".encode())
    # Last of all: as long as the file lies in `in/`, everything before is done again.
    with contextlib.suppress(FileNotFoundError):  # another runner was quicker
        dropped.path.rename(place / f"{stem}{dropped.path.suffix[:20]}")
