"""The processes of the house, each put together from its rooms; none of them starts a database."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import Any

from engine.config import Settings
from web.supervisor import bond


def web(settings: Settings) -> None:
    """Serve pages and API until SIGTERM or SIGINT."""
    from web import server
    from web.supervisor import ports

    _begin("web")
    # gunicorn opens both anew in each worker: what is wrong with either is said here, once and in one line.
    _opened(settings, "web").close()
    server.run(ports.of_pages(settings))


def worker(settings: Settings) -> None:
    """Run jobs until SIGTERM or SIGINT; those under way are finished first."""
    from engine import handlers
    from engine.runtime import worker as runtime_worker

    _begin("worker")
    store = _opened(settings, "worker")
    handlers.load()
    runtime_worker.run(store)
    store.close()


def clock(settings: Settings) -> None:
    """Tick until SIGTERM or SIGINT."""
    from engine import handlers
    from engine.runtime import clock as runtime_clock
    from web import ticks

    _begin("clock")
    store = _opened(settings, "clock")
    handlers.load()
    ticks.catch_up(store)
    runtime_clock.run(store, ticks.TICKS)
    store.close()


def scoring(settings: Settings) -> None:
    """Answer scoring requests until SIGTERM or SIGINT; what was answered is logged first."""
    from engine.serving import scoring as service

    _begin("scoring")
    store = _opened(settings, "scoring")
    service.serve(
        store,
        settings.scoring_host,
        settings.scoring_port,
        threading.Event(),
        announce=lambda address: logging.getLogger("gatewright").info("Scoring at %s", address),
    )
    store.close()


def _opened(settings: Settings, application: str) -> Any:
    from engine.store import open_store

    return open_store(settings, application=application)


def _begin(name: str) -> None:
    """End with who started us, and log to the standard error."""
    bond.tie()
    logging.basicConfig(
        level=os.environ.get("GATEWRIGHT_LOG_LEVEL", "INFO").upper(),
        format=f"%(asctime)s {name} %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for chatty in ("alembic", "httpx", "procrastinate"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
