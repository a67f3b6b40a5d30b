"""The bytes and hashes of the log: pure, so that they can be checked without a database.

    payload hash = sha256("gatewright audit payload 1" 00 salt payload)
    row hash     = sha256("gatewright audit row 1" 00 previous-row-hash seq stream payload-hash)

salt: 32 random bytes, so that an erased content cannot be found by guessing. payload: RFC 8785 bytes. seq: 8 bytes,
big-endian, from 1. stream: UTF-8. All parts but payload and stream have a fixed length, so no two rows share bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.errors import GatewrightError
from engine.store import canonical

ZERO = bytes(32)  #: the hash before the first row
SALT_BYTES = 32
LARGEST_PAYLOAD = 64 << 10

_PARTS = {"act", "actor", "at", "facts", "subject"}
_PAYLOAD, _ROW = b"gatewright audit payload 1\x00", b"gatewright audit row 1\x00"


class FactNotRecordable(GatewrightError):
    """The fact {name!r} of the act {act} cannot be written into the audit log: {reason}."""

    code = "audit-fact"
    hint = "Facts are JSON values; put large content into the file store and record its digest."


def instant(at: datetime) -> str:
    """An instant as the log writes it: UTC, microseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def payload(act: str, actor: str, subject: str, at: datetime, facts: Mapping[str, Any]) -> bytes:
    """The content of a row in canonical bytes; raises FactNotRecordable naming the fact."""
    for name, text in (("act", act), ("actor", actor), ("subject", subject)):
        if "\x00" in text:
            raise FactNotRecordable(name=name, act=act, reason="it holds a NUL character")
    whole = {"act": act, "actor": actor, "subject": subject, "at": instant(at), "facts": dict(facts)}
    try:
        content = canonical(whole)
    except ValueError:
        for name, value in {**whole, **facts}.items():
            try:
                canonical({name: value} if name != "facts" else {})
            except ValueError as refusal:
                raise FactNotRecordable(name=name, act=act, reason=str(refusal)) from refusal
        raise
    if len(content) > LARGEST_PAYLOAD:
        largest = max(facts, key=lambda name: len(canonical(facts[name])), default="")
        reason = f"the row would be {len(content)} bytes long, {LARGEST_PAYLOAD} is the limit"
        raise FactNotRecordable(name=largest, act=act, reason=reason)
    return content


def read(content: bytes) -> dict[str, Any] | None:
    """What a content says; None where it is none of ours."""
    try:
        facts = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) and facts.keys() == _PARTS else None


def payload_hash(salt: bytes, content: bytes) -> bytes:
    """What the chain holds in place of a content."""
    return hashlib.sha256(_PAYLOAD + salt + content).digest()


def row_hash(previous: bytes, seq: int, stream: str, content_hash: bytes) -> bytes:
    """The hash of a row, which binds it to all rows before it."""
    return hashlib.sha256(_ROW + previous + seq.to_bytes(8, "big") + stream.encode() + content_hash).digest()
