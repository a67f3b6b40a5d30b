"""The bounds of a model's metrics: proposed by one person, approved by another who answers for the risk, versioned.

What is in force for a reading, the first of these that there is:

    approved        for the model, the metric and the subject, else for the model and the metric
    reading         what the measure itself read of the model's declarations
    metadata        `min_` or `max_` of the metric among the model's thresholds: a breach at once
    service levels  the declared level of the same name: a breach at once
    measure         the default of the measure
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from engine import audit, events, statistics
from engine.errors import GatewrightError
from engine.identity import Person, require
from engine.inventory import models, queries, thresholds
from engine.inventory.metadata import Metadata
from engine.inventory.references import stream
from engine.monitoring import measures
from engine.monitoring.measures import Reading
from engine.monitoring.tables import ThresholdRow
from engine.monitoring.verdicts import Bounds, beyond
from engine.store import new_id, now

_SERVICE_LEVELS = ("rate_per_s", "p95_ms", "memory_mb", "cpu")


class BoundsRefused(GatewrightError):
    """The bounds of {metric} are refused: {reason}."""

    code = "bounds-refused"
    hint = "Give two numbers, the breach at least as bad as the warning, and say why."
    status = 422


class ProposalUnknown(GatewrightError):
    """There is no proposal {proposal} that waits for a decision."""

    code = "proposal-unknown"
    hint = "See the monitor's page, which lists the bounds with their versions."
    status = 404


class OwnProposal(GatewrightError):
    """{person} proposed these bounds and does not decide on them."""

    code = "own-proposal"
    hint = "Ask another risk manager: bounds take four eyes."
    status = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Bounds of a metric of a model, in one version."""

    id: UUID
    model: str
    metric: str
    subject: str  #: empty: every subject of the metric
    version: int
    warn: float
    breach: float
    state: str  #: proposed, approved, rejected, or withdrawn for a later proposal
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The bounds in force for a model at one moment."""

    approved: Mapping[tuple[str, str], Threshold] = field(default_factory=dict)  #: by (metric, subject)
    metadata: Metadata | None = None

    def of(self, measure: str, reading: Reading) -> Bounds | None:
        """The bounds for a measure's reading; None where nobody set any."""
        for subject in (reading.subject, ""):
            found = self.approved.get((reading.metric, subject))
            if found:
                return Bounds(warn=found.warn, breach=found.breach, source="approved", version=found.version)
        if reading.bounds is not None:
            return Bounds(warn=reading.bounds[0], breach=reading.bounds[1], source="reading")
        return self._declared(reading) or self._default(measure, reading)

    def _declared(self, reading: Reading) -> Bounds | None:
        if self.metadata is None:
            return None
        for metric, _, bound in thresholds.bounds(self.metadata.thresholds).values():
            if metric == reading.metric:
                return Bounds(warn=bound, breach=bound, source="metadata")
        levels = self.metadata.service_levels
        level = getattr(levels, reading.metric) if reading.metric in _SERVICE_LEVELS else None
        return None if level is None else Bounds(warn=level, breach=level, source="service levels")

    def _default(self, measure: str, reading: Reading) -> Bounds | None:
        found = measures.get(measure).bounds.get(reading.metric)
        if found is None:
            return None
        if found.drop is None or reading.reference is None:
            return Bounds(warn=found.warn, breach=found.breach, source="measure")
        warn, breach = (-each if reading.better == "high" else each for each in found.drop)
        return Bounds(warn=reading.reference + warn, breach=reading.reference + breach, source="test")


def in_force(session: Session, model: str) -> InForce:
    """The bounds of a model as they stand now; raises ModelUnknown."""
    metadata = queries.model(session, model).metadata
    rows = session.scalars(
        select(ThresholdRow)
        .where(ThresholdRow.model == model, ThresholdRow.state == "approved")
        .order_by(ThresholdRow.version)
    )
    return InForce(approved={(row.metric, row.subject): _value(row) for row in rows}, metadata=metadata)


def history(session: Session, model: str) -> list[Threshold]:
    """Every proposal for the model's bounds, the newest first."""
    rows = session.scalars(
        select(ThresholdRow)
        .where(ThresholdRow.model == model)
        .order_by(ThresholdRow.proposed_at.desc(), ThresholdRow.id.desc())
    )
    return [_value(row) for row in rows]


def propose(
    session: Session,
    by: Person,
    model: str,
    metric: str,
    *,
    warn: float,
    breach: float,
    reason: str,
    subject: str = "",
) -> Threshold:
    """A proposal that another person decides on; it takes the place of one for the same that waits.

    Raises NotPermitted, ModelUnknown, ModelRetired, BoundsRefused.
    """
    require(by, "threshold.propose")
    models.lock(session, model)
    metric, subject = metric.strip(), subject.strip()
    _check(metric, warn, breach, reason)
    same = (ThresholdRow.model == model, ThresholdRow.metric == metric, ThresholdRow.subject == subject)
    session.execute(update(ThresholdRow).where(*same, ThresholdRow.state == "proposed").values(state="withdrawn"))
    row = ThresholdRow(
        id=new_id(),
        model=model,
        metric=metric,
        subject=subject,
        version=(session.scalar(select(func.max(ThresholdRow.version)).where(*same)) or 0) + 1,
        warn=warn,
        breach=breach,
        state="proposed",
        reason=reason.strip(),
        proposed_by=by.id,
        proposed_at=now(session),
        decided_by=None,
        decided_at=None,
        comment="",
    )
    session.add(row)
    session.flush()
    _record(session, row, "threshold.proposed", by, reason=row.reason)
    return _value(row)


def approve(session: Session, by: Person, id: UUID, *, comment: str = "") -> Threshold:
    """The proposal, in force from the next run on; raises NotPermitted, ProposalUnknown, OwnProposal."""
    found = _decide(session, by, id, "approved", comment)
    events.emit(session, "threshold.approved", found.model, metric=found.metric, version=found.version, by=by.id)
    return found


def reject(session: Session, by: Person, id: UUID, *, comment: str) -> Threshold:
    """The proposal, turned down; raises NotPermitted, ProposalUnknown, OwnProposal."""
    return _decide(session, by, id, "rejected", comment)


def _decide(session: Session, by: Person, id: UUID, state: str, comment: str) -> Threshold:
    require(by, "threshold.approve")
    row = session.get(ThresholdRow, id, with_for_update=True, populate_existing=True)
    if row is None or row.state != "proposed":
        raise ProposalUnknown(proposal=id)
    if row.proposed_by == by.id:
        raise OwnProposal(person=by.id)
    row.state, row.decided_by, row.decided_at, row.comment = state, by.id, now(session), comment.strip()
    session.flush()
    _record(session, row, f"threshold.{state}", by, comment=row.comment)
    return _value(row)


def _check(metric: str, warn: float, breach: float, reason: str) -> None:
    known = known_metrics()
    if metric not in known:
        raise BoundsRefused(metric=metric or "nothing", reason=f"there is no such metric; known are {', '.join(known)}")
    if not (math.isfinite(warn) and math.isfinite(breach)):
        raise BoundsRefused(metric=metric, reason="they are not both numbers")
    better = better_of(metric)
    if better and not (breach == warn or beyond(breach, warn, better)):
        raise BoundsRefused(metric=metric, reason=f"{breach:g} is no worse than the warning at {warn:g}")
    if not reason.strip():
        raise BoundsRefused(metric=metric, reason="there is no word on why")


def known_metrics() -> list[str]:
    """The metrics for which bounds can be set."""
    defaults = {metric for each in measures.all_measures().values() for metric in (*each.bounds, *each.unbounded)}
    return sorted({*statistics.all_metrics(), *defaults, *_SERVICE_LEVELS})


def better_of(metric: str) -> str:
    """On which side the good values of a metric lie; empty where only its readings say so."""
    found = statistics.all_metrics().get(metric)
    return found.better if found else "low" if metric in _SERVICE_LEVELS[1:] else ""


def _record(session: Session, row: ThresholdRow, act: str, by: Person, **facts: str) -> None:
    audit.record(
        session,
        stream(row.model),
        act,
        actor=by.id,
        subject=str(row.id),
        metric=row.metric,
        of=row.subject,
        version=row.version,
        warn=row.warn,
        breach=row.breach,
        **facts,
    )


def _value(row: ThresholdRow) -> Threshold:
    return Threshold(
        id=row.id,
        model=row.model,
        metric=row.metric,
        subject=row.subject,
        version=row.version,
        warn=row.warn,
        breach=row.breach,
        state=row.state,
        reason=row.reason,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        comment=row.comment,
    )
