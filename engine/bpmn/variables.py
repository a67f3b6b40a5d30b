"""What may become the value of a variable: JSON that survives being stored."""

from __future__ import annotations

import math
import re
from typing import Any

from engine.errors import GatewrightError

MAX_PARTS = 200_000
MAX_DEPTH = 100
_HALF = re.compile("[\ud800-\udfff]")


class NotStorable(GatewrightError):
    """The value of {where} cannot be stored: {reason}."""

    code = "value-not-storable"
    hint = "Return plain JSON: objects with texts as keys, lists, texts, finite numbers, true, false, null."


def unkept(text: str) -> str:
    """Why PostgreSQL cannot keep the text, in JSONB nor in a column of its own; empty where it can."""
    if "\x00" in text:
        return "a text holds a NUL character"
    if not text.isascii() and _HALF.search(text):
        return "a text holds half of a surrogate pair"
    return ""


def stored(value: Any, where: str) -> Any:
    """A deep copy of the value, checked to be JSON that reads back as it was written.

    Refused: keys that are no text, NaN and infinities, whole numbers beyond 64 bits, texts that cannot be kept, and any
    other Python object.
    """
    count = 0

    def copy(part: Any, depth: int) -> Any:
        nonlocal count
        count += 1
        if count > MAX_PARTS:
            raise NotStorable(where=where, reason=f"it holds more than {MAX_PARTS:,} parts")
        if depth > MAX_DEPTH:
            raise NotStorable(where=where, reason=f"it nests deeper than {MAX_DEPTH}")
        kind = type(part)
        if part is None or kind is bool:
            return part
        if kind is str:
            if reason := unkept(part):
                raise NotStorable(where=where, reason=reason)
            return part
        if kind is int:
            if not -(2**63) <= part < 2**63:
                raise NotStorable(where=where, reason="a whole number does not fit into 64 bits")
            return part
        if kind is float:
            if not math.isfinite(part):
                raise NotStorable(where=where, reason="a number is not finite")
            return part
        if kind is list or kind is tuple:
            return [copy(item, depth + 1) for item in part]
        if kind is dict:
            for key in part:
                if type(key) is not str:
                    raise NotStorable(where=where, reason=f"the key {key!r} is no text")
            return {copy(key, depth): copy(item, depth + 1) for key, item in part.items()}
        raise NotStorable(where=where, reason=f"it holds a {kind.__name__}")

    return copy(value, 0)


def named(variables: Any, where: str) -> dict[str, Any]:
    """A mapping of variables, checked and copied."""
    if not isinstance(variables, dict):
        raise NotStorable(where=where, reason="it is no object of named values")
    made: dict[str, Any] = stored(variables, where)
    return made
