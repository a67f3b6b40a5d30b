"""The columns that a version was asked in, and what it answered, against its reference."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from engine.inferences import counts
from engine.monitoring import drift
from engine.monitoring.drift import ColumnDrift
from engine.monitoring.feeds import arrivals, definitions
from engine.monitoring.measures import Default, Reading, Scope, measure
from engine.statistics.tallies import Reference, Tally


@measure(
    "drift",
    dimension="statistical",
    bounds={
        "psi": Default(
            drift.Bounds().warn,
            drift.Bounds().breach,
            "custom of credit scoring, which knows no rows: Siddiqi (2006), Credit Risk Scorecards; Yurdakul and "
            "Naranjo (2020) derive what chance alone gives, which is asked beside them",
        )
    },
)
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """How far each column, and the output, moved from the reference: of the log, and of each feed by itself."""
    found = drift.of_window(
        session,
        scope.version,
        environment=scope.environment,
        since=scope.since,
        until=scope.until,
        bounds=drift.Bounds(floor=scope.floor),
        level=scope.level,
    )
    readings = [_reading(column, "", found.rows) for column in found.columns]
    digest, reference = counts.reference_of(session, scope.version)
    for feed in definitions.listed(session, model=scope.version.model, environment=scope.environment):
        if feed.kind == "log":
            continue  # it is the log's rows again
        seen = arrivals.within(session, feed.name, scope.since, scope.until)
        tally = arrivals.tally(seen, digest, len(reference.columns))
        if tally.rows:
            here = reference.only(_came(reference, tally))
            moved = drift.compare(
                here,
                here.tally_of(tally.rows, [reference.counts(name, tally) for name in here.names()]),
                drift.Bounds(floor=scope.floor),
                scope.level,
            )
            readings += [_reading(column, f"{feed.name}: ", tally.rows) for column in moved]
    return readings


def _came(reference: Reference, tally: Tally) -> list[str]:
    """The columns that have a value at all: that one was dropped is told as that."""
    counted = {name: reference.counts(name, tally) for name in reference.names()}
    return [name for name, each in counted.items() if each.missing < each.total]


def _reading(column: ColumnDrift, of: str, rows: int) -> Reading:
    return Reading(
        metric="psi",
        subject=f"{of}{column.name}",
        value=column.psi,
        rows=rows,
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
