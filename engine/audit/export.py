"""The log as a folder that proves itself: no database, no server, no trust in who wrote it but for the key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from engine.audit import chain, keys, merkle
from engine.audit.checkpoints import Checkpoint, Head, leaves
from engine.audit.keys import PublicKey
from engine.audit.proof import Link, Proof, Report
from engine.audit.verification import links, snapshot, stored
from engine.errors import GatewrightError
from engine.store import Store

_HEADS = text('SELECT stream, seq, hash FROM audit.checkpoint_heads WHERE checkpoint = :n ORDER BY stream COLLATE "C"')
_README = """\
An export of Gatewright's audit log. `gatewright audit verify --export <this folder>` checks it without a database.

rows.jsonl         one row a line, by stream and seq: salt and payload (null where the content was erased), the hash of
                   both, and the row's hash. payload is a text whose UTF-8 bytes were hashed; it is JSON itself.
                   payload_hash = sha256("gatewright audit payload 1" 00 salt payload)
                   hash = sha256("gatewright audit row 1" 00 previous-hash seq(8 bytes, big-endian) stream payload_hash)
                   previous-hash of a stream's first row: 32 zero bytes.
checkpoints.jsonl  one signed statement a line: its UTF-8 bytes were signed with Ed25519. `heads` are the rows that it
                   signed: all of them in a `complete` line, else those of this export, each with its place in the tree
                   and the hashes on the way to its root (RFC 6962).
                   leaf 0 = sha256(00 previous-root); other leaves =
                   sha256(00 "gatewright audit head 1" 00 seq hash stream); node = sha256(01 left right)
*.pem              the public keys. Compare a key's id with one that you got by another way: the sha256 of its 32 bytes.
"""


class ExportFolderTaken(GatewrightError):
    """{folder} is there already and is not empty."""

    code = "audit-export-folder"
    hint = "Name a folder that does not exist yet."


class ExportDamaged(GatewrightError):
    """{path} is not a part of an export of the audit log: {reason}."""

    code = "audit-export-damaged"
    hint = "Ask for the export again."


class StreamUnknown(GatewrightError):
    """There is no stream {stream!r} in the audit log."""

    code = "audit-stream"
    hint = "Write `instance:<id>`, `model:<id>`, `person:<id>` or `system`."
    status = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export holds."""

    folder: Path
    rows: int
    streams: int
    checkpoints: int


def export(store: Store, folder: Path, *, streams: Iterable[str] | None = None) -> Exported:
    """Write the log, or the named streams of it, into a new folder; `verify_export` needs nothing else.

    Of a part of the log the checkpoints prove that part: each signed head comes with its way to the signed root.
    Raises ExportFolderTaken and StreamUnknown.
    """
    wanted = None if streams is None else sorted(set(streams))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportFolderTaken(folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.txt").write_text(_README)
    for key in keys.public(store.settings).values():
        (folder / f"{key.id}.pem").write_bytes(key.pem)
    rows, seen = 0, set()
    with snapshot(store) as connection:
        with (folder / "rows.jsonl").open("w") as target:
            for link in links(connection, wanted):
                target.write(json.dumps(_row(link)) + "\n")
                rows += 1
                seen.add(link.stream)
        for stream in wanted or []:
            if stream not in seen:
                raise StreamUnknown(stream=stream)
        checkpoints = 0
        with (folder / "checkpoints.jsonl").open("w") as target:
            for number, checkpoint in stored(connection):
                line = {
                    "complete": wanted is None,
                    "statement": checkpoint.statement.decode(),
                    "signature": checkpoint.signature.hex(),
                    "heads": list(_signed(connection, number, checkpoint, wanted)),
                }
                target.write(json.dumps(line) + "\n")
                checkpoints += 1
    return Exported(folder=folder, rows=rows, streams=len(seen), checkpoints=checkpoints)


def verify_export(folder: Path, *, trusted: PublicKey | None = None) -> Report:
    """Check an exported folder by itself; raises ExportDamaged where a file cannot be read as what it should be.

    trusted: the key got by another way. Without it the keys in the folder are believed, and the report names them.
    """
    found = [trusted] if trusted else [keys.read_public(path) for path in sorted(folder.glob("*.pem"))]
    proof = Proof({key.id: key for key in found})
    signed: dict[tuple[str, int], tuple[int, bytes]] = {}
    for line in _lines(folder / "checkpoints.jsonl"):
        try:
            checkpoint = Checkpoint(line["statement"].encode(), bytes.fromhex(line["signature"]))
            heads = [Head(each["stream"], each["seq"], bytes.fromhex(each["hash"])) for each in line["heads"]]
            proof.checkpoint(checkpoint, heads if line["complete"] else None)
            facts = checkpoint.facts()
            for head, each in zip(heads, line["heads"], strict=True):
                if not line["complete"]:
                    steps = [bytes.fromhex(step) for step in each["path"]]
                    if not _proves(facts, head, each["index"], steps):
                        proof.unproven(head, facts.get("number", 0))
                        continue
                    proof.covers(head, facts["number"])
                signed[head.stream, head.seq] = (facts.get("number", 0), head.hash)
        except (KeyError, TypeError, ValueError, AttributeError) as strange:
            raise ExportDamaged(path=folder / "checkpoints.jsonl", reason=repr(strange)) from strange
    rows = _links(folder / "rows.jsonl", signed)
    told: set[str] = set()
    for name, own in groupby(rows, key=lambda link: link.stream):
        if name in told:
            raise ExportDamaged(path=folder / "rows.jsonl", reason=f"the rows of {name} do not stand together")
        told.add(name)
        proof.stream(name, own, None)
    return proof.report(partial="system" not in told)


def _row(link: Link) -> dict[str, Any]:
    return {
        "stream": link.stream,
        "seq": link.seq,
        "salt": None if link.salt is None else link.salt.hex(),
        "payload": None if link.payload is None else link.payload.decode(errors="replace"),
        "payload_hash": (link.payload_hash or b"").hex(),
        "hash": (link.hash or b"").hex(),
    }


def _links(path: Path, signed: dict[tuple[str, int], tuple[int, bytes]]) -> Iterator[Link]:
    for line in _lines(path):
        try:
            payload = None if line["payload"] is None else line["payload"].encode()
            yield Link(
                stream=line["stream"],
                seq=int(line["seq"]),
                payload_hash=bytes.fromhex(line["payload_hash"]),
                hash=bytes.fromhex(line["hash"]),
                salt=None if line["salt"] is None else bytes.fromhex(line["salt"]),
                payload=payload,
                told=True,
                columns=_columns(payload),
                erasure=payload is None,
                signed=signed.get((line["stream"], int(line["seq"]))),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as strange:
            raise ExportDamaged(path=path, reason=repr(strange)) from strange


def _columns(payload: bytes | None) -> tuple[str, str, str | None, str | None] | None:
    if payload is None:
        return None
    facts = chain.read(payload)
    return None if facts is None else (facts["at"], facts["act"], facts["actor"], facts["subject"])


def _signed(
    connection: Connection, number: int, checkpoint: Checkpoint, wanted: list[str] | None
) -> Iterator[dict[str, Any]]:
    """The heads of a checkpoint that the export holds; those of a part each with its way to the root."""
    heads = [Head(stream, seq, bytes(hash_)) for stream, seq, hash_ in connection.execute(_HEADS, {"n": number})]
    previous = bytes.fromhex(checkpoint.facts().get("previous", chain.ZERO.hex()))
    facts = [{"stream": head.stream, "seq": head.seq, "hash": head.hash.hex()} for head in heads]
    if wanted is None:
        yield from facts
    elif not set(wanted).isdisjoint(head.stream for head in heads):
        tree = merkle.levels(leaves(previous, heads))
        for index, fact in enumerate(facts, 1):
            if fact["stream"] in wanted:
                yield {**fact, "index": index, "path": [step.hex() for step in merkle.path(tree, index)]}


def _proves(facts: dict[str, Any], head: Head, index: int, steps: list[bytes]) -> bool:
    """Whether the head stands in the signed tree; leaf 0 is the previous root."""
    try:
        return merkle.climb(head.leaf, index, facts["heads"] + 1, steps).hex() == facts["root"] and index > 0
    except (ValueError, KeyError):
        return False


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open() as source:
            for number, line in enumerate(source, 1):
                try:
                    facts = json.loads(line)
                except ValueError as strange:
                    raise ExportDamaged(path=path, reason=f"line {number} is not JSON") from strange
                if not isinstance(facts, dict):
                    raise ExportDamaged(path=path, reason=f"line {number} is not an object")
                yield facts
    except (OSError, UnicodeDecodeError) as unreadable:
        raise ExportDamaged(path=path, reason=str(unreadable)) from unreadable
