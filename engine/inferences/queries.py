"""Reading the inference log: one row by its id, and what a span of event time holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Integer, Text, cast, func, select
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.inferences import retention, spans
from engine.inferences.inference import Inference
from engine.inferences.tables import InferenceRow, LabelRow, PieceRow, RefusalRow, SpanRow

_AT_ONCE = 5_000


class InferenceUnknown(GatewrightError):
    """There is no inference {id}."""

    code = "inference-unknown"
    hint = "Look the id up in the answer that the scoring service gave."
    status = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of a model's life: from `since` on, before `until`; None is open. Inferences count by their event time."""

    model: str
    since: datetime | None = None
    until: datetime | None = None
    version: int | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time from a request's arrival to its answer, over requests; None where there were none."""

    requests: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests by how they ended, in a span of system time: of one that was refused no event time is known."""

    answered: int
    refused: int  #: the caller's mistakes: status below 500
    failed: int  #: ours: status 500 and above
    by_code: Mapping[str, int]  #: refused and failed ones

    @property
    def error_rate(self) -> float | None:
        """The share of failed requests among those answered or failed; None where there were neither."""
        return self.failed / (self.failed + self.answered) if self.failed + self.answered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a window holds."""

    window: Window
    rows: int
    rows_by_version: Mapping[int, int]
    decisions: Mapping[str, int]  #: decision -> rows; rows without a decision are not among them
    first_event: datetime | None
    last_event: datetime | None
    mean_score: float | None
    latency: Latency
    labels: int  #: rows of the window whose truth is known

    @property
    def label_state(self) -> str:
        """In words: no inferences, no labels yet, some labels, or all labelled."""
        if not self.rows:
            return "no inferences"
        if not self.labels:
            return "no labels yet"
        return "all labelled" if self.labels >= self.rows else "some labels"


def get(session: Session, id: UUID) -> Inference:
    """The inference with this id; raises InferenceUnknown or InferenceDropped. An index look-up a monthly partition."""
    row = session.scalar(select(InferenceRow).where(InferenceRow.id == id))
    if row is None:
        retention.refuse_dropped(session, id)
        raise InferenceUnknown(id=id)
    return value(row)


def latest(session: Session, model: str, *, limit: int = 50, before: datetime | None = None) -> list[Inference]:
    """The model's inferences by event time, newest first."""
    wanted = select(InferenceRow).where(InferenceRow.model == model).order_by(InferenceRow.event_time.desc())
    if before is not None:
        wanted = wanted.where(InferenceRow.event_time < before)
    return [value(row) for row in session.scalars(wanted.limit(limit))]


def last_events(session: Session, models: Collection[str]) -> dict[str, datetime]:
    """Model -> when it was asked last, by event time; those that never were are left out."""
    asked = func.unnest(cast(list(models), ARRAY(Text))).column_valued("asked")
    # One look into each index, whatever the rows: a grouped maximum would read them all.
    newest = (
        select(InferenceRow.event_time)
        .where(InferenceRow.model == asked)
        .order_by(InferenceRow.event_time.desc())
        .limit(1)
        .scalar_subquery()
    )
    return {model: at for model, at in session.execute(select(asked, newest)) if at is not None}


def counted_since(session: Session, since: datetime) -> dict[str, int]:
    """Model -> rows answered from that hour of event time on, by the counts; models without a reference lack."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    spans = select(SpanRow.model, SpanRow.rows).where(SpanRow.unit == "hour", SpanRow.starts_at >= hour)
    pieces = select(PieceRow.model, PieceRow.rows).where(PieceRow.hour >= hour)
    counted = spans.union_all(pieces).subquery()
    rows = session.execute(select(counted.c.model, func.sum(counted.c.rows)).group_by(counted.c.model))
    return {model: int(n) for model, n in rows}


def count(session: Session, window: Window) -> int:
    """How many rows the window holds."""
    return session.scalar(select(func.count()).where(*_inside(window))) or 0


def summary(session: Session, window: Window) -> Summary:
    """What the window holds, in three statements."""
    rows_by_version: dict[int, int] = {}
    decisions: dict[str, int] = {}
    events: list[datetime] = []
    rows, scored, score_sum = 0, 0, 0.0
    groups = session.execute(
        select(
            InferenceRow.version,
            InferenceRow.decision,
            func.count(),
            func.min(InferenceRow.event_time),
            func.max(InferenceRow.event_time),
            func.count(InferenceRow.score),
            func.sum(InferenceRow.score),
        )
        .where(*_inside(window))
        .group_by(InferenceRow.version, InferenceRow.decision)
        .order_by(InferenceRow.version, InferenceRow.decision)
    )
    for version, decision, n, first, last, n_scored, total in groups:
        rows += n
        rows_by_version[version] = rows_by_version.get(version, 0) + n
        if decision is not None:
            decisions[decision] = decisions.get(decision, 0) + n
        events += [first, last]
        scored, score_sum = scored + n_scored, score_sum + (total or 0.0)
    labels = session.scalar(
        select(func.count())
        .select_from(InferenceRow)
        .join(LabelRow, LabelRow.inference == InferenceRow.id)
        .where(*_inside(window))
    )
    return Summary(
        window=window,
        rows=rows,
        rows_by_version=rows_by_version,
        decisions=decisions,
        first_event=min(events, default=None),
        last_event=max(events, default=None),
        mean_score=score_sum / scored if scored else None,
        latency=latency(session, window),
        labels=labels or 0,
    )


def latency(session: Session, window: Window) -> Latency:
    """Percentiles over requests (not rows: those of one request share its time)."""
    milliseconds = InferenceRow.latency_us / 1000.0
    percentiles = func.percentile_cont([0.5, 0.95, 0.99]).within_group(milliseconds)
    n, found = session.execute(
        select(func.count(), percentiles).where(*_inside(window), InferenceRow.position == 0)
    ).one()
    p50, p95, p99 = found or (None, None, None)
    return Latency(requests=n, p50_ms=p50, p95_ms=p95, p99_ms=p99)


def requests(
    session: Session,
    model: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    environment: str | None = None,
) -> Requests:
    """How the model's requests ended between two instants of system time, widened to whole hours; in two statements."""
    refusals: list[ColumnElement[bool]] = [RefusalRow.model == model]
    answers: list[ColumnElement[bool]] = [InferenceRow.model == model, InferenceRow.position == 0]
    if since is not None:
        first = since.replace(minute=0, second=0, microsecond=0)
        refusals.append(RefusalRow.hour >= first)
        answers.append(InferenceRow.logged_at >= first)
    if until is not None:
        last = until.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        refusals.append(RefusalRow.hour < last)
        answers.append(InferenceRow.logged_at < last)
    if environment is not None:
        refusals.append(RefusalRow.environment == environment)
        answers.append(InferenceRow.environment == environment)
    found = session.execute(
        select(RefusalRow.code, RefusalRow.status, cast(func.sum(RefusalRow.requests), Integer))
        .where(*refusals)
        .group_by(RefusalRow.code, RefusalRow.status)
        .order_by(RefusalRow.code)
    ).all()
    return Requests(
        answered=session.scalar(select(func.count()).where(*answers)) or 0,
        refused=sum(n for _, status, n in found if status < 500),
        failed=sum(n for _, status, n in found if status >= 500),
        by_code={code: n for code, _, n in found},
    )


def of_model(session: Session, model: str, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids that are inferences of the model."""
    found: set[UUID] = set()
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        found.update(
            session.scalars(select(InferenceRow.id).where(InferenceRow.id.in_(part), InferenceRow.model == model))
        )
    return found


def by_reference(session: Session, model: str, references: Sequence[str]) -> dict[str, list[UUID]]:
    """The model's inferences that carry each of the callers' references; one statement for 5,000."""
    found: dict[str, list[UUID]] = {}
    wanted = sorted(set(references))
    for start in range(0, len(wanted), _AT_ONCE):
        part = InferenceRow.caller_reference.in_(wanted[start : start + _AT_ONCE])
        chosen = select(InferenceRow.caller_reference, InferenceRow.id).where(InferenceRow.model == model, part)
        for reference, id in session.execute(chosen):
            found.setdefault(str(reference), []).append(id)
    return found


def failed(session: Session, model: str, *, environment: str, since: datetime, until: datetime) -> int:
    """How many requests to the model failed by our fault between two instants, widened to whole hours."""
    first, end = spans.whole_hours(since, until)
    wanted = select(func.coalesce(func.sum(RefusalRow.requests), 0)).where(
        RefusalRow.model == model,
        RefusalRow.environment == environment,
        RefusalRow.status >= 500,
        spans.within(RefusalRow.hour, first, end),
    )
    return int(session.scalar(wanted) or 0)


def _inside(window: Window) -> list[ColumnElement[bool]]:
    inside: list[ColumnElement[bool]] = [InferenceRow.model == window.model]
    if window.since is not None:
        inside.append(InferenceRow.event_time >= window.since)
    if window.until is not None:
        inside.append(InferenceRow.event_time < window.until)
    if window.version is not None:
        inside.append(InferenceRow.version == window.version)
    if window.environment is not None:
        inside.append(InferenceRow.environment == window.environment)
    return inside


def value(row: InferenceRow) -> Inference:
    """The row as a value."""
    fields: dict[str, Any] = {name: getattr(row, name) for name in Inference.__slots__}
    return Inference(**fields)
