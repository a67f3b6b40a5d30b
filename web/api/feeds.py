"""Feeds: where rows of models come from beside the scoring service, and what came of each window."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from engine.monitoring.feeds import arrivals, definitions
from engine.monitoring.feeds.definitions import Feed
from web import access
from web.access import needs
from web.api.blueprint import answers, api, plain, tag

_TAGS = tag("Feeds", "Where rows of models come from beside the scoring service.")


class FeedPath(BaseModel):
    """One feed."""

    feed: str = Field(max_length=60)


class FeedGiven(BaseModel):
    """A feed as it is to be."""

    model: str = Field(max_length=100)
    environment: str = Field(max_length=100)
    kind: str = Field(max_length=60, description="`log`, `folder`, `sql`, `http`, or one of another package.")
    owner: str = Field(max_length=200, description="Who is asked when it does not come.")
    origin: str = Field(default="internal", pattern="^(internal|external)$")
    cadence: str = Field(default="P1D", max_length=20, description="The length of its windows, in ISO 8601.")
    grace: str = Field(default="PT1H", max_length=20, description="How long after its end a window may come.")
    columns: dict[str, str] = Field(default_factory=dict, description="Column to family of its type, in order.")
    output: str = Field(default="", max_length=200, description="The column of what the model answered.")
    settings: dict[str, Any] = Field(default_factory=dict, description="Of its kind; secrets are named, never given.")
    paused: bool = False


class WantedArrival(BaseModel):
    """Which window is to be read."""

    since: AwareDatetime | None = Field(default=None, description="Its beginning; by default the last that is due.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of one window."""

    feed: str
    since: datetime
    until: datetime
    read_at: datetime
    state: str  #: arrived, late, missing, empty or corrupt
    problem: str
    rows: int
    version: int | None
    columns: dict[str, str]
    renamed: dict[str, str]


@api.get("/feeds", tags=_TAGS, responses=answers(list[Feed]))
@needs("feed.view")
def list_feeds() -> list[Any]:
    """The feeds by name."""
    found: list[Any] = plain(definitions.listed(access.session()))
    return found


@api.get("/feeds/<feed>", tags=_TAGS, responses=answers(Feed))
@needs("feed.view")
def show_feed(path: FeedPath) -> dict[str, Any]:
    """One feed."""
    found: dict[str, Any] = plain(definitions.get(access.session(), path.feed))
    return found


@api.put("/feeds/<feed>", tags=_TAGS, responses=answers(Feed))
@needs("feed.edit")
def define_feed(path: FeedPath, body: FeedGiven) -> dict[str, Any]:
    """Make a feed, or change it."""
    found: dict[str, Any] = plain(
        definitions.define(access.session(), access.current_person(), name=path.feed, **body.model_dump())
    )
    return found


@api.get("/feeds/<feed>/arrivals", tags=_TAGS, responses=answers(list[Came]))
@needs("feed.view")
def list_arrivals(path: FeedPath) -> list[dict[str, Any]]:
    """What came of its windows, the newest first."""
    definitions.get(access.session(), path.feed)
    return [came(each) for each in arrivals.last(access.session(), path.feed)]


@api.post("/feeds/<feed>/arrivals", tags=_TAGS, responses=answers(Came))
@needs("feed.edit")
def read_feed(path: FeedPath, body: WantedArrival) -> dict[str, Any]:
    """Read a window now."""
    return came(arrivals.read(access.store(), path.feed, body.since))


def came(arrival: arrivals.Arrival) -> dict[str, Any]:
    """An arrival as a person reads it."""
    names = [each.name for each in fields(Came) if each.name != "columns"]
    found: dict[str, Any] = plain(
        Came(columns=dict(arrival.columns), **{name: getattr(arrival, name) for name in names})
    )
    return found
