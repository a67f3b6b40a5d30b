"""A query on another PostgreSQL database."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
from psycopg.rows import tuple_row
from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.monitoring.feeds import secrets
from engine.monitoring.feeds.content import Table
from engine.monitoring.feeds.registry import FeedCorrupt, FeedMissing, Wanted, feed_kind
from engine.statistics.tallies import Tally
from engine.store import Store

_AT_ONCE = 10_000


class Settings(BaseModel):
    """What is asked, and where."""

    model_config = ConfigDict(extra="forbid")

    url_from: str = Field(
        pattern=secrets.NAME, description="X of the environment variable GATEWRIGHT_FEED_X that holds the URL."
    )
    query: str = Field(
        min_length=1, max_length=20_000, description="One SELECT; %(since)s and %(until)s are the ends of the window."
    )
    timeout_seconds: int = Field(default=30, ge=1, le=600)

    @field_validator("query")
    @classmethod
    def _one_question(cls, query: str) -> str:
        text = query.strip().rstrip(";")
        if not re.match(r"(?i)(select|with)\b", text) or ";" in text:
            raise ValueError("it is not one SELECT")
        if "%(since)s" not in text or "%(until)s" not in text:
            raise ValueError("it names no %(since)s and %(until)s, and would read everything each time")
        return text


@feed_kind("sql", Settings)
def read(store: Store, settings: Settings, wanted: Wanted) -> Iterator[Table | Tally]:
    """One SELECT on a PostgreSQL database, read-only and limited in time."""
    url = secrets.of(settings.url_from, wanted.feed)
    limits = f"-c default_transaction_read_only=on -c statement_timeout={settings.timeout_seconds * 1000}"
    try:
        connection = psycopg.connect(url, options=limits, connect_timeout=10, row_factory=tuple_row)
    except psycopg.Error as reason:
        # Not in the driver's words: they may hold the address.
        raise FeedMissing(feed=wanted.feed, reason=f"no connection ({type(reason).__name__})") from None
    try:
        with connection, connection.transaction(), connection.cursor(name="feed") as cursor:
            connection.execute("SET TRANSACTION READ ONLY")
            cursor.itersize = _AT_ONCE
            cursor.execute(settings.query.encode(), {"since": wanted.since, "until": wanted.until})
            names = [each.name for each in cursor.description or ()]
            while rows := cursor.fetchmany(_AT_ONCE):
                columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
                yield Table(columns=columns, rows=len(rows))
    except psycopg.Error as reason:
        told = " ".join(str(reason.diag.message_primary or type(reason).__name__).split())[:200]
        raise FeedCorrupt(feed=wanted.feed, reason=told) from None
