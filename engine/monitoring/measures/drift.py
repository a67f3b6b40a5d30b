"""The columns that a version was asked in, and what it answered, against its reference."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine.monitoring import drift
from engine.monitoring.measures import Reading, Scope, measure


@measure("drift", dimension="statistical", bounds={"psi": (drift.Bounds().warn, drift.Bounds().breach)})
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """How far each column, and the output, moved from the reference."""
    found = drift.of_window(
        session,
        scope.version,
        environment=scope.environment,
        since=scope.since,
        until=scope.until,
        bounds=drift.Bounds(floor=scope.floor),
        level=scope.level,
    )
    return [
        Reading(
            metric="psi",
            subject=column.name,
            value=column.psi,
            rows=found.rows,
            unit="nats",
            better="low",
            p=column.p,
            detail={
                "statistic": column.statistic,
                "effect": column.effect.as_json(),
                "missing": column.missing.as_json(),
                "outside": column.outside.as_json(),
            },
        )
        for column in found.columns
    ]
