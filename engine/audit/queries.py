"""Reading the log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from engine.audit.tables import EntryRow, PayloadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the log."""

    stream: str
    seq: int
    at: datetime
    act: str
    actor: str  #: empty where the content was erased
    subject: str
    facts: Mapping[str, Any]
    erased: bool
    hash: str


def entries(
    session: Session,
    *,
    stream: str | None = None,
    actor: str | None = None,
    act: str | None = None,
    subject: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[Entry]:
    """The rows that match, newest first, in one statement. act: a whole name, or a prefix that ends in a dot."""
    wanted = (
        select(PayloadRow, EntryRow.hash)
        .join(EntryRow, (EntryRow.stream == PayloadRow.stream) & (EntryRow.seq == PayloadRow.seq))
        .where(*_matching(stream, actor, act, subject, after, before))
        .order_by(PayloadRow.at.desc(), PayloadRow.stream, PayloadRow.seq.desc())
        .limit(limit)
        .offset(offset)
    )
    return [_entry(row, hash_) for row, hash_ in session.execute(wanted)]


def count(
    session: Session,
    *,
    stream: str | None = None,
    actor: str | None = None,
    act: str | None = None,
    subject: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
) -> int:
    """How many rows match."""
    matching = _matching(stream, actor, act, subject, after, before)
    return session.execute(select(func.count()).select_from(PayloadRow).where(*matching)).scalar_one()


def _matching(
    stream: str | None,
    actor: str | None,
    act: str | None,
    subject: str | None,
    after: datetime | None,
    before: datetime | None,
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if stream is not None:
        found.append(PayloadRow.stream == stream)
    if actor is not None:
        found.append(PayloadRow.actor == actor)
    if act is not None:
        found.append(PayloadRow.act.startswith(act, autoescape=True) if act.endswith(".") else PayloadRow.act == act)
    if subject is not None:
        found.append(PayloadRow.subject == subject)
    if after is not None:
        found.append(PayloadRow.at >= after)
    if before is not None:
        found.append(PayloadRow.at < before)
    return found


def _entry(row: PayloadRow, hash_: bytes) -> Entry:
    erased = row.payload is None
    facts = {} if row.payload is None else json.loads(row.payload)["facts"]
    return Entry(
        stream=row.stream,
        seq=row.seq,
        at=row.at,
        act=row.act,
        actor=row.actor or "",
        subject=row.subject or "",
        facts=facts,
        erased=erased,
        hash=hash_.hex(),
    )
