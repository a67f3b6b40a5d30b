"""The processes of the house, each put together from its rooms; none of them starts a database.

Each opens the database before it imports its rooms: where there is none, that is said at once.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.config import Settings

_COUNTS = "gatewright-metrics-"
#: the loop of a worker goes round five times a second
_SILENT_SECONDS = 10.0


def web(settings: Settings) -> None:
    """Serve pages and API until SIGTERM or SIGINT."""
    with _counted_together():
        _web(settings)


def _web(settings: Settings) -> None:
    _begin("web", settings)
    # gunicorn opens both anew in each worker: what is wrong with either is said here, once and in one line.
    _opened(settings, "web").close()
    from web import server
    from web.supervisor import ports

    server.run(ports.of_pages(settings))


def worker(settings: Settings) -> None:
    """Run jobs until SIGTERM or SIGINT; those under way are finished first."""
    _begin("worker", settings)
    store = _opened(settings, "worker")
    from engine import handlers
    from engine.runtime import worker as runtime_worker
    from engine.serving.runner import Runner
    from engine.store import health
    from engine.telemetry import pulse, tracing
    from web import probes

    handlers.load()
    tracing.begin(settings, "worker")

    def ready() -> dict[str, Any]:
        heard = pulse.silent_seconds(runtime_worker.PULSE) < _SILENT_SECONDS
        return probes.readiness(store, {"heartbeat": health.OK if heard else "its loop has not gone round"})

    close = probes.serve(settings, settings.worker_host, settings.worker_port, ready)
    runner = Runner(store)
    runner.start()
    runtime_worker.run(store)
    runner.stop()
    close()
    tracing.finish()
    store.close()


def clock(settings: Settings) -> None:
    """Tick until SIGTERM or SIGINT."""
    _begin("clock", settings)
    store = _opened(settings, "clock")
    from engine import handlers
    from engine.runtime import clock as runtime_clock
    from engine.store import health
    from engine.telemetry import tracing
    from web import probes, ticks

    handlers.load()
    tracing.begin(settings, "clock")

    def ready() -> dict[str, Any]:
        silent = runtime_clock.silent()
        return probes.readiness(
            store,
            {"ticks": f"no end of: {', '.join(silent)}" if silent else health.OK},
            role="leading" if runtime_clock.leads() else "following",
        )

    close = probes.serve(settings, settings.clock_host, settings.clock_port, ready)
    ticks.catch_up(store)
    runtime_clock.run(store, ticks.TICKS)
    close()
    tracing.finish()
    store.close()


def scoring(settings: Settings) -> None:
    """Answer scoring requests until SIGTERM or SIGINT; what was answered is logged first."""
    _begin("scoring", settings)
    store = _opened(settings, "scoring")
    from engine.serving import scoring as service
    from engine.telemetry import tracing

    tracing.begin(settings, "scoring")
    service.serve(
        store,
        settings.scoring_host,
        settings.scoring_port,
        threading.Event(),
        announce=lambda address: logging.getLogger("gatewright").info("Scoring at %s", address),
    )
    tracing.finish()
    store.close()


def _opened(settings: Settings, application: str) -> Any:
    from engine.store import open_store

    return open_store(settings, application=application)


def _begin(name: str, settings: Settings) -> None:
    """End with who started us, and log to the standard error."""
    from engine.telemetry import logs
    from web.supervisor import bond

    bond.tie()
    logs.begin(name, settings)


def _forget_counts_of_the_killed() -> None:
    """Remove the folders of those that could not do it themselves."""
    import psutil

    for left in Path(tempfile.gettempdir()).glob(f"{_COUNTS}*-*"):
        pid = left.name.removeprefix(_COUNTS).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _counted_together() -> Iterator[None]:
    """Have the server processes of the pages count into one folder: each scrape reaches only one of them.

    Before anything counts: whatever imports the counters first settles where they are kept.
    """
    mine = os.getpid()
    _forget_counts_of_the_killed()
    folder = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix=f"{_COUNTS}{mine}-")
    try:
        yield
    finally:
        if os.getpid() == mine:  # what was forked from us leaves by this way, too
            shutil.rmtree(folder, ignore_errors=True)
