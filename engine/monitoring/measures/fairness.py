"""How groups fare beside the declared reference group."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine import statistics
from engine.inferences import outcomes
from engine.inventory import queries
from engine.monitoring import fairness
from engine.monitoring.measures import Default, Reading, Scope, measure


@measure(
    "fairness",
    dimension="statistical",
    bounds={
        "impact_ratio": Default(
            0.9,
            0.8,
            "four fifths: Uniform Guidelines on Employee Selection Procedures (1978), 29 CFR 1607.4(D), and as "
            "far above 1; the warning stands half way to parity, and is ours",
        )
    },
)
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """Selection rate, TPR, FPR and impact ratio of each protected group, and of the groups of two columns crossed."""
    protected = queries.model(session, scope.version.model).metadata.protected
    counts = outcomes.window(
        session, scope.version, environment=scope.environment, since=scope.since, until=scope.until
    )
    return [
        Reading(
            metric=name,
            subject=group.subject,
            value=estimate,
            rows=rows,
            unit=(known := statistics.get(name)).unit,
            better=known.better,
            detail={"counts": dict(group.counts), "reference group": group.reference},
        )
        for group in fairness.groups(counts, protected, scope.level)
        for name, (estimate, rows) in group.metrics.items()
    ]
