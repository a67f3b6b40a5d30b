"""A canary: a version that answers a share of the requests, held against the one that answers the rest.

A verdict is given once, when both have answered enough requests: a second look at the same data would find more than
there is. The canary is held back where an effect lies beyond its bound for certain: the whole interval, at a level
that is shared by all checks (Bonferroni), so that of twenty canaries that are no worse at most one is held back.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.inferences.tables import FailureRow, InferenceRow, LabelRow
from engine.serving import queries
from engine.serving.queries import Route
from engine.statistics import Estimate
from engine.statistics.auc import auc
from engine.statistics.percentile import percentile
from engine.statistics.psi import psi
from engine.statistics.rate_difference import rate_difference
from engine.statistics.total_variation import total_variation

#: Rows of one side that are looked at, at most: the newest.
MOST_ROWS = 100_000
ERROR = 0.05  #: how often a canary that is no worse may be held back
GROUPS = 10
LABELS = 30  #: of each class and side; fewer say nothing of performance


class NoCanary(GatewrightError):
    """{version} shares no requests in {environment} with another version."""

    code = "no-canary"
    hint = "Start the life cycle canary, which gives it a share; the model's page shows what answers."
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much worse a canary may be, for certain, before it is held back."""

    rows: int = 1_000  #: requests that each side must have had
    error_difference: float = 0.01  #: share of failed requests, above the other's
    slowdown: float = 1.5  #: times the other's 95th percentile of the answer time
    decision_shift: float = 0.1  #: share of decisions that came out otherwise
    score_shift: float = 0.25  #: PSI of the scores
    auc_loss: float = 0.02  #: below the other's AUC, where labels are known


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one of the two did since they share the requests."""

    answered: int = 0
    failed: int = 0
    latencies_ms: Sequence[float] = ()
    decisions: Mapping[str, int] = field(default_factory=dict)
    scores: Sequence[float] = ()
    labelled: Sequence[tuple[int, float]] = ()  #: (truth, score)

    @property
    def requests(self) -> int:
        """Answered or failed."""
        return self.answered + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing in which the two were compared."""

    name: str
    measured: Estimate
    bound: float
    state: str  #: "passed", "worse" or "no data"

    def as_json(self) -> dict[str, Any]:
        """The check as JSON."""
        return {"name": self.name, "measured": self.measured.as_json(), "bound": self.bound, "state": self.state}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a canary."""

    verdict: str  #: "waiting", "promote" or "roll_back"
    reason: str
    requests: tuple[int, int]  #: of the canary, and of the other
    checks: tuple[Check, ...] = ()


def judge(canary: Side, standing: Side, bounds: Bounds) -> Verdict:
    """The verdict on what both did; pure. No check is ever passed for want of data: it says so."""
    requests = (canary.requests, standing.requests)
    if min(requests) < bounds.rows:
        return Verdict(verdict="waiting", reason=f"each needs {bounds.rows} requests", requests=requests)
    level = 1 - ERROR / 5
    measured = (
        ("errors", _errors(canary, standing, level), bounds.error_difference),
        ("latency", _slowdown(canary, standing, level), bounds.slowdown),
        ("decisions", _decisions(canary, standing, level), bounds.decision_shift),
        ("scores", _scores(canary, standing, level), bounds.score_shift),
        ("performance", _loss(canary, standing, level), bounds.auc_loss),
    )
    checks = tuple(
        Check(
            name=name,
            measured=estimate,
            bound=bound,
            state="no data" if not estimate.known else "worse" if estimate.low > bound else "passed",
        )
        for name, estimate, bound in measured
    )
    worse = [check.name for check in checks if check.state == "worse"]
    return Verdict(
        verdict="roll_back" if worse else "promote",
        reason=f"worse in {', '.join(worse)}" if worse else "nothing is worse beyond its bound",
        requests=requests,
        checks=checks,
    )


def routes(session: Session, version: str, environment: str) -> tuple[Route, Route]:
    """The canary's route and the other's; raises NoCanary where the two do not share requests now."""
    model = version.partition("@")[0]
    shares = [route for route in queries.routes(session, model=model) if route.environment == environment]
    own = [route for route in shares if route.deployment.reference == version]
    others = [route for route in shares if route.deployment.reference != version]
    if len(own) != 1 or len(others) != 1:
        raise NoCanary(version=version, environment=environment)
    return own[0], others[0]


def side(session: Session, route: Route, since: datetime) -> Side:
    """What a route's deployment did since a moment, widened to its hour: failures are counted by the hour."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    rows = session.execute(
        select(
            InferenceRow.position, InferenceRow.latency_us, InferenceRow.decision, InferenceRow.score, LabelRow.value
        )
        .outerjoin(LabelRow, LabelRow.inference == InferenceRow.id)
        .where(
            InferenceRow.model == route.model,
            InferenceRow.deployment == route.deployment.id,
            InferenceRow.logged_at >= hour,
        )
        .order_by(InferenceRow.logged_at.desc())
        .limit(MOST_ROWS)
    ).all()
    failed = session.scalar(
        select(func.coalesce(func.sum(FailureRow.requests), 0)).where(
            FailureRow.deployment == route.deployment.id, FailureRow.hour >= hour
        )
    )
    return Side(
        answered=sum(row.position == 0 for row in rows),
        failed=int(failed or 0),
        latencies_ms=[row.latency_us / 1000 for row in rows if row.position == 0],
        decisions=Counter(row.decision for row in rows if row.decision is not None),
        scores=[row.score for row in rows if row.score is not None],
        labelled=[(int(row.value), row.score) for row in rows if row.score is not None and row.value in ("0", "1")],
    )


def _errors(canary: Side, standing: Side, level: float) -> Estimate:
    return rate_difference((canary.failed, standing.failed), (canary.requests, standing.requests), level)


def _slowdown(canary: Side, standing: Side, level: float) -> Estimate:
    one, other = percentile(canary.latencies_ms, 0.95, level), percentile(standing.latencies_ms, 0.95, level)
    if not (one.known and other.known and other.low > 0):
        return Estimate.unknown(level)
    # The ratio lies between its ends wherever both lie in their intervals.
    return Estimate(one.value / other.value, one.low / other.high, one.high / other.low, level)


def _decisions(canary: Side, standing: Side, level: float) -> Estimate:
    names = sorted({*canary.decisions, *standing.decisions})
    if not names:
        return Estimate.unknown(level)
    counts = [[each.decisions.get(name, 0) for name in names] for each in (standing, canary)]
    return total_variation(counts[0], counts[1], level)


def _scores(canary: Side, standing: Side, level: float) -> Estimate:
    if not canary.scores or not standing.scores:
        return Estimate.unknown(level)
    edges = np.unique(np.quantile(np.asarray(standing.scores), np.linspace(0, 1, GROUPS + 1)[1:-1]))
    counts = [
        np.bincount(np.searchsorted(edges, np.asarray(each.scores)), minlength=len(edges) + 1)
        for each in (standing, canary)
    ]
    return psi(counts[0], counts[1], level)


def _loss(canary: Side, standing: Side, level: float) -> Estimate:
    found = []
    for each in (standing, canary):
        truths = [truth for truth, _ in each.labelled]
        if min(sum(truths), len(truths) - sum(truths)) < LABELS:
            return Estimate.unknown(level)
        found.append(auc(truths, [score for _, score in each.labelled], level))
    one, other = found
    # The two rest on different requests, so their variances add.
    down, up = (
        math.hypot(one.value - one.low, other.high - other.value),
        math.hypot(one.high - one.value, other.value - other.low),
    )
    return Estimate(one.value - other.value, one.value - other.value - down, one.value - other.value + up, level)
