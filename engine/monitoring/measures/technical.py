"""Whether answers come in time, as many as were declared, without failing, and within memory and cores."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine.inferences import outcomes, queries
from engine.inventory import queries as inventory
from engine.inventory.metadata import ServiceLevels
from engine.monitoring.measures import Default, Reading, Scope, measure
from engine.serving import usage
from engine.serving.usage import Usage
from engine.statistics import Estimate, durations
from engine.statistics.event_rate import event_rate
from engine.statistics.wilson import wilson
from engine.store import now


@measure(
    "technical",
    dimension="technical",
    bounds={
        "error_rate": Default(0.01, 0.05, "ours, for who declared no service level: 99% and 95% of requests answered")
    },
)
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """Answer times, requests a second, failures, memory and cores, beside the declared service levels."""
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
    # By the clock, in as long a time as the window: a window of old events was answered today.
    at = now(session)
    used = usage.of_version(
        session,
        scope.version.model,
        scope.version.number,
        scope.environment,
        since=at - (scope.until - scope.since),
        until=at,
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
        *_used(used, levels, scope.level),
    ]


def _used(used: Usage, levels: ServiceLevels, level: float) -> Sequence[Reading]:
    """The peak of the resident memory, and the processor time over the time; measured, so without an interval.

    Nothing was sampled where the compiled form serves, which has no process of its own: then there is no reading.
    """
    if not used.samples:
        return []
    peak, cores = used.memory_mb_peak, used.cores
    return [
        Reading(
            metric="memory_mb",
            value=Estimate(peak, peak, peak, level),
            rows=used.samples,
            unit="MiB",
            better="low",
            reference=levels.memory_mb,
            detail={"mean": used.memory_mb_mean, "samples": used.samples},
        ),
        Reading(
            metric="cpu",
            value=Estimate(cores, cores, cores, level),
            rows=used.samples,
            unit="cores",
            better="low",
            reference=levels.cpu,
            detail={"samples": used.samples},
        ),
    ]
