"""How right a version probably was, before anybody knows the truth."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine import statistics
from engine.inferences import outcomes
from engine.inventory import queries
from engine.monitoring import performance
from engine.monitoring.measures import Reading, Scope, measure


@measure("estimated", dimension="statistical")
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """What the scores themselves promise of accuracy and AUC, without labels: right as far as they stay calibrated."""
    tested = queries.version(session, scope.version).metrics
    counts = outcomes.window(
        session, scope.version, environment=scope.environment, since=scope.since, until=scope.until
    )
    if "mae" in tested or performance.valued(counts):
        return []
    calibration = tested.get("calibration_error")
    return [
        Reading(
            metric=name,
            value=estimate,
            rows=rows,
            unit=(known := statistics.get(name)).unit,
            better=known.better,
            reference=tested[name].value if name in tested and tested[name].known else None,
            estimated=True,
            detail={
                "error": error,
                "calibration error in the test": calibration.as_json() if calibration is not None else None,
            },
        )
        for name, (estimate, rows, error) in performance.estimated(counts, scope.level).items()
    ]
