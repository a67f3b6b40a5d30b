"""Another system: keeps what is asked of it, once for each idempotency key, and counts how often it was asked."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Recorder:
    """A small HTTP server that outlives every kill."""

    def __init__(self) -> None:
        self.effects: dict[str, Any] = {}
        self.asked: Counter[str] = Counter()
        #: keys that came a second time with another body: never right
        self.differing: list[str] = []
        self._lock = threading.Lock()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                recorder._take(self.headers["Idempotency-Key"], body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *words: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="recorder", daemon=True).start()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}/effects"

    def _take(self, key: str, body: Any) -> None:
        with self._lock:
            self.asked[key] += 1
            if self.effects.setdefault(key, body) != body:
                self.differing.append(key)

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
