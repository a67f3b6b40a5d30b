"""What a feed must not hold in clear: read by name, from the environment, when it is used."""

from __future__ import annotations

import os

from engine.monitoring.feeds.registry import FeedMissing

PREFIX = "GATEWRIGHT_FEED_"
NAME = r"^[A-Z][A-Z0-9_]{0,39}$"
#: settings of the house itself, which are no secrets of feeds
_SETTINGS = frozenset({"FOLDERS", "LIMIT_MB", "ALLOW_PRIVATE"})


def of(name: str, feed: str) -> str:
    """The value of GATEWRIGHT_FEED_name; raises FeedMissing where it is not set."""
    found = None if name in _SETTINGS else os.environ.get(PREFIX + name)
    if not found:
        raise FeedMissing(feed=feed, reason=f"{PREFIX}{name} is not set")
    return found
