"""Counts of decisions, truths and answer times: written with the answers and with the labels, read for any window.

Kept as the counts of columns are (see `counts`): as pieces by those who write, as spans once the clock added them up.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from engine.inferences import business, rows, spans
from engine.inferences.business import Terms
from engine.inferences.counts import FOLDED_AT_ONCE, LOOK_AGAIN_SECONDS, References
from engine.inferences.inference import Answered, Inference
from engine.inferences.tables import OutcomePieceRow, OutcomeSpanRow
from engine.inventory import queries, thresholds
from engine.inventory.expressions import Row
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
    Sums,
    count,
    layout,
    right,
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
    terms: Terms = field(default_factory=Terms)

    def decided(self, decision: str | None, score: float | None) -> int:
        """UNDECIDED, DECLINED or SELECTED."""
        found = self.words.favours(decision, score if self.layout.scored else None, self.cut_off)
        if found is None:
            return UNDECIDED
        return SELECTED if found else DECLINED

    def all_decided(self, decisions: Sequence[str | None], scores: Sequence[float | None]) -> list[int]:
        """`decided` of many: where every word tells, the scores are not asked."""
        told = {each: self.decided(each, None) for each in set(decisions)}
        if UNDECIDED not in told.values():
            return [told[each] for each in decisions]
        return [self.decided(*each) for each in zip(decisions, scores, strict=True)]


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
            terms=business.terms(declared),
        )


def add(session: Session, manners: Manners, group: Iterable[Answered]) -> None:
    """Count the decisions and the answer times of a group of the log, in the transaction that writes it."""
    found: dict[_Of, _Rows] = defaultdict(_Rows)
    requests = []
    for each in group:
        key = each.model, each.version, each.environment
        found[key].add(spans.numbers_of(each.logged_at, each.event_times), each.inputs, each.scores, each.decisions)
        found[key].parts.append(each)
        requests.append((key, each.logged_at, each.latency_us))
    _write(session, [*_answers(session, manners, found), *_requests(requests)])


def add_again(session: Session, manners: Manners, inferences: Iterable[Inference]) -> None:
    """The same for inferences one by one: those that were not in the log before."""
    found: dict[_Of, _Rows] = defaultdict(_Rows)
    requests = []
    for each in inferences:
        key = each.model, each.version, each.environment
        found[key].add([spans.number_of(each.event_time)], [each.input], [each.score], [each.decision])
        found[key].parts.append(each)
        if each.position == 0:
            requests.append((key, each.logged_at, each.latency_us))
    _write(session, [*_answers(session, manners, found), *_requests(requests)])


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


def by_span(session: Session, models: Collection[str], unit: str) -> dict[tuple[str, str], dict[datetime, Named]]:
    """(model, environment) -> when a day or month (UTC) begins -> what was counted of all its versions in it.

    One statement. unit: "day" or "month", of event time.
    """
    span, piece = OutcomeSpanRow, OutcomePieceRow
    whole = select(span.model, span.environment, span.starts_at, span.counts).where(
        span.model.in_(models), span.kind == OUTCOMES, span.unit == unit
    )
    pieces = select(piece.model, piece.environment, piece.hour, piece.counts).where(
        piece.model.in_(models), piece.kind == OUTCOMES
    )
    found: dict[tuple[str, str], dict[datetime, list[Named]]] = defaultdict(lambda: defaultdict(list))
    for model, environment, moment, packed in session.execute(whole.union_all(pieces)):
        found[model, environment][spans.floor(moment, unit)].append(Named.unpacked(packed))
    return {key: {at: added(parts) for at, parts in sorted(each.items())} for key, each in sorted(found.items())}


_KEY = ("model", "version", "environment", "kind", "unit", "starts_at")

_Of = tuple[str, int, str]  #: model, version, environment
_Piece = tuple[str, _Of, int, Named]


@dataclass(slots=True)
class _Rows:
    """Answered rows of one version in one environment, by column."""

    hours: list[int] = field(default_factory=list)
    inputs: list[Mapping[str, Any]] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    decisions: list[str | None] = field(default_factory=list)
    parts: list[Answered | Inference] = field(default_factory=list)  #: the same rows, as they came

    def __iter__(self) -> Iterator[Inference]:
        """One by one, where that is asked for: it costs some microseconds a row."""
        for each in self.parts:
            if isinstance(each, Inference):
                yield each
            else:
                yield from each.inferences()

    def add(
        self,
        hours: Sequence[int],
        inputs: Sequence[Mapping[str, Any]],
        scores: Sequence[float | None],
        decisions: Sequence[str | None],
    ) -> None:
        self.hours += hours
        self.inputs += inputs
        self.scores += scores
        self.decisions += decisions


def _answers(session: Session, manners: Manners, of: Mapping[_Of, _Rows]) -> Iterable[_Piece]:
    for key, many in of.items():
        manner = manners.of(session, key[0], key[1])
        if manner is None or not many.hours:
            continue
        decided = np.array(manner.all_decided(many.decisions, many.scores), dtype=np.int64)
        # None becomes nan.
        scores = np.array(many.scores if manner.layout.scored else [None] * len(decided), dtype=np.float64)
        cases = Cases(
            spans=np.array(many.hours, dtype=np.int64),
            known=np.full(len(decided), ANSWERED, dtype=np.int64),
            decided=decided,
            scores=scores,
            groups={
                each.column.name: (each.of([given.get(each.column.name) for given in many.inputs]), each.labels)
                for each in manner.layout.attributes
            },
            sums=_asked(session, manner.terms, many),
            added=right(decided, scores),
        )
        yield from ((OUTCOMES, key, hour, found) for hour, found in sorted(count(cases).items()))


def _asked(session: Session, terms: Terms, many: _Rows) -> Sequence[Sums]:
    """What KPIs and rules add for each row; the rows that break a rule are noted."""
    if not terms.asks:
        return ()
    found, broken = [], []
    for each in many:
        adds, rules = business.asked(
            terms, Row(input=each.input, score=each.score, decision=each.decision, output=each.output)
        )
        found.append(adds)
        broken += [(each, rule) for rule in rules]
    business.note(session, broken)
    return found


def _requests(requests: Iterable[tuple[tuple[str, int, str], datetime, int]]) -> Iterable[_Piece]:
    by_hour: dict[tuple[tuple[str, int, str], int], list[int]] = defaultdict(list)
    for key, logged_at, latency_us in requests:
        by_hour[key, spans.number_of(logged_at)].append(latency_us)
    for (key, hour), found in sorted(by_hour.items()):
        places, times = np.unique(durations.cells(found), return_counts=True)
        yield REQUESTS, key, hour, in_order(len(found), (LATENCY,), places, times.astype(np.int64), {})


def _write(session: Session, pieces: Iterable[_Piece]) -> None:
    rows.insert(
        session,
        "outcome_pieces",
        ("id", "kind", "model", "version", "environment", "hour", "counts"),
        [(new_id(), kind, *key, spans.start_of(hour), found.packed()) for kind, key, hour, found in pieces],
    )
