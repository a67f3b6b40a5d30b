"""Signs of life of the threads that matter in this process, for its readiness."""

from __future__ import annotations

import time

_last: dict[str, float] = {}


def beat(name: str) -> None:
    """It has just gone round."""
    _last[name] = time.monotonic()


def silent_seconds(name: str) -> float:
    """How long it was not heard of; infinite where it never was."""
    last = _last.get(name)
    return float("inf") if last is None else time.monotonic() - last
