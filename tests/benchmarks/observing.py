"""What metrics and traces add to the road of one event: process P three ways, interleaved in one run.

    python -m tests.benchmarks.observing [--instances 60] [--rounds 5]

without     neither measured nor traced: both are taken out
as shipped  measured, and traced into empty spans: no collector is named
traced      measured, and every span made and handed to a sender that drops it
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from pydantic import SecretStr

from engine.config import Settings
from engine.runtime import wakeups
from engine.store import migrations, open_store
from engine.store.postgres import APPLICATION, ERASER, EmbeddedPostgres, default_folder
from engine.telemetry import metrics, tracing
from tests.benchmarks import road
from tests.runtime import worlds as w


@contextlib.contextmanager
def without() -> Iterator[None]:
    """Both taken out of this process."""
    kept = tracing.span, tracing.tell, tracing.carried, metrics.timed

    @contextlib.contextmanager
    def nothing(*_: Any, **__: Any) -> Iterator[list[str]]:
        yield [""]

    changed: Any = (nothing, lambda **_: None, lambda: None, nothing)
    tracing.span, tracing.tell, tracing.carried, metrics.timed = changed
    try:
        yield
    finally:
        tracing.span, tracing.tell, tracing.carried, metrics.timed = kept


class _Dropped(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        self.count += len(spans)
        return SpanExportResult.SUCCESS

    def __init__(self) -> None:
        self.count = 0


@contextlib.contextmanager
def traced(provider: TracerProvider) -> Iterator[None]:
    """Spans as with a collector; the tracer of the process is put back at the end."""
    kept = tracing._tracer
    tracing._tracer = provider.get_tracer("gatewright")
    try:
        yield
    finally:
        tracing._tracer = kept


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    folder = default_folder(Path(f"benchmark-{os.getpid()}-{secrets.token_hex(4)}"))
    server = EmbeddedPostgres(folder)
    server.start()
    data = Path(tempfile.mkdtemp(prefix="gatewright-benchmark-"))
    dropped = _Dropped()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(dropped))
    ways: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
        "without": without,
        "as shipped": contextlib.nullcontext,
        "traced": lambda: traced(provider),
    }
    try:
        migrations.upgrade(server.url("owner"), application=APPLICATION, eraser=ERASER)
        house = open_store(Settings(data_dir=data, database_url=SecretStr(server.url("application"))))
        w.given_a_published(house, w.process_p())
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(given.rounds):
            # Another one first each time: what a round leaves behind is no way's own.
            for name in [*ways][number % 3 :] + [*ways][: number % 3]:
                with ways[name]():
                    found[name].append(road.on_postgresql(house, given.instances))
        base = statistics.median(cpu for _, cpu in found["without"])
        for name, rounds in found.items():
            cpu, rate = statistics.median(c for _, c in rounds), statistics.median(r for r, _ in rounds)
            print(f"{name:<11} {cpu:8.2f} ms CPU a P ({cpu / base - 1:+.1%}), {rate:8.1f} P/s")
        provider.force_flush()
        print(f"spans made while traced: {dropped.count}, of them a P: {_spans_of_one(house, provider)}")
        wakeups.close()
        house.close()
    finally:
        provider.shutdown()
        server.stop()
        shutil.rmtree(folder)
        shutil.rmtree(data)


def _spans_of_one(house: Any, provider: TracerProvider) -> int:
    made: list[ReadableSpan] = []

    class Kept(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            made.extend(spans)
            return SpanExportResult.SUCCESS

    provider.add_span_processor(BatchSpanProcessor(Kept()))
    with traced(provider):
        road.one(house)
    provider.force_flush()
    assert all(each.context and trace.TraceFlags(each.context.trace_flags).sampled for each in made)
    return len(made)


if __name__ == "__main__":
    main()
