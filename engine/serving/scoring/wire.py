"""The service's side of HTTP: one call in, one answer out, and the limits of a body."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson

from engine.errors import GatewrightError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class BodyTooLarge(GatewrightError):
    """The request's body is larger than {limit_mb} MiB."""

    code = "body-too-large"
    hint = "Send the rows in several requests."
    status = 413


class BodyNotJson(GatewrightError):
    """The request's body is not JSON: {cause}."""

    code = "body-not-json"
    hint = "Send UTF-8 JSON without compression, NaN or Infinity; a missing value is null."


class ClientGone(GatewrightError):
    """The caller closed the connection before the request was complete."""

    code = "client-gone"
    hint = "Nothing was scored; send the request again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it came in."""

    method: str
    path: tuple[str, ...]  #: the path's parts, decoded
    query: dict[str, str]
    headers: dict[str, str]  #: names in lower case
    body: bytes
    arrived_ns: int  #: time.perf_counter_ns() at arrival
    caller: str = ""  #: the address of the peer

    def json(self) -> Any:
        """The body as a JSON value; raises BodyNotJson."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as cause:
            raise BodyNotJson(cause=cause) from cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back."""

    status: int = 200
    content: Any = None  #: a JSON value, or bytes as they are
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def problem(error: GatewrightError, path: str) -> Answer:
    """An error as the answer that names it (RFC 9457).

    Under /v2 it also has the member `error`, where clients of the Open Inference Protocol look for the words.
    """
    content = error.as_problem()
    if "/v2/" in path:
        content["error"] = f"{error.message} {error.way_on}"
    headers: tuple[tuple[str, str], ...] = ()
    if wait := getattr(error, "retry_after_seconds", None):
        headers += (("retry-after", str(wait)),)
    if error.status == 401:
        headers += (("www-authenticate", 'Bearer realm="gatewright scoring"'),)
    if allowed := error.facts.get("allowed"):
        headers += (("allow", str(allowed)),)
    return Answer(status=error.status, content=content, media_type="application/problem+json", headers=headers)


async def receive_call(scope: Scope, receive: Receive, limit_bytes: int) -> Call:
    """The whole request; raises BodyTooLarge as soon as that is known, ClientGone where the rest never comes."""
    arrived = time.perf_counter_ns()
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    declared = headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > limit_bytes:
        raise BodyTooLarge(limit_mb=limit_bytes >> 20)
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone()
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise BodyTooLarge(limit_mb=limit_bytes >> 20)
        if not message.get("more_body"):
            break
    asked = scope.get("query_string", b"")
    query = {name: values[-1] for name, values in parse_qs(asked.decode("latin-1")).items()} if asked else {}
    return Call(
        method=scope["method"],
        path=tuple(part for part in scope["path"].split("/") if part),
        query=query,
        headers=headers,
        body=body,
        arrived_ns=arrived,
        caller=(scope.get("client") or ("",))[0],
    )


async def send_answer(answer: Answer, send: Send) -> None:
    """Send status, headers and the content, as JSON where it is not bytes already."""
    raw = answer.content if isinstance(answer.content, bytes) else None
    body = b"" if answer.content is None else raw if raw is not None else orjson.dumps(answer.content)
    headers = [(b"content-type", answer.media_type.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
