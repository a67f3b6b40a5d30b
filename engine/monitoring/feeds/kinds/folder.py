"""A folder into which somebody puts Parquet or CSV files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.monitoring import scans
from engine.monitoring.feeds.content import Table
from engine.monitoring.feeds.registry import FeedCorrupt, FeedMissing, Wanted, feed_kind
from engine.statistics.tallies import Tally
from engine.store import Store
from engine.training.frames import TableRefused


class Settings(BaseModel):
    """Where the files are."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(min_length=1, max_length=500, description="A folder below one of GATEWRIGHT_FEED_FOLDERS.")
    event_time: str = Field(
        default="", max_length=200, description="The column of event time; else a file counts whole, by its change."
    )


@feed_kind("folder", Settings)
def read(store: Store, settings: Settings, wanted: Wanted) -> Iterator[Table | Tally]:
    """Parquet and CSV files in a folder."""
    folder = _allowed(store, settings.path, wanted.feed)
    files = [each for each in sorted(folder.iterdir()) if each.suffix.lower() in scans.SUFFIXES and each.is_file()]
    if not settings.event_time:
        files = [each for each in files if wanted.since <= _changed(each) < wanted.until]
    if not files:
        raise FeedMissing(feed=wanted.feed, reason="the folder holds no file of this window")
    try:
        for table in (source for file in files for source in scans.sources(file)):
            if settings.event_time and settings.event_time not in table.columns:
                raise FeedCorrupt(feed=wanted.feed, reason=f"{table.name} has no column {settings.event_time}")
            for batch in scans.batches(table, table.columns):
                kept = _within(batch, settings.event_time, wanted) if settings.event_time else batch
                if kept.num_rows:
                    columns = dict(zip(kept.schema.names, kept.columns, strict=True))
                    yield Table(columns=columns, rows=kept.num_rows, untyped=scans.untyped(kept))
    except TableRefused as reason:
        raise FeedCorrupt(feed=wanted.feed, reason=reason.message) from reason


def _allowed(store: Store, path: str, feed: str) -> Path:
    """The folder, which must lie below one that the settings allow: a feed reads no other file of the machine."""
    folder = Path(path).resolve()
    roots = [Path(each).resolve() for each in store.settings.feed_folders.split(":") if each]
    if not any(folder.is_relative_to(root) for root in roots):
        raise FeedMissing(feed=feed, reason="its folder lies below none of those that GATEWRIGHT_FEED_FOLDERS allows")
    if not folder.is_dir():
        raise FeedMissing(feed=feed, reason="its folder is not there")
    return folder


def _changed(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _within(batch: Any, column: str, wanted: Wanted) -> Any:
    """The rows whose event time lies in the window; a time without zone is UTC."""
    import pyarrow as pa
    import pyarrow.compute as pc

    times = batch.column(column)
    kind = pa.timestamp("us", "UTC")
    try:
        if pa.types.is_string(times.type):
            times = pc.assume_timezone(times.cast(pa.timestamp("us")), "UTC")
        elif pa.types.is_timestamp(times.type) and times.type.tz is None:
            times = pc.assume_timezone(times.cast(pa.timestamp("us"), safe=False), "UTC")
        elif not pa.types.is_timestamp(times.type):
            times = pc.assume_timezone(times.cast(pa.timestamp("us")), "UTC")
        times = times.cast(kind, safe=False)
    except pa.ArrowException as reason:
        raise FeedCorrupt(feed=wanted.feed, reason=f"{column} holds no times: {str(reason)[:100]}") from reason
    since, until = (pa.scalar(each, kind) for each in (wanted.since, wanted.until))
    return batch.filter(pc.and_(pc.greater_equal(times, since), pc.less(times, until)))
