"""Kinds of feed: one file each in `kinds/`, registered by its decorator."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from engine import extensions
from engine.errors import GatewrightError
from engine.monitoring.feeds.content import Table
from engine.statistics.tallies import Tally

if TYPE_CHECKING:
    from engine.inventory.references import VersionRef
    from engine.store import Store

ENTRY_POINTS = "gatewright.feeds"


class FeedKindUnknown(GatewrightError):
    """There is no kind of feed named {name!r}; known are {known}."""

    code = "feed-kind-unknown"
    hint = "Name one of them, such as {nearest}."
    status = 422


class FeedMissing(GatewrightError):
    """The feed {feed} did not come: {reason}."""

    code = "feed-missing"
    hint = "Ask the feed's owner, then read the window again."
    status = 502


class FeedCorrupt(GatewrightError):
    """The feed {feed} came and cannot be read: {reason}."""

    code = "feed-corrupt"
    hint = "Send it back to the feed's owner, then read the window again."
    status = 502


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One window of a feed, to be read."""

    feed: str
    environment: str
    version: VersionRef
    reference: str  #: the digest
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedKind:
    """One registered kind."""

    name: str
    title: str  #: the first line of its docstring
    settings: type[BaseModel]
    read: Callable[[Store, Any, Wanted], Iterator[Table | Tally]]


Reader = Callable[["Store", Any, Wanted], Iterator[Table | Tally]]
_registered: dict[str, FeedKind] = {}


def feed_kind(name: str, settings: type[BaseModel]) -> Callable[[Reader], Reader]:
    """Register a reader as the kind of this name.

    It gives the rows of a window as tables, or a tally where they are counted already; nothing for an empty window.
    It raises FeedMissing where the source is not there and FeedCorrupt where it cannot be read, and no other.
    """

    def register(function: Reader) -> Reader:
        if name in _registered:
            raise ValueError(f"two kinds of feed are named {name!r}")
        title = (inspect.getdoc(function) or "").partition("\n")[0]
        _registered[name] = FeedKind(name=name, title=title, settings=settings, read=function)
        return function

    return register


def all_kinds() -> dict[str, FeedKind]:
    """Every kind by name."""
    _load()
    return dict(sorted(_registered.items()))


def get(name: str) -> FeedKind:
    """The kind of this name; raises FeedKindUnknown with the nearest known one."""
    return extensions.find(name, all_kinds(), FeedKindUnknown)


@cache
def _load() -> None:
    """Import the kinds that come along and those that other packages declare, once a process."""
    extensions.load("engine.monitoring.feeds.kinds", ENTRY_POINTS)
