"""What every notifier keeps to. A new one brings a fixture of its own name; nothing else changes here.

The fixture gives a channel behind which a real server takes notices, how to read what it took, and a channel behind
which nothing answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import standardwebhooks
from pydantic import SecretStr

from engine.config import AlertChannel
from engine.integrations import notifiers
from engine.integrations.notifiers import ChannelRefused, NotDelivered, Notice, Notifier, NotifierUnknown
from tests.integrations.receivers import Hook, mail_server, web_server

SECRET = "whsec_" + "c2VjcmV0" * 4
NOTICE = Notice(
    id="019aa0c0-0000-7000-8000-000000000001-breach",
    kind="alert.opened",
    at=datetime(2026, 3, 5, 12, tzinfo=UTC),
    title="[breach] AGEP of credit moved",
    text="credit: AGEP moved (breach)\n\nSince 2026-03-05 12:00 UTC.",
    severity="breach",
    facts={"models": ["credit"]},
)


@dataclass(frozen=True)
class Line:
    """A notifier, a channel through it, and what came out at the other end."""

    notifier: Notifier
    channel: AlertChannel
    came: Callable[[], list[str]]
    away: AlertChannel
    malformed: AlertChannel


@pytest.fixture
def apprise() -> Iterator[tuple[AlertChannel, Callable[[], list[str]], AlertChannel, AlertChannel]]:
    """A mail server, through the service of apprise that most have."""

    def mail(where: str) -> AlertChannel:
        return AlertChannel(url=SecretStr(f"mailto://{where}/?from=house@example.org&to=ops@example.org&mode=insecure"))

    with mail_server() as box:

        def came() -> list[str]:
            return [f"{each['subject']}\n{each.get_body(('plain', 'html')).get_content()}" for each in box.mails]

        away = mail("ops:a-password-of-mine@127.0.0.1:1")
        yield mail(f"127.0.0.1:{box.port}"), came, away, AlertChannel(url=SecretStr("carrierpigeon://loft"))


@pytest.fixture
def webhook() -> Iterator[tuple[AlertChannel, Callable[[], list[str]], AlertChannel, AlertChannel]]:
    """A server that takes webhooks, and refuses none."""

    def posted(address: str) -> AlertChannel:
        return AlertChannel(kind="webhook", url=SecretStr(address), secret=SecretStr(SECRET))

    with web_server() as hook:

        def came() -> list[str]:
            return ["{title}\n{text}".format(**json.loads(body)["data"]) for _, body in hook.requests]

        away, malformed = posted("http://127.0.0.1:1/a-path-that-is-secret"), posted("ftp://example.org/file")
        yield posted(hook.address), came, away, malformed


@pytest.fixture(params=notifiers.names())
def line(request: pytest.FixtureRequest) -> Line:
    name: str = request.param
    return Line(notifiers.get(name), *request.getfixturevalue(name))


def test_a_notice_comes_out_at_the_other_end(line: Line) -> None:
    line.notifier.check("ops", line.channel)
    line.notifier.send("ops", line.channel, NOTICE)
    (came,) = line.came()
    assert NOTICE.title in came
    assert "credit: AGEP moved (breach)" in came


def test_where_nobody_answers_it_says_so_and_tells_no_secret(line: Line) -> None:
    with pytest.raises(NotDelivered) as refused:
        line.notifier.send("ops", line.away, NOTICE)
    told = str(refused.value)
    assert "ops" in told
    assert "secret" not in told
    assert "a-password-of-mine" not in told


def test_a_malformed_channel_is_refused_before_anything_is_sent(line: Line) -> None:
    for act in (line.notifier.check, lambda name, channel: line.notifier.send(name, channel, NOTICE)):
        with pytest.raises(ChannelRefused) as refused:
            act("ops", line.malformed)
        assert line.malformed.url.get_secret_value() not in str(refused.value)
    assert line.came() == []


def test_an_unknown_kind_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotifierUnknown, match="webhook"):
        notifiers.get("webhok")


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_server() as server:
        yield server


def test_a_webhook_is_signed_as_the_convention_says(hook: Hook) -> None:
    """Checked by the package that receivers use; at a second attempt the id is the same."""
    channel = AlertChannel(kind="webhook", url=SecretStr(hook.address), secret=SecretStr(SECRET))
    for _ in range(2):
        notifiers.get("webhook").send("ops", channel, NOTICE)
    for headers, body in hook.requests:
        told = standardwebhooks.Webhook(SECRET).verify(body, headers)
        assert told == {
            "type": "alert.opened",
            "timestamp": "2026-03-05T12:00:00+00:00",
            "data": {"title": NOTICE.title, "text": NOTICE.text, "severity": "breach", "models": ["credit"]},
        }
    assert {headers["webhook-id"] for headers, _ in hook.requests} == {NOTICE.id}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook("whsec_" + "b3RoZXIh" * 4).verify(body, headers)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_is_not_taken_is_not_delivered_and_leads_nowhere_else(hook: Hook, status: int) -> None:
    hook.status = status
    channel = AlertChannel(kind="webhook", url=SecretStr(hook.address), secret=SecretStr(SECRET))
    with pytest.raises(NotDelivered, match=str(status)):
        notifiers.get("webhook").send("ops", channel, NOTICE)
    assert len(hook.requests) == 1


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_not base64!", "whsec_" + "c2hv"])
def test_a_webhook_without_a_sound_secret_is_refused(secret: str | None) -> None:
    channel = AlertChannel(
        kind="webhook", url=SecretStr("https://example.org/"), secret=None if secret is None else SecretStr(secret)
    )
    with pytest.raises(ChannelRefused, match="secret"):
        notifiers.get("webhook").check("ops", channel)
