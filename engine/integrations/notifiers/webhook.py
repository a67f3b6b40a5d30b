"""Webhooks, signed by the convention of standardwebhooks.com."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from engine.config import AlertChannel
from engine.integrations.notifiers import ChannelRefused, NotDelivered, Notice, notifier

if TYPE_CHECKING:
    import standardwebhooks

_SECONDS = 10.0


@notifier("webhook")
class Webhook:
    """An address that is posted JSON, whose signature its owner checks with the secret that both know."""

    def check(self, name: str, channel: AlertChannel) -> None:
        """Raise ChannelRefused where the address is none of the web, or the secret none of the convention's."""
        _signer(name, channel)

    def send(self, name: str, channel: AlertChannel, notice: Notice) -> None:
        """Return once the address has answered with a status of 200 to 299; follows no redirect."""
        told = {
            "type": notice.kind,
            "timestamp": notice.at.isoformat(),
            "data": {"title": notice.title, "text": notice.text, "severity": notice.severity, **notice.facts},
        }
        body = json.dumps(told)
        signer, at = _signer(name, channel), datetime.now(UTC)  # of the attempt: a receiver refuses what is old
        headers = {
            "content-type": "application/json",
            "user-agent": "gatewright",
            "webhook-id": notice.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signer.sign(msg_id=notice.id, timestamp=at, data=body),
        }
        try:
            # Streamed and closed: what is answered is of no use, and may be without end.
            with requests.post(
                channel.url.get_secret_value(),
                data=body.encode(),
                headers=headers,
                timeout=_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as answer:
                status = answer.status_code
        except requests.RequestException as failure:
            # Its text holds the address, whose path may be a secret.
            raise NotDelivered(channel=name, cause=f"no answer ({type(failure).__name__})") from None
        if not 200 <= status < 300:
            raise NotDelivered(channel=name, cause=f"it answered with status {status}")


def _signer(name: str, channel: AlertChannel) -> standardwebhooks.Webhook:
    import standardwebhooks

    address = urlsplit(channel.url.get_secret_value())
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ChannelRefused(channel=name, reason="its URL is no address that begins with https:// or http://")
    secret = channel.secret.get_secret_value() if channel.secret else ""
    try:
        # The package takes any text for base64 and drops what is none.
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not 24 <= len(key) <= 64:
        raise ChannelRefused(channel=name, reason="its secret is not whsec_ followed by base64 of 24 to 64 bytes")
    return standardwebhooks.Webhook(key)
