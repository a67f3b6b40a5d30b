"""uvicorn's connection, with an answer's head and body sent together.

ASGI hands them over one by one, and each write is a system call, a packet and a wake-up of the caller: of 160 us that a
request of one row costs, the second one was 15.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Connection(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; what is written goes through `_Gathered`."""
        super().connection_made(_Gathered(transport, self.loop))


class _Gathered(asyncio.Transport):
    """A transport that sends what was written in one turn of the loop at the end of that turn."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport, self._loop = transport, loop
        self._written: list[bytes] = []

    def write(self, data: Any) -> None:
        """Keep it until the turn ends."""
        if not self._written:
            self._loop.call_soon(self._send)
        self._written.append(data)

    def close(self) -> None:
        """Send what is kept, then close."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._written.clear()
        self._transport.abort()

    def _send(self) -> None:
        if self._written:
            together = b"".join(self._written)
            self._written.clear()
            self._transport.write(together)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As the transport says."""
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """As the transport says."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """Hand on."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Hand on."""
        self._transport.resume_reading()
