"""Checking the log in the database, in one snapshot and in memory that does not grow with the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, text

from engine.audit import chain, checkpoints, keys
from engine.audit.checkpoints import Checkpoint, Head
from engine.audit.proof import Link, Proof, Report
from engine.store import Store

_CHECKPOINTS = text("SELECT number, statement, signature FROM audit.checkpoints ORDER BY number")
_HEADS = text("""
    SELECT checkpoint, stream, seq, hash FROM audit.checkpoint_heads ORDER BY checkpoint, stream COLLATE "C"
""")
_STREAMS = text("SELECT name, seq, hash FROM audit.streams WHERE seq > 0")
_LINKS = """
    SELECT coalesce(e.stream, p.stream) AS stream, coalesce(e.seq, p.seq) AS seq, e.payload_hash, e.hash,
        p.salt, p.payload, p.stream IS NOT NULL AS told, p.at, p.act, p.actor, p.subject,
        x.seq IS NOT NULL AS erasure, h.checkpoint, h.hash AS signed_hash
    FROM audit.entries e
    FULL JOIN audit.payloads p ON (p.stream, p.seq) = (e.stream, e.seq)
    LEFT JOIN audit.erasures x ON (x.stream, x.seq) = (p.stream, p.seq)
    LEFT JOIN audit.checkpoint_heads h ON (h.stream, h.seq) = (e.stream, e.seq)
    {where}
    ORDER BY coalesce(e.stream, p.stream) COLLATE "C", coalesce(e.seq, p.seq)
"""


def verify(store: Store, *, progress: Callable[[int], None] | None = None) -> Report:
    """Recompute every hash and check every checkpoint, also against those kept outside of the database.

    It names rows altered, removed or put in, tails that were cut and streams that vanished, whoever did it, with two
    limits: in the span that no checkpoint covers yet, a whole end of a stream written anew by the formula cannot be
    told from a true one; nor can the time and the act of a row whose content was erased. progress: called with the
    number of rows checked so far.
    """
    with snapshot(store) as connection:
        proof = Proof(keys.public(store.settings))
        inside = {}
        heads = groupby(_heads(connection), key=lambda pair: pair[0])
        waiting = next(heads, None)
        for number, checkpoint in stored(connection):
            inside[number] = checkpoint.statement
            own: list[Head] = []
            while waiting is not None and waiting[0] <= number:
                if waiting[0] == number:
                    own = [head for _, head in waiting[1]]
                waiting = next(heads, None)
            proof.checkpoint(checkpoint, own)
        if waiting is not None:
            proof.orphans(waiting[0])
        proof.outside(checkpoints.outside(store.settings), inside)
        kept = {name: (seq, bytes(hash_)) for name, seq, hash_ in connection.execute(_STREAMS)}
        for name, rows in groupby(links(connection), key=lambda link: link.stream):
            proof.stream(name, _counted(rows, progress), kept.pop(name, (0, chain.ZERO)))
        for name, head in sorted(kept.items()):
            proof.stream(name, [], head)
        return proof.report()


@contextmanager
def snapshot(store: Store) -> Iterator[Connection]:
    """A connection that sees the log as it is at one instant, and reads it in pieces."""
    with store.engine.connect() as connection:
        yield connection.execution_options(isolation_level="REPEATABLE READ", yield_per=1000)


def stored(connection: Connection) -> Iterator[tuple[int, Checkpoint]]:
    """The checkpoints in the database by number."""
    for number, statement, signature in connection.execute(_CHECKPOINTS).all():
        yield number, Checkpoint(bytes(statement), bytes(signature))


def links(connection: Connection, streams: list[str] | None = None) -> Iterator[Link]:
    """The rows of all streams, or of those named, by stream and seq."""
    where = "" if streams is None else "WHERE coalesce(e.stream, p.stream) = ANY(:streams)"
    values: dict[str, Any] = {} if streams is None else {"streams": streams}
    for row in connection.execute(text(_LINKS.format(where=where)), values):
        yield Link(
            stream=row.stream,
            seq=row.seq,
            payload_hash=row.payload_hash,
            hash=row.hash,
            salt=row.salt,
            payload=row.payload,
            told=row.told,
            columns=(chain.instant(row.at), row.act, row.actor, row.subject) if row.told else None,
            erasure=row.erasure,
            signed=None if row.checkpoint is None else (row.checkpoint, row.signed_hash),
        )


def _heads(connection: Connection) -> Iterator[tuple[int, Head]]:
    for number, stream, seq, hash_ in connection.execute(_HEADS):
        yield number, Head(stream, seq, bytes(hash_))


def _counted(rows: Iterator[Link], progress: Callable[[int], None] | None) -> Iterator[Link]:
    for count, row in enumerate(rows, 1):
        yield row
        if progress is not None and count % 1000 == 0:
            progress(1000)
