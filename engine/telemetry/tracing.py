"""Spans of OpenTelemetry: a person's click, its road, the job in a worker and what its result moves are one trace.

Without a collector and a caller's trace no span is made. A span carries ids of ours alone:
no person, no variable, no text of an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from engine.config import Settings
from engine.errors import GatewrightError
from engine.telemetry import context

_tracer = trace.get_tracer("gatewright")
_carrier = TraceContextTextMapPropagator()
_listening = False
_NOTHING = nullcontext(trace.INVALID_SPAN)


class TracingNotInstalled(GatewrightError):
    """GATEWRIGHT_TRACES_URL names a collector, and the packages that send traces are not installed."""

    code = "tracing-not-installed"
    hint = "Install `gatewright[tracing]`, or leave GATEWRIGHT_TRACES_URL out."
    status = 500


def span(
    name: str, *, parent: str | None = None, server: bool = False, **facts: object
) -> AbstractContextManager[trace.Span]:
    """A span about these facts, which log lines in the block carry, too.

    parent: what `carried` gave elsewhere; left out, the span in hand. An error ends it with the error's code or class.
    """
    if parent is None and not traced():
        return _Untraced(facts) if facts else _NOTHING  # where nobody listens: 1 us, not 30
    return _span(name, parent, server, facts)


def traced() -> bool:
    """Whether anybody listens, or a caller's trace is in hand."""
    return _listening or trace.get_current_span().get_span_context().is_valid


class _Untraced:
    """A block about these facts, of which no span is made."""

    __slots__ = ("_about",)

    def __init__(self, facts: Mapping[str, object]) -> None:
        self._about = context.about(**facts)

    def __enter__(self) -> trace.Span:
        self._about.__enter__()
        return trace.INVALID_SPAN

    def __exit__(self, *_: object) -> None:
        self._about.__exit__()


@contextmanager
def _span(name: str, parent: str | None, server: bool, facts: Mapping[str, object]) -> Iterator[trace.Span]:
    kind = SpanKind.SERVER if server else SpanKind.INTERNAL
    with (
        context.about(**facts),
        _tracer.start_as_current_span(
            name, _extracted(parent), kind, _attributes(facts), record_exception=False, set_status_on_exception=False
        ) as made,
    ):
        try:
            yield made
        except BaseException as failure:
            failed(failure)
            raise


def tell(**facts: object) -> None:
    """Add to the span in hand, and to its log lines, what has become known."""
    context.tell(**facts)
    made = trace.get_current_span()
    if made.is_recording():
        made.set_attributes(_attributes(facts))


def failed(failure: BaseException) -> None:
    """Mark the span in hand as failed, by the error's code or class: its text may hold what people wrote."""
    made = trace.get_current_span()
    if made.is_recording():
        made.set_status(Status(StatusCode.ERROR, failure.code if isinstance(failure, GatewrightError) else None))
        made.set_attribute("error.type", failure.code if isinstance(failure, GatewrightError) else _class(failure))


def carried() -> str | None:
    """The context of the span in hand as W3C's `traceparent`, to travel with a job; None where nothing is traced."""
    carrier: dict[str, str] = {}
    _carrier.inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str:
    """The id of the trace in hand; empty where nothing is traced."""
    found = trace.get_current_span().get_span_context()
    return trace.format_trace_id(found.trace_id) if found.is_valid else ""


def begin(settings: Settings, process: str) -> None:
    """Send what is traced to the collector that the settings name; nothing where they name none.

    Called once a process, after any fork: a thread sends in batches. Raises TracingNotInstalled.
    """
    if settings.traces_url is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError as missing:
        raise TracingNotInstalled() from missing
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.traces_share)),
        resource=Resource.create({"service.namespace": "gatewright", "service.name": f"gatewright-{process}"}),
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.traces_url.get_secret_value())))
    listen(provider)


def listen(provider: trace.TracerProvider) -> None:
    """Have spans made, and handed to this provider from now on."""
    global _listening
    trace.set_tracer_provider(provider)
    _listening = True


def finish() -> None:
    """Send what is left; nothing where nothing is sent."""
    shutdown: Any = getattr(trace.get_tracer_provider(), "shutdown", None)
    if shutdown is not None:
        shutdown()


def _extracted(parent: str | None) -> Context | None:
    return _carrier.extract({"traceparent": parent}) if parent else None


def _attributes(facts: Mapping[str, object]) -> dict[str, str]:
    return {f"gatewright.{name}": str(fact) for name, fact in facts.items() if fact not in (None, "")}


def _class(failure: BaseException) -> str:
    return type(failure).__qualname__
