"""What moves an instance, measured and traced: one span and one duration an event, by its kind."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from engine.telemetry import metrics, tracing

P = ParamSpec("P")
R = TypeVar("R")


def event(function: Callable[P, R]) -> Callable[P, R]:
    """Observe whatever moves an instance by an act, its third argument: the act's module names the kind of event."""

    @functools.wraps(function)
    def observing(*args: P.args, **kwargs: P.kwargs) -> R:
        _, instance, act, *_ = args
        known = str(instance) if isinstance(instance, UUID) else ""
        with tracing.span(f"event {_kind(act)}", kind=_kind(act), instance=known), _measured(_kind(act)) as outcome:
            result = function(*args, **kwargs)
            outcome[0] = "moved"
            return result

    return observing


def start(function: Callable[P, R]) -> Callable[P, R]:
    """The same for what begins an instance."""

    @functools.wraps(function)
    def observing(*args: P.args, **kwargs: P.kwargs) -> R:
        with tracing.span("event start", kind="start"), _measured("start") as outcome:
            result = function(*args, **kwargs)
            outcome[0] = "moved"
            return result

    return observing


def _measured(kind: str) -> Any:
    return metrics.timed(metrics.EVENTS, kind)


def _kind(act: Any) -> str:
    """The kinds of event are the files of `instances`: decision, timer, message, job_result, operation and so on."""
    return str(getattr(act, "__module__", "")).rpartition(".")[2] or "other"
