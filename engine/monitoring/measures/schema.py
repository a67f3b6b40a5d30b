"""Whether the columns of feeds and log are those that were promised, and their values those of the reference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from engine.inferences import counts
from engine.monitoring import schema
from engine.monitoring.feeds import arrivals, definitions
from engine.monitoring.measures import Default, Reading, Scope, measure
from engine.monitoring.schema import Change
from engine.statistics import Estimate
from engine.statistics.tallies import OUTPUT, Reference, Tally
from engine.statistics.wilson import wilson

_EACH = "each one is a breach of what was agreed"
_HARMLESS = "each one is told; the model does not read it, or reads it as before"
_SHARES = "ours: the significance beside them keeps out chance"


@measure(
    "schema",
    dimension="technical",
    bounds={
        "column_dropped": Default(1, 1, _EACH),
        "column_renamed": Default(1, 1, _EACH),
        "column_retyped": Default(1, 1, _EACH),
        "column_added": Default(1, math.inf, _HARMLESS),
        "column_widened": Default(1, math.inf, _HARMLESS),
        "missing_share": Default(0.05, 0.20, _SHARES),
        "outside_share": Default(0.05, 0.20, _SHARES),
        "other_type_share": Default(0.001, 0.01, "ours: a sender that is right sends none"),
    },
)
def read(session: Session, scope: Scope) -> Sequence[Reading]:
    """Columns dropped, added, renamed and retyped; and shares of missing values, unseen ones and other types."""
    digest, reference = counts.reference_of(session, scope.version)
    window = counts.window(
        session,
        scope.version,
        digest,
        len(reference.columns),
        environment=scope.environment,
        since=scope.since,
        until=scope.until,
    )
    found = list(_shares(reference, window, "", scope.level)) if window.rows else []
    for feed in definitions.listed(session, model=scope.version.model, environment=scope.environment):
        seen = [
            each
            for each in arrivals.within(session, feed.name, scope.since, scope.until)
            if each.state in arrivals.CAME and each.reference == digest
        ]
        if not seen or feed.kind == "log":
            continue
        last = seen[-1]
        features = [column for column in reference.columns if column.name != OUTPUT]
        promised = dict(feed.columns) or schema.promised_by(features)
        # The column of the output, and that of event time, are the feed's own and no addition.
        own = {feed.output, str(feed.settings.get("event_time", ""))} - set(promised)
        columns = [each for each in last.columns if each[0] not in own]
        for change in schema.changes(promised, columns, last.renamed):
            found.append(_reading(change, feed.name, last.rows, scope.level))
        tally = arrivals.tally(seen, digest, len(reference.columns))
        found += _shares(reference, tally, f"{feed.name}: ", scope.level)
    return found


def _reading(change: Change, feed: str, rows: int, level: float) -> Reading:
    return Reading(
        metric=f"column_{change.kind}",
        subject=f"{feed}: {change.column}",
        value=Estimate(1.0, 1.0, 1.0, level),
        rows=rows,
        unit="columns",
        better="low",
        detail={"was": change.was, "now": change.now},
    )


def _shares(reference: Reference, window: Tally, of: str, level: float) -> Iterator[Reading]:
    """By column, how much more of it is missing, outside of the reference or of another type than in the reference."""
    for column in reference.columns:
        before, now = reference.counts(column.name), reference.counts(column.name, window)
        if now.missing == now.total:
            continue  # a column that is not there, or an output that nobody logged: told as dropped, or by drift
        for metric, was, is_now, total, was_total in (
            ("missing_share", before.missing, now.missing, now.total, before.total),
            ("outside_share", 0, now.outside(column), now.total - now.missing, before.total - before.missing),
            ("other_type_share", before.foreign, now.foreign, now.total - now.missing, before.total - before.missing),
        ):
            if not is_now:
                continue
            share, usual = wilson(is_now, total, level), was / was_total if was_total else 0.0
            yield Reading(
                metric=metric,
                subject=f"{of}{column.name}",
                value=Estimate(share.value - usual, share.low - usual, share.high - usual, level),
                rows=window.rows,
                unit="proportion",
                better="low",
                reference=usual,
            )
