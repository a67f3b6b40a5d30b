"""The web server: gunicorn with threads, in this process, each worker with a store of its own."""

from __future__ import annotations

import importlib
import logging
import signal
from types import FrameType
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from engine.config import Settings
from engine.store import Store, open_store

#: measured with 30 open streams: 2 workers of 32 threads answer pages in 2 ms; a stream holds a thread while it lasts
WORKERS, THREADS = 2, 32


def run(settings: Settings) -> None:
    """Serve pages and API at the settings' address until SIGTERM or SIGINT; answers under way are finished first."""
    _Application(settings, settings.web_host, settings.web_port).run()


def serve(house: Store, host: str, port: int) -> None:
    """The same for the settings of an open store, at another address."""
    # The store stays with the parent: a connection must not be shared with what is forked from it.
    house.engine.dispose(close=False)
    _Application(house.settings, host, port).run()


class _Log(Logger):  # type: ignore[misc]
    """gunicorn's log as lines of ours: it keeps no handler of its own."""

    def setup(self, cfg: Any) -> None:
        """Hand everything to the root's handlers."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.setLevel(logging.WARNING)
        self.error_log.propagate = True


class _Application(BaseApplication):  # type: ignore[misc]
    """Our settings in gunicorn's words."""

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        # Here, before the fork: a second of imports, and their memory, is had once for all workers.
        importlib.import_module("web.app")
        self._settings, self._host, self._port = settings, host, port
        super().__init__()

    def load_config(self) -> None:
        shown = f"[{self._host}]" if ":" in self._host else self._host
        words: dict[str, Any] = {
            "bind": f"{shown}:{self._port}",
            "worker_class": "gthread",
            "workers": WORKERS,
            "threads": THREADS,
            "worker_tmp_dir": None,
            "proc_name": "gatewright web",
            "graceful_timeout": 10,
            "timeout": 120,
            "keepalive": 5,
            "forwarded_allow_ips": "",
            "proxy_allow_ips": "",
            "limit_request_line": 8190,
            "limit_request_fields": 64,
            "accesslog": None,
            "logger_class": _Log,
            "control_socket_disable": True,
        }
        for name, value in words.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        # Runs in the worker, after the fork: connections and threads are its own.
        from engine.telemetry import tracing
        from web import live
        from web.app import create_app

        tracing.begin(self._settings, "web")
        app = create_app(open_store(self._settings, application="web"))
        with app.app_context():
            streams = live.broadcast()
        before = signal.getsignal(signal.SIGTERM)

        def ending(number: int, frame: FrameType | None) -> None:
            # A stream lasts: without a word to it the worker would wait for it until its patience ends.
            streams.end()
            if callable(before):
                before(number, frame)

        signal.signal(signal.SIGTERM, ending)
        return app
