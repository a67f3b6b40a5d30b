"""Whether the process that answers stays alive."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine.monitoring.measures import Default, Reading, Scope, measure
from engine.serving import queries as serving
from engine.statistics import Estimate
from engine.store import now


@measure(
    "deployment", dimension="technical", bounds={"deaths": Default(1, 3, "ours: from the third on it is no accident")}
)
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """Deaths of the version's process in as long a time as the window, up to now."""
    # By the clock and not by event time: a window of old events was answered today.
    ref, since = scope.version, now(session) - (scope.until - scope.since)
    n = serving.deaths(session, ref.model, ref.number, scope.environment, since=since)
    return [
        Reading(
            metric="deaths",
            value=Estimate(n, n, n, scope.level),
            rows=n,
            unit="deaths",
            better="low",
            detail={"since": since.isoformat()},
        )
    ]
