"""Requests to pages and API, measured and traced by the route they took; and /metrics."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

from flask import Blueprint, Flask, Response, g, request

from engine.runtime import figures
from engine.store import Store, transaction
from engine.telemetry import metrics, tracing
from engine.telemetry.metrics import Gauge
from web import access
from web.access import anyone

pages = Blueprint("observing", __name__)

#: the database is asked for gauges at most so often by one process
_KEPT_SECONDS = 5.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_lock = threading.Lock()
_found: tuple[float, list[Gauge]] = (float("-inf"), [])


def install(app: Flask) -> None:
    """Observe every request; called before whatever else looks at it."""
    app.before_request(_begin)
    app.after_request(_measure)
    app.teardown_request(_end)


@pages.get("/metrics")
@anyone
def exposed() -> Response:
    """Every metric of the pages' processes, and what the database knows of the house's work."""
    settings = access.store().settings
    metrics.require(
        settings,
        listens_at=settings.web_host,
        caller=request.remote_addr or "",
        authorization=request.headers.get("Authorization", ""),
        forwarded=any(name in request.headers for name in metrics.FORWARDED),
    )
    return Response(metrics.exposed(_gauges(access.store())), content_type=metrics.CONTENT_TYPE)


def _gauges(house: Store) -> list[Gauge]:
    global _found
    with _lock:
        at, found = _found
        if time.monotonic() - at > _KEPT_SECONDS:
            try:
                with transaction(house) as session:
                    found = [*figures.read(session, house.settings.worker_silent_seconds), _answers(1.0)]
            except Exception:
                # What this process has counted is told all the same, above all when the database is away.
                found = [_answers(0.0)]
            _found = (time.monotonic(), found)
        return found


def _answers(value: float) -> Gauge:
    return Gauge(name=metrics.DATABASE.name, help=metrics.DATABASE.help, samples={(): value})


def _begin() -> None:
    stack = ExitStack()
    made = stack.enter_context(
        tracing.span(f"{_method()} {_route()}", parent=request.headers.get("traceparent"), server=True)
    )
    made.set_attributes({"http.request.method": _method(), "http.route": _route()})
    g.observed = (stack, made, time.perf_counter())


def _measure(response: Response) -> Response:
    if "observed" in g:
        _, made, began = g.observed
        made.set_attribute("http.response.status_code", response.status_code)
        if request.endpoint != "observing.exposed":
            labels = (_route(), _method(), str(response.status_code))
            metrics.REQUESTS.labels(*labels).observe(time.perf_counter() - began)
    return response


def _end(_error: BaseException | None) -> None:
    observed = g.pop("observed", None)
    if observed is not None:
        observed[0].close()


def _route() -> str:
    """The route as it is declared: an address holds ids, and strangers make up addresses."""
    return request.url_rule.rule if request.url_rule else "unmatched"


def _method() -> str:
    return request.method if request.method in _METHODS else "other"
