"""How right a version was, once the truth is known."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine import statistics
from engine.inferences import outcomes
from engine.inventory import queries
from engine.monitoring import performance
from engine.monitoring.measures import Default, Reading, Scope, measure
from engine.statistics.outcomes import table


@measure(
    "performance",
    dimension="statistical",
    bounds={
        "auc": Default(
            0.70,
            0.60,
            "against the last test, as the ECB's Instructions for reporting the validation results of internal "
            "models (2019) hold it against the initial validation; how far is ours. Without a test: from 0.7 on "
            "acceptable by Hosmer, Lemeshow and Sturdivant (2013), Applied Logistic Regression; the second bound "
            "is ours",
            drop=(0.03, 0.05),
        ),
        "calibration_error": Default(
            0.05,
            0.10,
            "no rule is known; Guo and others (2017), ICML 34, report some 0.01 to 0.02 after calibration, and "
            "mostly 0.04 to 0.17 before it, over 15 bins",
        ),
    },
)
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
