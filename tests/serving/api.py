"""A model of others: a real HTTP server that answers {"rows": [...]} with {"predictions": [{"score", "label"}]}."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Api:
    """Serves until its end; `asked` holds what it was sent, `failing` what it answers with instead of scores."""

    def __init__(self, score: Callable[[dict[str, Any]], float], port: int = 0) -> None:
        self.asked: list[tuple[dict[str, str], Any]] = []
        self.failing: list[tuple[int, dict[str, str], bytes]] = []
        self._open: list[socket.socket] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer._open.append(self.connection)

            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((dict(self.headers), sent))
                status, headers, body = outer.failing.pop(0) if outer.failing else (200, {}, outer.answer(sent, score))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}/score"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @staticmethod
    def answer(sent: Any, score: Callable[[dict[str, Any]], float]) -> bytes:
        scores = [score(row) for row in sent["rows"]]
        told = [{"score": each, "label": "refuse" if each < 0.5 else "grant"} for each in scores]
        return json.dumps({"predictions": told}).encode()

    def close(self) -> None:
        """Die; who asks now is refused."""
        self._server.shutdown()
        self._server.server_close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
