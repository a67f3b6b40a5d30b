"""Checkpoints: signed statements about the heads of all streams, kept in the database and outside of it.

    leaf      = sha256(00 "gatewright audit head 1" 00 seq hash stream)
    root      = the RFC 6962 root over [sha256(00 previous root), leaf, leaf, ...], leaves by the bytes of their stream
    statement = RFC 8785 bytes of {at, format, heads, key, number, previous, root}, signed with Ed25519

A statement binds all heads that moved since the one before, and with the previous root all statements before.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from engine.audit import chain, keys, merkle
from engine.audit.tables import CheckpointHead, CheckpointRow
from engine.config import Settings
from engine.store import Store, canonical, now, transaction

FORMAT = "gatewright audit checkpoint 1"
_HEAD = b"gatewright audit head 1\x00"
_TURN = text("SELECT pg_advisory_xact_lock(7114004)")

_MOVED = text("""
    SELECT s.name, s.seq, s.hash FROM audit.streams s
    WHERE s.seq > coalesce((SELECT max(h.seq) FROM audit.checkpoint_heads h WHERE h.stream = s.name), 0)
    ORDER BY s.name COLLATE "C"
""")

# The same among the streams that were written of late: a million that rest take seconds to look at.
_MOVED_SINCE = text("""
    SELECT s.name, s.seq, s.hash FROM audit.streams s
    WHERE s.name = ANY(ARRAY(SELECT DISTINCT p.stream FROM audit.payloads p WHERE p.at >= :since))
        AND s.seq > coalesce((SELECT max(h.seq) FROM audit.checkpoint_heads h WHERE h.stream = s.name), 0)
    ORDER BY s.name COLLATE "C"
""")
#: How far before the last checkpoint it looks, and how often: a row may be dated some time before it is committed, and
#: clocks differ and are set back. At its first checkpoint a process looks at all streams.
_LOOKS: tuple[tuple[float, timedelta | None], ...] = (
    (3600.0, None),
    (600.0, timedelta(hours=1)),
    (0.0, timedelta(minutes=2)),
)
_looked: dict[str, dict[float, float]] = {}  #: database -> which of them -> when


#: bytes in which the last line of the file surely stands
_TAIL = 1 << 16


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of a stream, as a checkpoint saw it."""

    stream: str
    seq: int
    hash: bytes

    @property
    def leaf(self) -> bytes:
        """Its leaf in the checkpoint's tree."""
        return merkle.leaf(_HEAD + self.seq.to_bytes(8, "big") + self.hash + self.stream.encode())


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement."""

    statement: bytes
    signature: bytes

    def facts(self) -> dict[str, Any]:
        """What it states; empty where the bytes are no statement of ours."""
        try:
            facts = json.loads(self.statement)
        except ValueError:
            return {}
        right = isinstance(facts, dict) and facts.get("format") == FORMAT and isinstance(facts.get("number"), int)
        return facts if right else {}

    def line(self) -> str:
        """One line of JSON for the file outside of the database."""
        return json.dumps({"statement": self.statement.decode(), "signature": self.signature.hex()})

    @classmethod
    def of_line(cls, line: str) -> Checkpoint:
        """The checkpoint of such a line; raises ValueError."""
        facts = json.loads(line)
        try:
            return cls(facts["statement"].encode(), bytes.fromhex(facts["signature"]))
        except (KeyError, TypeError, AttributeError) as strange:
            raise ValueError("not a checkpoint's line") from strange


def root(previous: bytes, heads: Iterable[Head]) -> bytes:
    """The root of a checkpoint's tree; heads in the order of their stream's bytes."""
    return merkle.root(leaves(previous, heads))


def leaves(previous: bytes, heads: Iterable[Head]) -> Iterator[bytes]:
    """The leaves of a checkpoint's tree: the previous root, then the heads."""
    yield merkle.leaf(previous)
    for head in heads:
        yield head.leaf


def checkpoint(store: Store) -> Checkpoint | None:
    """Sign the heads that moved since the last checkpoint; None where none did.

    Right with two clocks: they take turns. The statement is also appended to `audit/checkpoints.jsonl` in the data
    folder, where whoever rules the database cannot take it back.
    """
    key = keys.signing(store.settings)
    with transaction(store) as session:
        session.execute(_TURN)
        last = _last(session)
        heads = _moved(session, str(store.engine.url), last)
        if not heads:
            made = None
        else:
            previous = bytes.fromhex(last["root"]) if last else chain.ZERO
            statement = canonical(
                {
                    "format": FORMAT,
                    "number": (last["number"] if last else 0) + 1,
                    "at": chain.instant(now(session)),
                    "heads": len(heads),
                    "previous": previous.hex(),
                    "root": root(previous, heads).hex(),
                    "key": keys.PublicKey(key.public_key()).id,
                }
            )
            made = Checkpoint(statement, key.sign(statement))
            number = made.facts()["number"]
            session.add(CheckpointRow(number=number, statement=statement, signature=made.signature))
            session.execute(
                insert(CheckpointHead),
                [{"checkpoint": number, "stream": h.stream, "seq": h.seq, "hash": h.hash} for h in heads],
            )
    with transaction(store) as session:
        session.execute(_TURN)
        _append_missing(session, store.settings)
    return made


def outside(settings: Settings) -> list[Checkpoint]:
    """The checkpoints in the data folder, in the order of their making; raises ValueError naming a damaged line."""
    found = []
    path = outside_path(settings)
    if path.exists():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                found.append(Checkpoint.of_line(line))
            except ValueError as damaged:
                raise ValueError(f"{path}, line {number}: {damaged}") from damaged
    return found


def outside_path(settings: Settings) -> Path:
    """The file outside of the database that holds every checkpoint."""
    return keys.folder(settings) / "checkpoints.jsonl"


def _moved(session: Session, database: str, last: Mapping[str, Any]) -> list[Head]:
    """The heads that no checkpoint has signed."""
    looked, at = _looked.setdefault(database, {}), time.monotonic()
    every, back = next(look for look in _LOOKS if not last or at - looked.get(look[0], float("-inf")) >= look[0])
    if back is None:
        found = session.execute(_MOVED).all()
    else:
        found = session.execute(_MOVED_SINCE, {"since": datetime.fromisoformat(last["at"]) - back}).all()
    looked |= {each: at for each, _ in _LOOKS if each <= every}  # who looks further back has seen the rest
    return [Head(name, seq, bytes(hash_)) for name, seq, hash_ in found]


def _last(session: Session) -> dict[str, Any]:
    row = session.scalars(select(CheckpointRow).order_by(CheckpointRow.number.desc()).limit(1)).first()
    return Checkpoint(row.statement, row.signature).facts() if row else {}


def _last_appended(path: Path) -> int:
    """The number of the file's last checkpoint, read from its end: in a year it has half a million lines."""
    if not path.exists():
        return 0
    with path.open("r+b") as kept:
        size = kept.seek(0, os.SEEK_END)
        kept.seek(max(0, size - _TAIL))
        tail = kept.read()
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            # A crash left half a line: it says nothing, would damage the file for good, and is written again below.
            kept.truncate(size - len(tail) + whole)
        lines = tail[:whole].splitlines()
    number: int = Checkpoint.of_line(lines[-1].decode()).facts().get("number", 0) if lines else 0
    return number


def _append_missing(session: Session, settings: Settings) -> None:
    """Append what the file lacks: the newest, and any that was signed just before a crash."""
    path = outside_path(settings)
    known = _last_appended(path)
    rows = session.scalars(select(CheckpointRow).where(CheckpointRow.number > known).order_by(CheckpointRow.number))
    lines = [Checkpoint(row.statement, row.signature).line() + "\n" for row in rows]
    if lines:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w") as target:
            target.writelines(lines)
            target.flush()
            os.fsync(target.fileno())
