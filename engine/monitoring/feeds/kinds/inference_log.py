"""The inference log: what the scoring service answered, counted already."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from engine.inferences import counts
from engine.monitoring.feeds.content import Table
from engine.monitoring.feeds.registry import Wanted, feed_kind
from engine.statistics.tallies import Tally
from engine.store import Store, transaction


class Settings(BaseModel):
    """Nothing is to be set."""

    model_config = ConfigDict(extra="forbid")


@feed_kind("log", Settings)
def read(store: Store, settings: Settings, wanted: Wanted) -> Iterator[Table | Tally]:
    """What the scoring service answered in the feed's environment."""
    with transaction(store) as session:
        digest, reference = counts.reference_of(session, wanted.version)
        yield counts.window(
            session,
            wanted.version,
            digest,
            len(reference.columns),
            environment=wanted.environment,
            since=wanted.since,
            until=wanted.until,
        )
