"""Arrivals: each window of a feed, read once it is due, and what came of it.

    arrived   the window came, and was counted
    late      it came, but not at the first look
    missing   the source is not there
    empty     it is there and holds no row of the window
    corrupt   it holds something that cannot be read

A window is looked at when its grace is over, and again until it came, or three later ones were due.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.inferences import counts
from engine.inventory.references import VersionRef
from engine.monitoring.feeds import definitions, registry
from engine.monitoring.feeds.content import Content, counted
from engine.monitoring.feeds.definitions import Feed
from engine.monitoring.feeds.registry import FeedCorrupt, FeedMissing, Wanted
from engine.monitoring.feeds.tables import ArrivalRow, FeedRow
from engine.serving import queries as serving
from engine.statistics.tallies import Reference, Tally, total
from engine.store import Store, now, transaction

CAME = ("arrived", "late")
_WINDOWS = 3  #: so many windows back a look goes
_AGAIN = timedelta(minutes=10)
_EPOCH = datetime(1970, 1, 5, tzinfo=UTC)  #: a Monday: windows of a week begin on one

logger = logging.getLogger(__name__)


class NothingLive(GatewrightError):
    """No version of {model} answers in {environment}: nothing that the rows of {feed} could be held against."""

    code = "nothing-live"
    hint = "Have a version deployed there; its reference is what rows are counted in."
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One window of a feed, as it was read last."""

    feed: str
    since: datetime
    until: datetime
    read_at: datetime
    state: str
    problem: str  #: why it did not come, or cannot be read
    rows: int
    version: int | None
    reference: str | None
    columns: tuple[tuple[str, str], ...]  #: column and family of its type, in order
    renamed: dict[str, str]  #: column of the reference -> what it seems to be called now
    tally: Tally | None


def due(session: Session, at: datetime) -> list[tuple[Feed, datetime]]:
    """(feed, beginning of the window) of each that is to be looked at, the oldest first."""
    found = []
    for feed in map(definitions.value, session.scalars(select(FeedRow).where(~FeedRow.paused))):
        newest = last_window(feed, at)
        starts = [newest - n * feed.length for n in reversed(range(_WINDOWS))]
        seen = {
            row.since: row
            for row in session.scalars(
                select(ArrivalRow).where(ArrivalRow.feed == feed.name, ArrivalRow.since.in_(starts))
            )
        }
        for start in starts:
            row = seen.get(start)
            wanted = row is None or (row.state not in CAME and row.read_at <= at - _AGAIN)
            # What ended before anybody defined the feed was never promised.
            if wanted and start + feed.length > feed.defined_at - feed.length:
                found.append((feed, start))
    return sorted(found, key=lambda each: each[1])


def last_window(feed: Feed, at: datetime) -> datetime:
    """The beginning of the last window whose grace is over."""
    return _EPOCH + ((at - feed.patience - _EPOCH) // feed.length - 1) * feed.length


def read_due(store: Store) -> int:
    """Read what is due; returns how many windows were looked at. One that fails does not hold up the others."""
    with transaction(store) as session:
        waiting = due(session, now(session))
    for feed, since in waiting:
        try:
            read(store, feed.name, since)
        except GatewrightError as reason:
            logger.warning("The feed %s was not read: %s", feed.name, reason.message)
    return len(waiting)


def read(store: Store, name: str, since: datetime | None = None) -> Arrival:
    """Read one window of a feed, by default the last that is due, and keep what came; outside of any transaction.

    Raises FeedUnknown, NothingLive, NoReference; what is wrong with the source is an arrival's state and no error.
    """
    with transaction(store) as session:
        feed = definitions.get(session, name)
        live = serving.live(session, feed.model, feed.environment)
        if live is None:
            raise NothingLive(model=feed.model, environment=feed.environment, feed=name)
        version = VersionRef(feed.model, live.version)
        digest, reference = counts.reference_of(session, version)
        start = last_window(feed, now(session)) if since is None else since
    wanted = Wanted(
        feed=name,
        environment=feed.environment,
        version=version,
        reference=digest,
        since=start,
        until=start + feed.length,
    )
    state, problem, content = _looked_at(store, feed, wanted, reference)
    with transaction(store) as session:
        return record(session, feed, wanted, state, problem, content)


def _looked_at(store: Store, feed: Feed, wanted: Wanted, reference: Reference) -> tuple[str, str, Content | None]:
    kind = registry.get(feed.kind)
    try:
        content = counted(kind.read(store, kind.settings.model_validate(feed.settings), wanted), reference, feed.output)
    except FeedMissing as reason:
        return "missing", str(reason.facts["reason"]), None
    except FeedCorrupt as reason:
        return "corrupt", str(reason.facts["reason"]), None
    if not content.rows:
        return "empty", "it holds no row of this window", content
    return "arrived", "", content


def record(session: Session, feed: Feed, wanted: Wanted, state: str, problem: str, content: Content | None) -> Arrival:
    """Keep what was found; a window that did not come at the first look, and now did, is late."""
    before = session.get(ArrivalRow, (feed.name, wanted.since), with_for_update=True)
    if state == "arrived" and before is not None and before.state != "arrived":
        state, problem = (
            "late",
            f"it came between {before.read_at:%Y-%m-%d %H:%M} and {now(session):%Y-%m-%d %H:%M} UTC",
        )
    values: dict[str, Any] = {
        "until": wanted.until,
        "read_at": now(session),
        "state": state,
        "problem": problem,
        "rows": content.rows if content else 0,
        "version": wanted.version.number,
        "reference": wanted.reference,
        "tally": content.tally.packed() if content and content.rows else None,
        "columns": {"columns": [list(each) for each in content.columns.items()] if content else []},
        "renamed": dict(content.renamed) if content else {},
    }
    statement = insert(ArrivalRow).values(feed=feed.name, since=wanted.since, **values)
    session.execute(statement.on_conflict_do_update(constraint="pk_arrivals", set_=values))
    session.expire_all()
    return _value(session.get_one(ArrivalRow, (feed.name, wanted.since)))


def last(session: Session, feed: str, *, limit: int = 50) -> list[Arrival]:
    """The arrivals of a feed, the newest window first."""
    rows = session.scalars(
        select(ArrivalRow).where(ArrivalRow.feed == feed).order_by(ArrivalRow.since.desc()).limit(limit)
    )
    return list(map(_value, rows))


def within(session: Session, feed: str, since: datetime, until: datetime) -> list[Arrival]:
    """The windows of a feed that lie between two instants, the oldest first."""
    rows = session.scalars(
        select(ArrivalRow)
        .where(ArrivalRow.feed == feed, ArrivalRow.since >= since, ArrivalRow.until <= until)
        .order_by(ArrivalRow.since)
    )
    return list(map(_value, rows))


def tally(arrivals: list[Arrival], reference: str, columns: int) -> Tally:
    """All that came in these windows, counted in this reference."""
    return total((each.tally for each in arrivals if each.tally and each.reference == reference), columns)


def expected(feed: Feed, since: datetime, until: datetime, at: datetime) -> Iterator[datetime]:
    """The beginnings of the windows between two instants that should have come by now."""
    first = -((_EPOCH - since) // feed.length) * feed.length + _EPOCH
    begun = first if first >= since else first + feed.length
    while begun + feed.length <= until and begun <= last_window(feed, at):
        if begun + feed.length > feed.defined_at - feed.length:
            yield begun
        begun += feed.length


def _value(row: ArrivalRow) -> Arrival:
    return Arrival(
        feed=row.feed,
        since=row.since,
        until=row.until,
        read_at=row.read_at,
        state=row.state,
        problem=row.problem,
        rows=row.rows,
        version=row.version,
        reference=row.reference,
        columns=tuple((name, family) for name, family in row.columns.get("columns", ())),
        renamed=dict(row.renamed),
        tally=Tally.unpacked(row.tally) if row.tally is not None else None,
    )
