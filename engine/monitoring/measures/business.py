"""What a model brings, as it declares it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from engine.inferences import outcomes, spans
from engine.inventory import business as declared
from engine.inventory import queries
from engine.inventory.business import Kpi
from engine.monitoring import business
from engine.monitoring.measures import Reading, Scope, measure
from engine.monitoring.performance import confusion
from engine.monitoring.verdicts import beyond
from engine.statistics import Estimate
from engine.statistics.outcomes import table

_DAY = timedelta(days=1)


@measure("business", dimension="business", unbounded=("kpi",))
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """The declared KPIs of the window: sums per day, means per row, ratios, with the bounds declared beside them."""
    kpis = queries.model(session, scope.version.model).metadata.kpis
    if not kpis:
        return []
    counts = outcomes.window(
        session, scope.version, environment=scope.environment, since=scope.since, until=scope.until
    )
    first, end = spans.whole_hours(scope.since, scope.until)
    shares = confusion(table(counts))
    found = []
    for kpi in kpis:
        rows = business.of(counts, kpi)
        value = business.estimate(kpi, rows, (end - first) / _DAY, scope.level)
        found.append(
            Reading(
                metric="kpi",
                subject=kpi.name,
                value=value,
                rows=rows.n,
                unit=kpi.title,
                better=kpi.better,
                p=_p(kpi, value),
                bounds=kpi.bounds,
                detail={
                    "aggregate": kpi.aggregate,
                    "total": float(rows.total),
                    "unknown": rows.unknown,
                    "answered": shares["answered"],
                    **({"labelled": shares["labelled"]} if declared.counted(kpi).late else {}),
                },
            )
        )
    return found


def _p(kpi: Kpi, value: Estimate) -> float:
    """Of rows that all bring the same, whose interval has no width: certain, but only from rows enough."""
    if not value.known or value.low != value.high or kpi.bounds is None:
        return math.nan
    return 0.0 if beyond(value.value, kpi.bounds[0], kpi.better) else 1.0
