"""What is traced reaches a collector over OTLP, from a process as it is run."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

_PROCESS = """
from engine.config import Settings
from engine.telemetry import tracing
tracing.begin(Settings.load(), "worker")
with tracing.span("event decision", kind="decision", instance="one"):
    pass
tracing.finish()
"""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Its address, and what it was sent: (path, body)."""
    sent: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/traces", sent
    server.shutdown()


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )


def test_a_process_sends_its_spans_to_the_collector_that_is_named(collector):
    address, sent = collector
    done = run(_PROCESS, GATEWRIGHT_TRACES_URL=address)
    assert done.returncode == 0, done.stderr
    ((path, body),) = sent
    assert path == "/v1/traces"
    for word in (b"gatewright-worker", b"event decision", b"gatewright.instance"):
        assert word in body


def test_a_share_of_none_sends_none(collector):
    address, sent = collector
    done = run(_PROCESS, GATEWRIGHT_TRACES_URL=address, GATEWRIGHT_TRACES_SHARE="0")
    assert done.returncode == 0, done.stderr
    assert sent == []


def test_without_the_packages_that_send_the_extra_is_named(collector):
    address, _ = collector
    hidden = "import sys; sys.modules['opentelemetry.sdk'] = None\n"
    done = run(hidden + _PROCESS, GATEWRIGHT_TRACES_URL=address)
    assert "[tracing-not-installed]" in done.stderr
    assert "gatewright[tracing]" in done.stderr
