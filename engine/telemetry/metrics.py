"""Counters and durations of this process for Prometheus, and who may read them.

Every label has few values: kinds, handlers, routes, codes; never an instance, a person or a text. What the database
knows (queues, overdue timers, breakers) is read when it is asked for: `Gauge`, filled by the room that knows.

Where several processes answer at one address, as gunicorn's do, they count into files of one folder
(PROMETHEUS_MULTIPROC_DIR, set before this module is imported) and whichever is asked sums them up.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily

from engine.config import Settings
from engine.errors import GatewrightError

#: seconds; a road takes milliseconds, a job up to hours
_ROAD = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_JOB = (0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
#: headers by which a proxy says that the peer is not the caller
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
CONTENT_TYPE = CONTENT_TYPE_LATEST
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class MetricsRefused(GatewrightError):
    """The metrics of this process are not for this caller."""

    code = "metrics-refused"
    hint = "Send GATEWRIGHT_METRICS_TOKEN as a bearer token; without one only this machine's own callers are answered."
    status = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A metric as the docs tell it."""

    name: str
    kind: str  #: counter, histogram or gauge
    help: str
    labels: tuple[str, ...]
    where: str  #: the processes that have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A figure that is read when it is asked for: label values in the order of `labels` -> value."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    samples: Mapping[tuple[str, ...], float] = field(default_factory=dict)


# When each series began, a second series for each: of no use to anybody here.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
TOLD: list[Told] = []


def _counter(name: str, help: str, *labels: str, where: str) -> Counter:
    TOLD.append(Told(name=name, kind="counter", help=help, labels=labels, where=where))
    return Counter(name, help, labels, registry=REGISTRY)


def _histogram(name: str, help: str, *labels: str, buckets: Sequence[float], where: str) -> Histogram:
    TOLD.append(Told(name=name, kind="histogram", help=help, labels=labels, where=where))
    return Histogram(name, help, labels, buckets=buckets, registry=REGISTRY)


_MOVES = "web, worker, clock"
EVENTS = _histogram(
    "gatewright_event_duration_seconds",
    "What moved an instance, by kind of event and outcome (moved, refused, failed), with its whole transaction.",
    "kind",
    "outcome",
    buckets=_ROAD,
    where=_MOVES,
)
REPLAYS = _counter(
    "gatewright_transactions_replayed_total",
    "Transactions that were done again after a deadlock, a serialisation failure or a lost connection.",
    "reason",
    where=_MOVES,
)
JOBS = _histogram(
    "gatewright_job_duration_seconds",
    "Jobs that a worker ran, by handler and outcome (done, named_error, refused, failed).",
    "handler",
    "outcome",
    buckets=_JOB,
    where="worker",
)
TICKS = _histogram(
    "gatewright_tick_duration_seconds",
    "What the clock does again and again, by tick and outcome (done, failed).",
    "tick",
    "outcome",
    buckets=_ROAD,
    where="clock",
)
REQUESTS = _histogram(
    "gatewright_http_request_duration_seconds",
    "Requests to pages and API, by route as it is declared, method and status.",
    "route",
    "method",
    "status",
    buckets=_ROAD,
    where="web",
)
SCORED = _histogram(
    "gatewright_scoring_request_duration_seconds",
    "Requests to the scoring service, by operation and status.",
    "operation",
    "status",
    buckets=_ROAD,
    where="scoring",
)
ROWS = _counter("gatewright_scored_rows_total", "Rows that were scored and logged.", where="scoring")
DATABASE = Told(
    name="gatewright_database_up", kind="gauge", help="Whether the database answered.", labels=(), where="web"
)
TOLD.append(DATABASE)


@contextmanager
def timed(histogram: Histogram, *labels: str) -> Iterator[list[str]]:
    """Measure the block; its outcome, the last label, is what the block puts into the list, else done or failed."""
    outcome = [""]
    began = perf_counter()
    try:
        yield outcome
    except GatewrightError as refusal:
        outcome[0] = outcome[0] or ("refused" if refusal.status < 500 else "failed")
        raise
    except BaseException:
        outcome[0] = outcome[0] or "failed"
        raise
    finally:
        histogram.labels(*labels, outcome[0] or "done").observe(perf_counter() - began)


def exposed(gauges: Iterable[Gauge] = ()) -> bytes:
    """Everything of this process (of all that count into one folder) and these gauges, in Prometheus' text format."""
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
        ProcessCollector(registry=registry)
    registry.register(_Read(gauges))
    return generate_latest(registry)


class _Read:
    """Gauges as a collector."""

    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = list(gauges)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for labels, value in gauge.samples.items():
                family.add_metric(list(labels), value)
            yield family


def require(settings: Settings, *, listens_at: str, caller: str, authorization: str, forwarded: bool) -> None:
    """Raises MetricsRefused unless this caller may read the metrics.

    listens_at: the address of the process. caller: the peer's address. forwarded: a proxy sent it, so the peer's
    address says nothing of the caller.
    """
    if settings.metrics_token is not None:
        kind, _, given = authorization.partition(" ")
        wanted = settings.metrics_token.get_secret_value().encode()
        if kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), wanted):
            return
    elif _loopback(listens_at) and _loopback(caller) and not forwarded:
        return
    raise MetricsRefused()


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"
