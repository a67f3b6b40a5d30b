"""How right a version was, once the truth is known."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine import statistics
from engine.inferences import outcomes
from engine.inventory import queries
from engine.monitoring import performance
from engine.monitoring.measures import Reading, Scope, measure
from engine.statistics.outcomes import table


@measure("performance", dimension="statistical", bounds={"auc": (0.70, 0.60), "calibration_error": (0.05, 0.10)})
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """How right the version was about those whose truth is known; beside each value that of its last test."""
    counts = outcomes.window(
        session, scope.version, environment=scope.environment, since=scope.since, until=scope.until
    )
    tested = queries.version(session, scope.version).metrics
    # Before the first label only the test tells whether the version gives scores or values.
    of = performance.of_values if performance.valued(counts) or "mae" in tested else performance.of_scores
    found = of(counts, scope.level)
    shares = performance.confusion(table(counts))
    return [
        Reading(
            metric=name,
            value=estimate,
            rows=rows,
            unit=(known := statistics.get(name)).unit,
            better=known.better,
            reference=tested[name].value if name in tested and tested[name].known else None,
            detail={"answered": shares["answered"], "labelled": shares["labelled"], "error": error},
        )
        for name, (estimate, rows, error) in found.items()
    ]
