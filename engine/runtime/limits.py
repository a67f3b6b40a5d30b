"""How many jobs of a handler may run and begin, and when its failures stop it: declared with it, or set by an operator.

They hold over all workers and machines: the counts are rows, taken under one lock a handler (`lines`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import GatewrightError

#: one that nobody can wait for is a mistake
_LONGEST = 7 * 24 * 3600.0


class LimitRefused(GatewrightError):
    """{text!a} is no {what}: {reason}."""

    code = "limit-refused"
    hint = "Write a concurrency as 3, a rate as 10/60 (starts/seconds), a breaker as 5/30 (failures/seconds), or none."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most so many starts in any span of so many seconds."""

    starts: int
    per_seconds: float

    def __str__(self) -> str:
        return f"{self.starts}/{self.per_seconds:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """After so many technical failures in a row jobs wait, and one of them tries again after a pause."""

    failures: int = 5
    pause_seconds: float = 30.0

    def __str__(self) -> str:
        return f"{self.failures}/{self.pause_seconds:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds a handler's jobs back; None: nothing of the kind."""

    concurrency: int | None = None  #: jobs at a time, 0 holds all of them
    rate: Rate | None = None
    breaker: Breaker | None = None

    @property
    def counted(self) -> bool:
        """Whether every job has to ask for a place."""
        return self.concurrency is not None or self.rate is not None


def concurrency(text: str) -> int | None:
    """The number in a text, None for `none`; raises LimitRefused."""
    if text.strip().lower() == "none":
        return None
    if not re.fullmatch(r"\d{1,5}", text.strip()):
        raise LimitRefused(text=text[:40], what="concurrency", reason="it is a whole number of at most five digits")
    return int(text)


def rate(text: str) -> Rate | None:
    """The rate in a text such as 10/60, None for `none`; raises LimitRefused."""
    found = _pair(text, "rate")
    return Rate(starts=found[0], per_seconds=found[1]) if found else None


def breaker(text: str) -> Breaker | None:
    """The breaker in a text such as 5/30, None for `none`; raises LimitRefused."""
    found = _pair(text, "breaker")
    return Breaker(failures=found[0], pause_seconds=found[1]) if found else None


def _pair(text: str, what: str) -> tuple[int, float] | None:
    if text.strip().lower() == "none":
        return None
    found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,7}(?:\.\d{1,3})?)\s*s?\s*", text)
    if not found:
        raise LimitRefused(text=text[:40], what=what, reason="it is a number, a slash, and a number of seconds")
    number, seconds = int(found[1]), float(found[2])
    if number < 1 or not 0 < seconds <= _LONGEST:
        raise LimitRefused(text=text[:40], what=what, reason="both are above 0, the seconds at most a week")
    return number, seconds
