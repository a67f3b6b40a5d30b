"""Identifiers that sort by the time of their making."""

from __future__ import annotations

import secrets
import time
import uuid


def new_id() -> uuid.UUID:
    """A UUID version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    tail = secrets.randbits(74)
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (tail >> 62) << 64
    value |= 0b10 << 62 | tail & (1 << 62) - 1
    return uuid.UUID(int=value)
