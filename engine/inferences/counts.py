"""Counts of what was answered: written with the answers, added up by the clock, read for any window.

    piece   the rows of one group of the log that lie in one hour of event time, in the transaction that writes them
    span    all pieces of an hour, a day or a month that were added up so far

A piece is added to its hour, its day and its month in one transaction and is gone, so that at any moment spans and
pieces together count each row once. A window takes the largest spans that fit: a year costs a few dozen rows to read.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, delete, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.inferences import rows, spans
from engine.inferences.inference import Answered, Inference
from engine.inferences.tables import PieceRow, SpanRow
from engine.inventory import queries
from engine.inventory.references import VersionRef
from engine.statistics.tallies import OUTPUT, Reference, Tally, total, total_of_packed
from engine.store import Files, files, new_id

LOOK_AGAIN_SECONDS = 10.0
FOLDED_AT_ONCE = 2_000

logger = logging.getLogger(__name__)


class NoReference(GatewrightError):
    """{version} has no reference: nothing that its windows could be held against."""

    code = "no-reference"
    hint = "Have the version tested: the test counts what its columns held, and counting begins with it."
    status = 409


@dataclass(slots=True)
class References:
    """The references of the versions that are scored here, kept in memory and looked up again now and then."""

    store_files: Files
    _current: dict[tuple[str, int], tuple[float, str | None]] = field(default_factory=dict)
    _read: dict[str, Reference | None] = field(default_factory=dict)

    def of(self, session: Session, model: str, version: int) -> tuple[str, Reference] | None:
        """(digest, reference) of a version; None where it has none that can be read: its rows are not counted."""
        known = self._current.get((model, version))
        if known is None or time.monotonic() - known[0] > LOOK_AGAIN_SECONDS:
            digest = queries.asset_digests(session, VersionRef(model, version)).get("reference")
            known = self._current[model, version] = (time.monotonic(), digest)
        if known[1] is None:
            return None
        if known[1] not in self._read:
            try:
                self._read[known[1]] = Reference.from_bytes(self.store_files.read(known[1]))
            except (GatewrightError, OSError, ValueError):
                self._read[known[1]] = None
                logger.exception(
                    "The reference of %s@%s cannot be read; its inferences are not counted", model, version
                )
        found = self._read[known[1]]
        return None if found is None else (known[1], found)


def add(session: Session, references: References, group: Iterable[Answered]) -> None:
    """Count the rows of a group of the log, in the transaction that writes them."""
    by_version: dict[tuple[str, int, str], list[Answered]] = defaultdict(list)
    for answered in group:
        by_version[answered.model, answered.version, answered.environment].append(answered)
    for key, many in by_version.items():
        hours = [hour for each in many for hour in spans.numbers_of(each.logged_at, each.event_times)]
        inputs = [given for each in many for given in each.inputs]
        scores = [score for each in many for score in each.scores]
        _write(session, references, key, hours, inputs, scores, _shared([each.numbers for each in many]))


def add_again(session: Session, references: References, inferences: Iterable[Inference]) -> None:
    """The same for inferences one by one: those that were not in the log before."""
    by_version: dict[tuple[str, int, str], list[Inference]] = defaultdict(list)
    for each in inferences:
        by_version[each.model, each.version, each.environment].append(each)
    for key, many in by_version.items():
        hours, inputs = [spans.number_of(each.event_time) for each in many], [each.input for each in many]
        _write(session, references, key, hours, inputs, [each.score for each in many])


def fold(session: Session) -> int:
    """Add pieces to their spans; returns how many. Where another process is about it, none.

    The lock is advisory: a folder that died with its connection has released it, and changed nothing.
    """
    if not session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended("inferences.fold", 0)))):
        return 0
    pieces = session.scalars(select(PieceRow).order_by(PieceRow.id).limit(FOLDED_AT_ONCE)).all()
    added: dict[tuple[Any, ...], list[tuple[int, Tally]]] = defaultdict(list)
    for piece in pieces:
        tally = Tally.unpacked(piece.tally)
        for unit, starts_at in spans.of(piece.hour):
            key = (piece.model, piece.version, piece.environment, piece.reference, unit, starts_at)
            added[key].append((piece.rows, tally))
    if not added:
        return 0
    columns = (
        SpanRow.model,
        SpanRow.version,
        SpanRow.environment,
        SpanRow.reference,
        SpanRow.unit,
        SpanRow.starts_at,
    )
    for row in session.scalars(select(SpanRow).where(tuple_(*columns).in_(list(added)))):
        key = (row.model, row.version, row.environment, row.reference, row.unit, row.starts_at)
        added[key].append((row.rows, Tally.unpacked(row.tally)))
    values = [
        {
            **dict(zip(("model", "version", "environment", "reference", "unit", "starts_at"), key, strict=True)),
            "rows": sum(rows for rows, _ in found),
            "tally": total([tally for _, tally in found], len(found[0][1].scaled)).packed(),
        }
        for key, found in sorted(added.items())
    ]
    statement = upsert(SpanRow)
    session.execute(
        statement.on_conflict_do_update(
            constraint="pk_spans", set_={name: statement.excluded[name] for name in ("rows", "tally")}
        ),
        values,
    )
    session.execute(delete(PieceRow).where(PieceRow.id.in_([piece.id for piece in pieces])))
    return len(pieces)


def reference_of(session: Session, ref: VersionRef) -> tuple[str, Reference]:
    """(digest, reference) of a version; raises VersionUnknown, NoReference."""
    queries.version(session, ref)
    digest = queries.asset_digests(session, ref).get("reference")
    if digest is None:
        raise NoReference(version=ref)
    return digest, _read(files(session), digest)


@lru_cache(maxsize=16)
def _read(store_files: Files, digest: str) -> Reference:
    """A file never changes: what was read of it is kept, with the groups that are made from it."""
    return Reference.from_bytes(store_files.read(digest))


def window(
    session: Session,
    ref: VersionRef,
    reference: str,
    columns: int,
    *,
    environment: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Tally:
    """What was counted on a reference of so many columns, between two instants of event time; one statement.

    Counts are kept by the hour: the window is widened to whole hours of UTC. None is open.
    """
    first, end = spans.whole_hours(since, until)
    whole = select(SpanRow.tally).where(
        _of(SpanRow, "reference", ref, reference), spans.inside(SpanRow.unit, SpanRow.starts_at, first, end)
    )
    pieces = select(PieceRow.tally).where(
        _of(PieceRow, "reference", ref, reference), spans.within(PieceRow.hour, first, end)
    )
    if environment is not None:
        whole, pieces = (
            whole.where(SpanRow.environment == environment),
            pieces.where(PieceRow.environment == environment),
        )
    # One statement, so one snapshot: between two of them a piece could become part of a span.
    return total_of_packed(session.scalars(whole.union_all(pieces)), columns)


def rows_between(session: Session, ref: VersionRef, *, environment: str, since: datetime, until: datetime) -> int:
    """How many rows of a version were counted between two instants, widened to whole hours; no counts are read."""
    first, end = spans.whole_hours(since, until)
    whole = select(SpanRow.rows).where(
        _of(SpanRow, "environment", ref, environment), spans.inside(SpanRow.unit, SpanRow.starts_at, first, end)
    )
    pieces = select(PieceRow.rows).where(
        _of(PieceRow, "environment", ref, environment), spans.within(PieceRow.hour, first, end)
    )
    return int(session.scalar(select(func.coalesce(func.sum(whole.union_all(pieces).subquery().c.rows), 0))) or 0)


def newest(session: Session, ref: VersionRef, environment: str) -> datetime | None:
    """The newest hour of event time of which anything of a version was counted; None where nothing was."""
    found = [
        session.scalar(
            select(func.max(SpanRow.starts_at)).where(
                _of(SpanRow, "environment", ref, environment), SpanRow.unit == "hour"
            )
        ),
        session.scalar(select(func.max(PieceRow.hour)).where(_of(PieceRow, "environment", ref, environment))),
    ]
    return max((hour for hour in found if hour is not None), default=None)


def _of(table: type[SpanRow | PieceRow], column: str, ref: VersionRef, value: str) -> ColumnElement[bool]:
    """The rows of a version that have this value in one further column."""
    key = tuple_(table.model, table.version, getattr(table, column))
    return key == tuple_(literal(ref.model), literal(ref.number), literal(value))


def _write(
    session: Session,
    references: References,
    key: tuple[str, int, str],
    hours: Sequence[int],
    inputs: Sequence[Mapping[str, Any]],
    scores: Sequence[float | None],
    numbers: Mapping[str, NDArray[np.float64]] | None = None,
) -> None:
    model, version, environment = key
    found = references.of(session, model, version)
    if found is None or not hours:
        return
    digest, reference = found
    known = numbers or {}
    values: dict[str, Any] = {
        name: known[name] if name in known else [given.get(name) for given in inputs]
        for name in reference.names()
        if name != OUTPUT
    }
    tallies = reference.tallies({**values, OUTPUT: scores}, hours)
    rows.insert(
        session,
        "pieces",
        ("id", "model", "version", "environment", "reference", "hour", "rows", "tally"),
        [
            (new_id(), model, version, environment, digest, spans.start_of(hour), tally.rows, tally.packed())
            for hour, tally in tallies.items()
        ],
    )


def _shared(parts: Sequence[Mapping[str, NDArray[np.float64]]]) -> Mapping[str, NDArray[np.float64]]:
    """The columns that all requests have as numbers, one behind the other."""
    if len(parts) == 1:
        return parts[0]
    names = set(parts[0]).intersection(*parts[1:])
    return {name: np.concatenate([each[name] for each in parts]) for name in names}
