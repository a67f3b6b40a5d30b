"""Ports for servers that a test starts, ends and starts again at one address."""

from __future__ import annotations

import random
import socket

#: below those that the system gives to connections: one of these could take the port while its server is away
_RANGE = range(10_000, 32_000)


def free_port() -> int:
    """A port that nobody listens on."""
    for port in random.SystemRandom().sample(_RANGE, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("100 ports are taken")
