"""Where a worker and a clock tell that they live, whether they take work, and their metrics: a small HTTP server.

/live      this process answers
/ready     it can work: 200, or 503, with each check by name
/metrics   for Prometheus, to whom the settings allow it
"""

from __future__ import annotations

import errno
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from engine.config import Settings
from engine.errors import GatewrightError
from engine.store import Store, health
from engine.telemetry import metrics

_log = logging.getLogger(__name__)


def readiness(store: Store, more: Mapping[str, str] | None = None, **facts: str) -> dict[str, Any]:
    """What /ready tells: the state, each check, and what else is worth telling."""
    checks = {**health.checks(store), **(more or {})}
    fine = all(found == health.OK for found in checks.values())
    return {"status": "ready" if fine else "not ready", "checks": checks, **facts}


def serve(
    settings: Settings,
    host: str,
    port: int,
    ready: Callable[[], dict[str, Any]],
    *,
    announce: Callable[[str], None] | None = None,
) -> Callable[[], None]:
    """Answer in a thread until the returned function is called; at a free port where this one is taken.

    announce: called with the address once it answers.
    """
    server = _bound(host, port, _answering(settings, host, ready))
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    at, bound = server.server_address[:2]
    address = f"http://[{at}]:{bound}" if ":" in str(at) else f"http://{at}:{bound}"
    _log.info("Health and metrics at %s", address)
    if announce:
        announce(address)

    def close() -> None:
        server.shutdown()
        server.server_close()

    return close


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False  # else a second worker would take the port that the first one has

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("A caller of the health address went away", exc_info=True)


class _Server6(_Server):
    address_family = socket.AF_INET6


def _bound(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> _Server:
    kind = _Server6 if ":" in host else _Server
    try:
        return kind((host, port), handler)
    except OSError as taken:
        if taken.errno != errno.EADDRINUSE:
            raise
        _log.warning("Port %s is taken; health and metrics are told at a free one", port)
        return kind((host, 0), handler)


def _answering(settings: Settings, host: str, ready: Callable[[], dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5
        server_version, sys_version = "gatewright", ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/live":
                self._send(200, {"status": "alive"})
            elif path == "/ready":
                found = ready()
                self._send(200 if found["status"] == "ready" else 503, found)
            elif path == "/metrics":
                self._metrics()
            else:
                self._send(404, {"status": "there are /live, /ready and /metrics"})

        def _metrics(self) -> None:
            try:
                metrics.require(
                    settings,
                    listens_at=host,
                    caller=self.client_address[0],
                    authorization=self.headers.get("Authorization", ""),
                    forwarded=any(name in self.headers for name in metrics.FORWARDED),
                )
            except GatewrightError as refusal:
                self._send(refusal.status, refusal.as_problem())
                return
            self._send(200, metrics.exposed(), metrics.CONTENT_TYPE)

        def _send(self, status: int, content: dict[str, Any] | bytes, kind: str = "application/json") -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            _log.debug(format, *args)

    return Handler
