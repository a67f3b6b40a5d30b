"""Rows as JSON from an address."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson
import requests
from pydantic import BaseModel, ConfigDict, Field
from requests.adapters import HTTPAdapter

from engine.monitoring.feeds import secrets
from engine.monitoring.feeds.content import Table
from engine.monitoring.feeds.registry import FeedCorrupt, FeedMissing, Wanted, feed_kind
from engine.statistics.tallies import Tally
from engine.store import Store

_REDIRECTS = 3


class Settings(BaseModel):
    """What is asked, and where."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        pattern=r"^https?://[^\s@]+$",
        max_length=2000,
        description="The address; `since` and `until` are added to its query, in ISO 8601.",
    )
    records: str = Field(default="", max_length=200, description="The key under which the rows stand; empty: on top.")
    token_from: str = Field(
        default="",
        pattern=rf"^$|{secrets.NAME}",
        description="X of GATEWRIGHT_FEED_X that holds a bearer token; empty: none.",
    )
    timeout_seconds: int = Field(default=30, ge=1, le=600)


@feed_kind("http", Settings)
def read(store: Store, settings: Settings, wanted: Wanted) -> Iterator[Table | Tally]:
    """JSON rows from an HTTP address."""
    content = _fetch(store, settings, wanted)
    try:
        found: Any = orjson.loads(content)
    except orjson.JSONDecodeError as reason:
        raise FeedCorrupt(feed=wanted.feed, reason=f"it is no JSON: {reason}") from reason
    rows = found.get(settings.records) if settings.records and isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FeedCorrupt(feed=wanted.feed, reason="it holds no list of objects")
    if rows:
        names = list(dict.fromkeys(name for row in rows for name in row))
        yield Table(columns={name: [row.get(name) for row in rows] for name in names}, rows=len(rows))


def _fetch(store: Store, settings: Settings, wanted: Wanted) -> bytes:
    headers = {"Accept": "application/json"}
    if settings.token_from:
        headers["Authorization"] = f"Bearer {secrets.of(settings.token_from, wanted.feed)}"
    window = {"since": wanted.since.isoformat(), "until": wanted.until.isoformat()}
    address, until = settings.url, time.monotonic() + settings.timeout_seconds
    limit = store.settings.feed_limit_mb << 20
    session = requests.Session()
    session.trust_env = False  # no proxy and no .netrc of the machine
    try:
        for _ in range(_REDIRECTS + 1):
            host = urlsplit(address).netloc
            session.mount("https://", _Pinned(at := _address_of(store, address, wanted.feed)))
            session.mount("http://", _Pinned(at))
            with session.get(
                address,
                params=window if address == settings.url else None,
                headers={**headers, "Host": host},
                timeout=(5, settings.timeout_seconds),
                stream=True,
                allow_redirects=False,
            ) as answer:
                if answer.is_redirect:
                    following = urljoin(answer.url, answer.headers["location"])
                    if urlsplit(following)[:2] != urlsplit(settings.url)[:2]:
                        raise FeedMissing(feed=wanted.feed, reason="it redirects to another host")
                    address = following
                    continue
                if answer.status_code != 200:
                    raise FeedMissing(feed=wanted.feed, reason=f"it answers {answer.status_code}")
                return _within(answer, limit, until, wanted.feed)
    except requests.RequestException as reason:
        raise FeedMissing(feed=wanted.feed, reason=f"no answer ({type(reason).__name__})") from None
    raise FeedMissing(feed=wanted.feed, reason="it redirects without end")


def _within(answer: requests.Response, limit: int, until: float, feed: str) -> bytes:
    found = bytearray()
    for part in answer.iter_content(1 << 16):
        found += part
        if len(found) > limit:
            raise FeedCorrupt(feed=feed, reason=f"it is larger than {limit >> 20} MB")
        if time.monotonic() > until:
            raise FeedMissing(feed=feed, reason="it takes longer than allowed")
    return bytes(found)


def _address_of(store: Store, address: str, feed: str) -> str:
    """The address to connect to: whoever defines a feed must not reach what only this machine reaches."""
    parts = urlsplit(address)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or parts.scheme, type=socket.SOCK_STREAM)
    except OSError:
        raise FeedMissing(feed=feed, reason="its host is not known") from None
    addresses = [str(each[4][0]) for each in found]
    if not store.settings.feed_allow_private and not all(ipaddress.ip_address(each).is_global for each in addresses):
        raise FeedMissing(feed=feed, reason="its address is private, and GATEWRIGHT_FEED_ALLOW_PRIVATE is not set")
    return addresses[0]


class _Pinned(HTTPAdapter):
    """Connects to the address that was looked at: a name that is resolved again may lead elsewhere by then."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """The same, but for the address; the certificate is still that of the name."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        name = host["host"]
        of_name = {"server_hostname": name, "assert_hostname": name} if host["scheme"] == "https" else {}
        return {**host, "host": self._address}, {**pool, **of_name}
