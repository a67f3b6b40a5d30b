"""Notifiers: what carries an alert to people. One file each, registered by its decorator, held to one contract test.

A notifier is called from jobs, outside any transaction, and may be called again after a failure: the notice's id is the
key by which whoever receives it knows it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Protocol, TypeVar

from engine import extensions
from engine.config import AlertChannel
from engine.errors import GatewrightError

ENTRY_POINTS = "gatewright.notifiers"


class NotifierUnknown(GatewrightError):
    """There is no notifier named {name!r}; known are {known}."""

    code = "notifier-unknown"
    hint = "Correct the kind of the channel in GATEWRIGHT_ALERT_CHANNELS, say to {nearest}."
    status = 422


class ChannelRefused(GatewrightError):
    """The channel {channel} cannot be used: {reason}."""

    code = "channel-refused"
    hint = "Correct it in GATEWRIGHT_ALERT_CHANNELS; docs/alerts.md tells how each kind is written."
    status = 422


class NotDelivered(GatewrightError):
    """The channel {channel} did not take the notice: {cause}."""

    code = "not-delivered"
    hint = "Mend what it names and retry: nobody was told by this channel."
    status = 502


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is told."""

    id: str  #: the same at each attempt
    kind: str  #: noun.verb, such as alert.opened
    at: datetime
    title: str  #: one line
    text: str  #: plain text, some lines
    severity: str  #: warn, breach or no data
    facts: Mapping[str, Any] = field(default_factory=dict)  #: JSON, for machines


class Notifier(Protocol):
    """A way to tell people."""

    def check(self, name: str, channel: AlertChannel) -> None:
        """Raise ChannelRefused where the channel cannot be used so; asks nobody."""
        ...

    def send(self, name: str, channel: AlertChannel, notice: Notice) -> None:
        """Return once the other side has taken the notice; raises NotDelivered, whose cause holds no secret."""
        ...


T = TypeVar("T", bound=type[Notifier])
_notifiers: dict[str, Notifier] = {}


def notifier(name: str) -> Callable[[T], T]:
    """Register a class as the notifier of this name."""

    def register(made: T) -> T:
        if name in _notifiers:
            raise ValueError(f"two notifiers are named {name}")
        _notifiers[name] = made()
        return made

    return register


def get(name: str) -> Notifier:
    """The notifier of this name; raises NotifierUnknown with the nearest known one."""
    _load()
    return extensions.find(name, _notifiers, NotifierUnknown)


def names() -> list[str]:
    """The names of all notifiers, sorted."""
    _load()
    return sorted(_notifiers)


@cache
def _load() -> None:
    """Import this folder's files and what other packages declare, once a process."""
    extensions.load(__name__, ENTRY_POINTS)
