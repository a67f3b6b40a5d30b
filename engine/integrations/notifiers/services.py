"""Mail, chat and pagers: whatever `apprise` speaks to."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from engine.config import AlertChannel
from engine.integrations.notifiers import ChannelRefused, NotDelivered, Notice, notifier

if TYPE_CHECKING:
    import apprise

#: apprise's word for how bad it is
_SEVERITIES = {"breach": "failure", "warn": "warning", "no data": "warning"}


@notifier("apprise")
class Services:
    """A service that apprise knows, by the URL that its documentation gives: mailtos://, slack://, msteams:// ..."""

    def check(self, name: str, channel: AlertChannel) -> None:
        """Raise ChannelRefused where apprise does not know the URL; asks nobody."""
        _service(name, channel)

    def send(self, name: str, channel: AlertChannel, notice: Notice) -> None:
        """Return once the service has taken the notice."""
        import apprise

        service = _service(name, channel)
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
            taken = service.notify(title=notice.title, body=notice.text, notify_type=_SEVERITIES[notice.severity])
            told = said.getvalue()
        if not taken:
            raise NotDelivered(channel=name, cause=_without_secrets(told, channel) or "the service did not take it")


def _service(name: str, channel: AlertChannel) -> apprise.NotifyBase:
    import apprise

    logging.getLogger("apprise").setLevel(logging.WARNING)
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s"):
        # Never recursive, never from a file: the URL is one service's and nothing else.
        service = apprise.Apprise.instantiate(channel.url.get_secret_value(), suppress_exceptions=True)
    if not isinstance(service, apprise.NotifyBase):
        raise ChannelRefused(channel=name, reason="apprise does not know its URL")
    return service


def _without_secrets(told: str, channel: AlertChannel) -> str:
    """What was logged, on one line, without any part of the channel's URL that may be a secret."""
    for part in sorted(re.split(r"[:/@?&=#]+", channel.url.get_secret_value()), key=len, reverse=True):
        if len(part) > 5:
            told = told.replace(part, "***")
    return " ".join(told.split())[:300]
