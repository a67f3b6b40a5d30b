"""Writing the log: rows wait beside the session and are written just before its commit, in two statements at most."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from engine.audit import chain
from engine.errors import GatewrightError
from engine.store import Store, execute, now, transaction
from engine.store.sessions import buffer, clock

# Heads that nobody locked yet, in the order of their names; a stream that is new is made first. What another
# transaction made and committed meanwhile is seen by neither half of the statement: it is asked for once more.
_LOCK = text("""
    WITH wanted AS (SELECT name FROM unnest(CAST(:names AS text[])) AS w(name) ORDER BY name),
    made AS (
        INSERT INTO audit.streams (name, seq, hash) SELECT name, 0, :zero FROM wanted
        ON CONFLICT (name) DO NOTHING RETURNING name, seq, hash
    ),
    locked AS (
        SELECT s.name, s.seq, s.hash FROM audit.streams s WHERE s.name = ANY(:names) ORDER BY s.name FOR UPDATE
    )
    SELECT * FROM made UNION ALL SELECT * FROM locked
""")

# Rows and heads come as JSON, which the driver need not take apart: bytes in hexadecimal, a content as its text.
_PARTS = """
    log_new AS (
        SELECT stream, seq, act, actor, subject, decode(salt, 'hex') AS salt, convert_to(payload, 'UTF8') AS payload,
            decode(payload_hash, 'hex') AS payload_hash, decode(hash, 'hex') AS hash
        FROM json_to_recordset(%(log_rows)s::json) AS n(
            stream text, seq bigint, act text, actor text, subject text, salt text, payload text, payload_hash text,
            hash text
        )
    ),
    log_entries AS (
        INSERT INTO audit.entries (stream, seq, payload_hash, hash)
        SELECT stream, seq, payload_hash, hash FROM log_new
    ),
    log_payloads AS (
        INSERT INTO audit.payloads (stream, seq, at, act, actor, subject, salt, payload)
        SELECT stream, seq, %(log_at)s, act, actor, subject, salt, payload FROM log_new
    ),
    log_heads AS (
        INSERT INTO audit.streams AS s (name, seq, hash)
        SELECT name, seq, decode(hash, 'hex')
        FROM json_to_recordset(%(log_heads)s::json) AS h(name text, seq bigint, hash text)
        ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, hash = excluded.hash
    )
"""
_PARTS = " ".join(_PARTS.split())
_WRITE = f"WITH {_PARTS} SELECT"


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows of the log as parts of somebody's statement, `WITH <statement> ...`."""

    statement: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Row:
    stream: str
    act: str
    actor: str
    subject: str
    payload: bytes


class _Log:
    """The rows that wait for the commit, and the heads that this transaction has locked."""

    def __init__(self) -> None:
        self.rows: list[_Row] = []
        self.heads: dict[str, tuple[int, bytes]] = {}

    def mark(self) -> object:
        return list(self.rows), dict(self.heads)

    def restore(self, mark: Any) -> None:
        # The locks of a savepoint end with it, so the heads taken inside are forgotten too.
        self.rows, self.heads = mark

    def write(self, session: Session) -> None:
        if not self.rows:
            return
        unlocked = sorted({row.stream for row in self.rows} - self.heads.keys())
        while unlocked:
            for name, seq, hash_ in session.execute(_LOCK, {"names": unlocked, "zero": chain.ZERO}):
                self.heads[name] = (seq, hash_)
            unlocked = [name for name in unlocked if name not in self.heads]
        execute(session, _WRITE, self.chained(session, self.rows))
        self.rows = []

    def chained(self, session: Session, rows: list[_Row]) -> dict[str, Any]:
        """The parameters that write these rows at the heads of their streams, which are locked."""
        new: list[dict[str, Any]] = []
        moved: dict[str, dict[str, Any]] = {}
        for row in rows:
            seq, previous = self.heads[row.stream]
            salt = secrets.token_bytes(chain.SALT_BYTES)
            content_hash = chain.payload_hash(salt, row.payload)
            hash_ = chain.row_hash(previous, seq + 1, row.stream, content_hash)
            self.heads[row.stream] = (seq + 1, hash_)
            moved[row.stream] = {"name": row.stream, "seq": seq + 1, "hash": hash_.hex()}
            new.append(
                {
                    "stream": row.stream,
                    "seq": seq + 1,
                    "act": row.act,
                    "actor": row.actor,
                    "subject": row.subject,
                    "salt": salt.hex(),
                    "payload": row.payload.decode(),
                    "payload_hash": content_hash.hex(),
                    "hash": hash_.hex(),
                }
            )
        return {
            "log_rows": orjson.dumps(new).decode(),
            "log_heads": orjson.dumps(list(moved.values())).decode(),
            "log_at": now(session),
        }


def record(session: Session, stream: str, act: str, *, actor: str, subject: str = "", **facts: Any) -> None:
    """Add a row to a stream, written with the commit of this transaction.

    stream: `instance:<id>`, `model:<id>`, `person:<id>` or `system`. act: noun.verb in the past tense. facts: JSON
    values. Raises FactNotRecordable at once. Under a made-up clock the row says so.
    """
    if clock(session).made_up:
        facts = {**facts, "made_up_time": True}
    content = chain.payload(act, actor, subject, now(session), facts)
    if not stream or "\x00" in stream:
        raise chain.FactNotRecordable(name="stream", act=act, reason=f"{stream!r} is no name")
    _log(session).rows.append(_Row(stream, act, actor, subject, content))


def parts(session: Session) -> Parts | None:
    """What waits for the commit on streams whose heads this transaction has locked, for the caller's own statement.

    The caller sends it: the rows wait no longer. None where there are none.
    """
    log = _log(session)
    ready = [row for row in log.rows if row.stream in log.heads]
    if not ready:
        return None
    log.rows = [row for row in log.rows if row.stream not in log.heads]
    return Parts(_PARTS, log.chained(session, ready))


def adopt(session: Session, stream: str, seq: int, hash: bytes) -> None:
    """Tell that the caller has locked this stream's head and read it as (seq, hash): it is not locked again."""
    _log(session).heads.setdefault(stream, (seq, bytes(hash)))


def open_stream(session: Session, stream: str) -> None:
    """Tell that this stream is certainly new: nothing is locked. A stream that exists makes the commit fail."""
    adopt(session, stream, 0, chain.ZERO)


@contextmanager
def attempted(store: Store, stream: str, act: str, *, actor: str, subject: str = "") -> Iterator[Session]:
    """A transaction whose refusal is recorded: the error is raised on, the work rolled back, the row committed.

    act: what is tried, as a noun and a verb: `model.register`; the row's act is that with `.refused` at its end.
    """
    try:
        with transaction(store) as session:
            yield session
    except GatewrightError as refused:
        refusal(store, stream, f"{act}.refused", actor=actor, subject=subject, code=refused.code, reason=str(refused))
        raise


def refusal(store: Store, stream: str, act: str, *, actor: str, subject: str = "", **facts: Any) -> None:
    """Record that an act was refused, in a transaction of its own: the refused one has been rolled back."""
    with transaction(store) as session:
        record(session, stream, act, actor=actor, subject=subject, **facts)


def _log(session: Session) -> _Log:
    return cast(_Log, buffer(session, "audit", _Log))
