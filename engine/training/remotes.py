"""A remote model, asked over HTTP as a child is asked over its socket.

Who registers a model names an address, and the house goes there: so it goes nowhere else than to addresses of the
public internet, or to hosts that the settings name. A name is resolved once, every address that it has is looked at,
and the connection is made to the one that was looked at; redirects and proxies are not followed.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from engine.config import Settings
from engine.errors import GatewrightError
from engine.inventory.kinds import remote
from engine.sandbox import Child, Isolation, ModelCodeFailed, Predictions, Usage

FIRST_PAUSE_SECONDS = 0.2
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
#: Answers that say: not now. Others of 400 and above say: not so, and are not asked again.
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class RemoteAway(GatewrightError):
    """The API at {host} gave no answer in {attempts} attempts: {cause}."""

    code = "remote-away"
    hint = "Wait until it is back, or ask its owner; what was asked of it is neither scored nor logged."
    status = 502


class RemoteRefused(GatewrightError):
    """The API at {host} refused the rows: {cause}."""

    code = "remote-refused"
    hint = "Compare the description's request with the API's own documentation; the secret may have ended, too."
    status = 502


class HostNotAllowed(GatewrightError):
    """The house does not go to {host}: {reason}."""

    code = "host-not-allowed"
    hint = "Have IT operations name it in GATEWRIGHT_REMOTE_HOSTS, if models behind it shall be asked."
    status = 422


class SecretMissing(GatewrightError):
    """There is no secret named {name} for remote models."""

    code = "secret-missing"
    hint = "Have IT operations add it to GATEWRIGHT_REMOTE_SECRETS, or correct its name in the description."
    status = 422


class Remote(Child):
    """A model behind an API; used as a child is."""

    def __init__(self, artefact: bytes, columns: Sequence[str] | None, settings: Settings) -> None:
        """Raises ModelCodeFailed for a description that does not hold, HostNotAllowed or SecretMissing."""
        try:
            self._told = remote.complete(json.loads(artefact))
            lacking = [name for name in self._told["columns"] if columns is not None and name not in columns]
            if lacking:
                raise ValueError(f"the API needs the column {lacking[0]}, which the input schema lacks")
        except ValueError as error:
            raise _failed("its start", error) from error
        self._url: SplitResult = urlsplit(self._told["url"])
        self._headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "gatewright"}
        if auth := self._told["auth"]:
            secret = settings.remote_secrets.get(auth["secret"])
            if secret is None:
                raise SecretMissing(name=auth["secret"])
            self._headers[auth["header"]] = auth["prefix"] + secret.get_secret_value()
        self._allowed = frozenset(settings.remote_hosts)
        self.host = f"{self._url.hostname}:{self._url.port or (443 if self._url.scheme == 'https' else 80)}"
        self._connection: http.client.HTTPConnection | None = None
        self._asking = threading.Lock()
        self._alive = True
        self.model: Mapping[str, Any] = remote.describe(self._told, None)
        self.output: str = self.model["output"]
        address_of(self._url, self._allowed)

    @property
    def isolation(self) -> Isolation:
        """None of its code runs here."""
        return Isolation(network="open", files="shared", processes="shared", user=-1, refused="asked over HTTP")

    @property
    def usage(self) -> Usage:
        """What it uses is used elsewhere."""
        return Usage(cpu_seconds=0.0, peak_mb=0)

    @property
    def alive(self) -> bool:
        """False once it gave no answer: whoever asks starts another, after a pause."""
        return self._alive

    @property
    def pid(self) -> int:
        """No process is its own."""
        return 0

    def score_columns(self, columns: Mapping[str, Sequence[Any]], *, seconds: float = 30.0) -> Predictions:
        """As `Child.score_columns`; raises ModelCodeFailed for an answer that is not as described, RemoteRefused,
        and RemoteAway after the description's attempts."""
        given = {name: list(values) for name, values in columns.items()}
        n_rows = len(next(iter(given.values()), []))
        size = self._told["rows_per_request"]
        values: list[float] = []
        decisions: list[str] = []
        reasons: list[list[str]] = []
        for first in range(0, n_rows or 1, size):
            some = {name: column[first : first + size] for name, column in given.items()}
            try:
                body = json.dumps(remote.request_of(self._told, some), allow_nan=False).encode()
            except ValueError as error:
                raise _failed("score", error) from error
            answer = self._asked(body)
            try:
                read = remote.answers_of(self._told, json.loads(answer), len(next(iter(some.values()), [])))
            except (ValueError, RecursionError) as error:
                raise _failed("score", error) from error
            values += read["values"]
            decisions += read.get("decisions", ())
            reasons += read.get("reasons", ())
        told = self._told["response"]
        return Predictions(
            output=self.output,
            values=values,
            decisions=decisions if told["decision"] is not None else None,
            reasons=reasons or None,
        )

    def flatten(self) -> Any:
        """It has no form of its own here."""
        raise _failed("flatten", ValueError("a remote model stays where it is"))

    def close(self) -> None:
        """Leave the API."""
        self._alive = False
        if self._connection is not None:
            self._connection.close()

    def _asked(self, body: bytes) -> bytes:
        attempts, cause = self._told["attempts"], ""
        with self._asking:
            for attempt in range(attempts):
                if attempt:
                    time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
                try:
                    status, content = self._post(body)
                except (OSError, http.client.HTTPException) as failure:
                    self._drop()
                    cause = f"{type(failure).__name__}: {failure}"[:200]
                    continue
                if status < 300:
                    return content
                cause = f"status {status}"
                if status not in AGAIN:
                    # What it says of a refusal may repeat what it was sent, which has no place in our logs.
                    raise RemoteRefused(host=self.host, cause=cause)
        self._alive = False
        raise RemoteAway(host=self.host, attempts=attempts, cause=cause)

    def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = connection(self._url, self._allowed, self._told["timeout_seconds"])
        ends = time.monotonic() + self._told["timeout_seconds"]
        path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        self._connection.request("POST", path, body, self._headers)
        answer = self._connection.getresponse()
        most, parts, size = self._told["largest_mb"] << 20, [], 0
        while part := answer.read1(1 << 16):
            size += len(part)
            parts.append(part)
            if size > most:
                raise http.client.HTTPException(f"an answer of more than {self._told['largest_mb']} MiB")
            if time.monotonic() > ends:
                raise TimeoutError("its answer came too slowly")
        answer.close()  # else the next request would wait for its end
        if answer.will_close:
            self._drop()
        return answer.status, b"".join(parts)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def address_of(url: SplitResult, allowed: frozenset[str]) -> str:
    """The address to connect to, where the house goes there; raises HostNotAllowed.

    allowed: hosts, or host:port, to which the house goes whatever their addresses are.
    """
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    named = {host, f"{host}:{port}"} & allowed
    if url.scheme != "https" and not named:
        raise HostNotAllowed(host=f"{host}:{port}", reason="it is asked without TLS, and the settings do not name it")
    try:
        found = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as failure:
        raise RemoteAway(host=f"{host}:{port}", attempts=1, cause=failure) from failure
    for each in found:
        if not named and not _public(each):
            raise HostNotAllowed(host=f"{host}:{port}", reason=f"{each} is no address of the public internet")
    return found[0]


def _public(address: str) -> bool:
    found: Any = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
    if found in _NAT64:
        inner = ipaddress.ip_address(int(found) & 0xFFFFFFFF)
    if inner is not None and not inner.is_global:
        return False
    return bool(found.is_global and not found.is_multicast)


def connection(url: SplitResult, allowed: frozenset[str], seconds: float) -> http.client.HTTPConnection:
    """A connection to the address that was looked at; raises HostNotAllowed, RemoteAway or OSError."""
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    raw = socket.create_connection((address_of(url, allowed), port), timeout=seconds)
    made = http.client.HTTPConnection(host, port, timeout=seconds)
    if url.scheme == "https":
        # The name is held against the certificate, though the connection went to an address.
        raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
    made.sock = raw
    made.auto_open = 0  # never by itself: it would resolve the name anew
    return made


def _failed(what: str, error: Exception) -> ModelCodeFailed:
    return ModelCodeFailed(what=what, kind=type(error).__name__, reason=str(error)[:500], trace="")
