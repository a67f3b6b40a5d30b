"""The control socket: one line of JSON asks, one line answers."""

from __future__ import annotations

import json
import logging
import os
import socket
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.config import Settings
from engine.errors import GatewrightError
from web.supervisor.places import Places

_log = logging.getLogger(__name__)
_LONGEST_LINE = 1 << 16


class HouseNotRunning(GatewrightError):
    """No house runs on the data folder {home}."""

    code = "house-not-running"
    hint = "Start it with `gatewright up`; another data folder is named by GATEWRIGHT_DATA_DIR."
    status = 503


def ask(settings: Settings, act: str, *, seconds: float = 10.0, **facts: Any) -> dict[str, Any]:
    """What the supervisor of the settings' data folder answers; raises HouseNotRunning."""
    path = Places.of(settings).socket
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(seconds)
            line.connect(str(path))
            line.sendall(json.dumps({"act": act, **facts}).encode() + b"\n")
            with line.makefile("rb") as answer:
                found: dict[str, Any] = json.loads(answer.readline())
                return found
    except (OSError, ValueError) as nobody:
        raise HouseNotRunning(home=settings.home) from nobody


class Listener:
    """Answers at the socket, in a thread, until it is closed."""

    def __init__(self, path: Path, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        path.unlink(missing_ok=True)  # we hold the lock: whoever made it is gone

        class Handler(socketserver.StreamRequestHandler):
            timeout = 5

            def handle(self) -> None:
                try:
                    asked = json.loads(self.rfile.readline(_LONGEST_LINE))
                    self.wfile.write(json.dumps(answer(asked)).encode() + b"\n")
                except (OSError, ValueError, KeyError, TypeError) as strange:
                    _log.info("A call at the control socket could not be answered: %s", strange)

        before = os.umask(0o177)
        try:
            self._server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        finally:
            os.umask(before)
        self._server.daemon_threads = True
        self._path = path
        threading.Thread(target=self._server.serve_forever, name="control", daemon=True).start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)
