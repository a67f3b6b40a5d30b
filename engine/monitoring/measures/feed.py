"""Whether the feeds of a model came: missing, late, empty and corrupt windows, each named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine.monitoring.feeds import arrivals, definitions
from engine.monitoring.measures import Default, Reading, Scope, measure
from engine.statistics import Estimate
from engine.store import now

_PROMISED = "each one is a breach of what was agreed with the feed's owner"
_TROUBLE = ("missing", "corrupt", "empty", "late")


@measure(
    "feed",
    dimension="technical",
    bounds={
        "windows_missing": Default(1, 1, _PROMISED),
        "windows_corrupt": Default(1, 1, _PROMISED),
        "windows_empty": Default(1, 1, _PROMISED),
        "windows_late": Default(1, float("inf"), "it came: told, and no breach"),
    },
)
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """How many windows of each feed are missing, corrupt, empty or late."""
    found = []
    for feed in definitions.listed(session, model=scope.version.model, environment=scope.environment):
        if feed.paused:
            continue
        seen = {each.since: each for each in arrivals.within(session, feed.name, scope.since, scope.until)}
        promised = list(arrivals.expected(feed, scope.since, scope.until, now(session)))
        states = Counter(seen[since].state if since in seen else "missing" for since in {*promised, *seen})
        rows = sum(each.rows for each in seen.values())
        for state in _TROUBLE if states else ():
            windows = [since for since in sorted({*promised, *seen}) if _state(seen, since) == state]
            found.append(
                Reading(
                    metric=f"windows_{state}",
                    subject=feed.name,
                    value=Estimate(len(windows), len(windows), len(windows), scope.level),
                    rows=rows,
                    unit="windows",
                    better="low",
                    detail={
                        "owner": feed.owner,
                        "origin": feed.origin,
                        "of": sum(states.values()),
                        "windows": [each.isoformat() for each in windows[:20]],
                        "problem": next((seen[each].problem for each in reversed(windows) if each in seen), ""),
                    },
                )
            )
    return found


def _state(seen: dict, since: object) -> str:  # type: ignore[type-arg]
    return str(seen[since].state) if since in seen else "missing"
