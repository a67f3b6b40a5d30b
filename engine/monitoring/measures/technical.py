"""Whether answers come in time, as many as were declared, and without failing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine.inferences import outcomes, queries
from engine.inventory import queries as inventory
from engine.monitoring.measures import Default, Reading, Scope, measure
from engine.statistics import durations
from engine.statistics.event_rate import event_rate
from engine.statistics.wilson import wilson


@measure(
    "technical",
    dimension="technical",
    bounds={
        "error_rate": Default(0.01, 0.05, "ours, for who declared no service level: 99% and 95% of requests answered")
    },
)
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """Answer times, requests a second and failures, beside the declared service levels; by the hour of the answer."""
    levels = inventory.model(session, scope.version.model).metadata.service_levels
    counts = outcomes.window(
        session,
        scope.version,
        kind=outcomes.REQUESTS,
        environment=scope.environment,
        since=scope.since,
        until=scope.until,
    )
    times = counts.vector(outcomes.LATENCY, durations.CELLS)
    failed = queries.failed(
        session, scope.version.model, environment=scope.environment, since=scope.since, until=scope.until
    )
    n, seconds = counts.rows, (scope.until - scope.since).total_seconds()
    return [
        *(
            Reading(
                metric=f"p{percent}_ms",
                value=durations.percentile_of_counts(times, percent / 100, scope.level),
                rows=n,
                unit="ms",
                better="low",
                reference=levels.p95_ms if percent == 95 else None,
                detail={"error": durations.ERROR, "requests": n},
            )
            for percent in (50, 95, 99)
        ),
        Reading(
            metric="rate_per_s",
            value=event_rate(n, seconds, scope.level),
            rows=n,
            unit="requests/s",
            better="low",
            reference=levels.rate_per_s,
        ),
        Reading(
            metric="error_rate",
            value=wilson(failed, failed + n, scope.level),
            rows=failed + n,
            unit="proportion",
            better="low",
            detail={"failed": failed, "answered": n},
        ),
    ]
