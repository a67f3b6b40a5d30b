"""Counts of decisions, truths and answer times: written with the answers and with the labels, read for any window.

Kept as the counts of columns are (see `counts`): as pieces by those who write, as spans once the clock added them up.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from engine.inferences import spans
from engine.inferences.counts import FOLDED_AT_ONCE, LOOK_AGAIN_SECONDS, References
from engine.inferences.inference import Answered, Inference
from engine.inferences.tables import OutcomePieceRow, OutcomeSpanRow
from engine.inventory import queries, thresholds
from engine.inventory.metadata import Outcomes
from engine.inventory.queries import ModelUnknown
from engine.inventory.references import VersionRef
from engine.statistics import durations
from engine.statistics.named import Name, Named, added, in_order, total_of_packed
from engine.statistics.outcomes import (
    ANSWERED,
    DECLINED,
    SELECTED,
    UNDECIDED,
    Cases,
    Layout,
    answered_sums,
    count,
    layout,
)
from engine.store import new_id

OUTCOMES, REQUESTS = "outcomes", "requests"
LATENCY: Name = ("latency",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the outcomes of a version are counted: its groups, and the words of its model."""

    layout: Layout
    words: Outcomes
    cut_off: float

    def decided(self, decision: str | None, score: float | None) -> int:
        """UNDECIDED, DECLINED or SELECTED."""
        found = self.words.favours(decision, score if self.layout.scored else None, self.cut_off)
        if found is None:
            return UNDECIDED
        return SELECTED if found else DECLINED


@dataclass(slots=True)
class Manners:
    """The manners of the versions that are scored or labelled here, kept in memory and looked up again now and then."""

    references: References
    _known: dict[tuple[str, int], tuple[float, Manner | None]] = field(default_factory=dict)

    def of(self, session: Session, model: str, version: int) -> Manner | None:
        """The manner of a version; None where it has no reference: its outcomes are not counted."""
        known = self._known.get((model, version))
        if known is None or time.monotonic() - known[0] > LOOK_AGAIN_SECONDS:
            known = self._known[model, version] = time.monotonic(), self._look(session, model, version)
        return known[1]

    def _look(self, session: Session, model: str, version: int) -> Manner | None:
        found = self.references.of(session, model, version)
        if found is None:
            return None
        try:
            declared = queries.model(session, model).metadata
        except ModelUnknown:
            return None
        return Manner(
            layout=layout(found[1], declared.protected),
            words=declared.outcomes,
            cut_off=thresholds.cut_off(declared.thresholds),
        )


def add(session: Session, manners: Manners, group: Iterable[Answered]) -> None:
    """Count the decisions and the answer times of a group of the log, in the transaction that writes it."""
    rows = [
        {
            "key": (each.model, each.version, each.environment),
            "moment": moment or each.logged_at,
            "input": given,
            "score": score,
            "decision": decision,
        }
        for each in group
        for moment, given, score, decision in zip(
            each.event_times, each.inputs, each.scores, each.decisions, strict=True
        )
    ]
    requests = [((each.model, each.version, each.environment), each.logged_at, each.latency_us) for each in group]
    _write(session, [*_answers(session, manners, rows), *_requests(requests)])


def add_again(session: Session, manners: Manners, inferences: Iterable[Inference]) -> None:
    """The same for inferences one by one: those that were not in the log before."""
    rows, requests = [], []
    for each in inferences:
        key = each.model, each.version, each.environment
        rows.append({"key": key, "moment": each.event_time, **{n: getattr(each, n) for n in _READ}})
        if each.position == 0:
            requests.append((key, each.logged_at, each.latency_us))
    _write(session, [*_answers(session, manners, rows), *_requests(requests)])


def write(session: Session, key: tuple[str, int, str], pieces: Mapping[int, Named]) -> None:
    """Counts of outcomes by the hour, in the transaction of those who counted."""
    _write(session, [(OUTCOMES, key, hour, found) for hour, found in sorted(pieces.items())])


def fold(session: Session) -> int:
    """Add pieces to their spans; returns how many. Where another process is about it, none. As `counts.fold`."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtextextended("inferences.fold_outcomes", 0)))):
        return 0
    pieces = session.scalars(select(OutcomePieceRow).order_by(OutcomePieceRow.id).limit(FOLDED_AT_ONCE)).all()
    parts: dict[tuple[Any, ...], list[Named]] = defaultdict(list)
    for piece in pieces:
        found = Named.unpacked(piece.counts)
        for unit, starts_at in spans.of(piece.hour):
            parts[piece.model, piece.version, piece.environment, piece.kind, unit, starts_at].append(found)
    if not parts:
        return 0
    key = [getattr(OutcomeSpanRow, name) for name in _KEY]
    for row in session.scalars(select(OutcomeSpanRow).where(tuple_(*key).in_(list(parts)))):
        parts[tuple(getattr(row, name) for name in _KEY)].append(Named.unpacked(row.counts))
    values = [
        {**dict(zip(_KEY, of, strict=True)), "counts": added(found).packed()} for of, found in sorted(parts.items())
    ]
    statement = upsert(OutcomeSpanRow)
    session.execute(
        statement.on_conflict_do_update(constraint="pk_outcome_spans", set_={"counts": statement.excluded.counts}),
        values,
    )
    session.execute(delete(OutcomePieceRow).where(OutcomePieceRow.id.in_([piece.id for piece in pieces])))
    return len(pieces)


def window(
    session: Session,
    ref: VersionRef,
    *,
    kind: str = OUTCOMES,
    environment: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Named:
    """What was counted of a version between two instants, widened to whole hours; None is open. One statement."""
    first, end = spans.whole_hours(since, until)
    whole = select(OutcomeSpanRow.counts).where(
        OutcomeSpanRow.model == ref.model,
        OutcomeSpanRow.version == ref.number,
        OutcomeSpanRow.kind == kind,
        spans.inside(OutcomeSpanRow.unit, OutcomeSpanRow.starts_at, first, end),
    )
    pieces = select(OutcomePieceRow.counts).where(
        OutcomePieceRow.model == ref.model,
        OutcomePieceRow.version == ref.number,
        OutcomePieceRow.kind == kind,
        spans.within(OutcomePieceRow.hour, first, end),
    )
    if environment is not None:
        whole = whole.where(OutcomeSpanRow.environment == environment)
        pieces = pieces.where(OutcomePieceRow.environment == environment)
    # One statement, so one snapshot: between two of them a piece could become part of a span.
    return total_of_packed(session.scalars(whole.union_all(pieces)).all())


_READ = ("input", "score", "decision")
_KEY = ("model", "version", "environment", "kind", "unit", "starts_at")

_Piece = tuple[str, tuple[str, int, str], int, Named]


def _answers(session: Session, manners: Manners, rows: Sequence[Mapping[str, Any]]) -> Iterable[_Piece]:
    by_version: dict[tuple[str, int, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_version[row["key"]].append(row)
    for key, many in by_version.items():
        manner = manners.of(session, key[0], key[1])
        if manner is None:
            continue
        decided = [manner.decided(row["decision"], row["score"]) for row in many]
        scores = [math.nan if row["score"] is None or not manner.layout.scored else float(row["score"]) for row in many]
        cases = Cases(
            spans=np.array([spans.number_of(row["moment"]) for row in many], dtype=np.int64),
            known=np.full(len(many), ANSWERED, dtype=np.int64),
            decided=np.array(decided, dtype=np.int64),
            scores=np.array(scores, dtype=np.float64),
            groups={
                each.column.name: (each.of([row["input"].get(each.column.name) for row in many]), each.labels)
                for each in manner.layout.attributes
            },
            sums=[answered_sums(chosen, score) for chosen, score in zip(decided, scores, strict=True)],
        )
        yield from ((OUTCOMES, key, hour, found) for hour, found in sorted(count(cases).items()))


def _requests(requests: Iterable[tuple[tuple[str, int, str], datetime, int]]) -> Iterable[_Piece]:
    by_hour: dict[tuple[tuple[str, int, str], int], list[int]] = defaultdict(list)
    for key, logged_at, latency_us in requests:
        by_hour[key, spans.number_of(logged_at)].append(latency_us)
    for (key, hour), found in sorted(by_hour.items()):
        places, times = np.unique(durations.cells(found), return_counts=True)
        yield REQUESTS, key, hour, in_order(len(found), (LATENCY,), places, times.astype(np.int64), {})


def _write(session: Session, pieces: Sequence[_Piece]) -> None:
    """One statement, however many."""
    if pieces:
        values = [
            {
                "id": new_id(),
                "kind": kind,
                "model": key[0],
                "version": key[1],
                "environment": key[2],
                "hour": spans.start_of(hour),
                "counts": found.packed(),
            }
            for kind, key, hour, found in pieces
        ]
        session.execute(insert(OutcomePieceRow), values)
