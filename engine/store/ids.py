"""Identifiers that sort by the time of their making."""

from __future__ import annotations

import secrets
import threading
import time
import uuid

_PER_MILLISECOND = 1 << 12
_new, _set = object.__new__, object.__setattr__
_guard = threading.Lock()
_last = 0


def new_ids(n: int) -> list[uuid.UUID]:
    """So many of them, in their order; for less than half the cost of each by itself."""
    global _last
    nanoseconds = time.time_ns()
    part = nanoseconds // 1_000_000 * _PER_MILLISECOND + nanoseconds % 1_000_000 * _PER_MILLISECOND // 1_000_000
    with _guard:
        first = max(part, _last + 1)
        _last = first + n - 1
    chance = secrets.token_bytes(8 * n)
    return [
        _made(part, int.from_bytes(chance[8 * place : 8 * place + 8]) >> 2)
        for place, part in enumerate(range(first, first + n))
    ]


def new_id() -> uuid.UUID:
    """A UUID version 7 that sorts behind every other of this process.

    RFC 9562, section 6.2, method 3: behind 48 bits of Unix milliseconds stand 12 bits of the millisecond's parts (244
    ns), then 62 random bits. Where the clock stands still or goes back, the part after the last one is taken.
    """
    global _last
    nanoseconds = time.time_ns()
    part = nanoseconds // 1_000_000 * _PER_MILLISECOND + nanoseconds % 1_000_000 * _PER_MILLISECOND // 1_000_000
    with _guard:
        _last = part = max(part, _last + 1)
    return _made(part, secrets.randbits(62))


def _made(part: int, chance: int) -> uuid.UUID:
    value = (part >> 12 & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (part & 0xFFF) << 64
    value |= 0b10 << 62 | chance
    # Past UUID's __init__, which looks at six ways to be called: 0.4 us of 1.0, a thousand times for a batch.
    made = _new(uuid.UUID)
    _set(made, "int", value)
    _set(made, "is_safe", uuid.SafeUUID.unknown)
    return made
