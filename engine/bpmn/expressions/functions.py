"""The functions and methods that an expression may call, each bounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

MAX_TEXT = 100_000
MAX_ITEMS = 10_000
MAX_BITS = 256


class Refused(ValueError):
    """A value or an operation that goes beyond the bounds."""


def checked(value: Any) -> Any:
    """The value, if it is a JSON value within the bounds; else Refused."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise Refused("the number grows too large")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Refused("the number is not finite")
    elif isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise Refused(f"the text grows beyond {MAX_TEXT:,} characters")
    elif isinstance(value, list | tuple | dict):
        if len(value) > MAX_ITEMS:
            raise Refused(f"the list grows beyond {MAX_ITEMS:,} items")
    else:
        raise Refused(f"a {type(value).__name__} is no value of JSON")
    return value


def _items(values: Any) -> list[Any]:
    if isinstance(values, dict | list | tuple | str):
        return list(values)
    raise Refused(f"{_kind(values)} has no items")


def _kind(value: Any) -> str:
    return {
        "NoneType": "nothing (null)", "bool": "true or false", "int": "a number", "float": "a number", "str": "a text",
        "list": "a list", "tuple": "a list", "dict": "an object",
    }.get(type(value).__name__, type(value).__name__)  # fmt: skip


def _integer(value: Any) -> int:
    if isinstance(value, str):
        if len(value) > 40:
            raise Refused("the text is too long for a number")
        return int(value, 10)
    if isinstance(value, int | float):
        return int(value)
    raise Refused(f"{_kind(value)} is no number")


def _float(value: Any) -> float:
    if isinstance(value, str):
        if len(value) > 400:
            raise Refused("the text is too long for a number")
        return float(value)
    if isinstance(value, int | float):
        return float(value)
    raise Refused(f"{_kind(value)} is no number")


def _text(value: Any) -> str:
    if isinstance(value, list | tuple | dict):
        raise Refused(f"{_kind(value)} is not turned into a text")
    if value is None:
        return ""
    # Asked by its type: in Python 1 equals true, and was written so.
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sum(values: Any) -> Any:
    total: Any = 0
    for value in _items(values):
        if not isinstance(value, int | float):
            raise Refused(f"{_kind(value)} cannot be added up")
        total += value
    return total


def _round(value: Any, digits: int = 0) -> Any:
    if not isinstance(value, int | float) or not isinstance(digits, int) or abs(digits) > 30:
        raise Refused("only numbers are rounded, to at most 30 digits")
    return round(value, digits) if digits else round(value)


def _sorted(values: Any, reverse: bool = False) -> list[Any]:
    return sorted(_items(values), reverse=bool(reverse))


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def act(*values: Any, **default: Any) -> Any:
        return choose(_items(values[0]) if len(values) == 1 else list(values), **default)

    return act


def _range(*bounds: Any) -> list[int]:
    if not all(isinstance(bound, int) for bound in bounds) or len(range(*bounds)) > MAX_ITEMS:
        raise Refused(f"range() takes whole numbers and gives at most {MAX_ITEMS:,} items")
    return list(range(*bounds))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": lambda value: len(_items(value)),
    "min": _extreme(min),
    "max": _extreme(max),
    "abs": abs,
    "round": _round,
    "sum": _sum,
    "any": lambda values: any(_items(values)),
    "all": lambda values: all(_items(values)),
    "sorted": _sorted,
    "int": _integer,
    "float": _float,
    "str": _text,
    "bool": lambda value: bool(value),
    "range": _range,
}


def _join(separator: str, values: Any) -> str:
    parts = _items(values)
    if not all(isinstance(part, str) for part in parts):
        raise Refused("only texts are joined")
    if sum(map(len, parts)) + len(separator) * len(parts) > MAX_TEXT:
        raise Refused(f"the text grows beyond {MAX_TEXT:,} characters")
    return separator.join(parts)


def _replace(value: str, old: str, new: str) -> str:
    if len(value) + value.count(old) * len(new) > MAX_TEXT:
        raise Refused(f"the text grows beyond {MAX_TEXT:,} characters")
    return value.replace(old, new)


def _split(value: str, separator: str | None = None) -> list[str]:
    return value.split(separator, MAX_ITEMS)


#: by method name: the function for a text, and that for an object
METHODS: dict[str, tuple[Callable[..., Any] | None, Callable[..., Any] | None]] = {
    "lower": (str.lower, None),
    "upper": (str.upper, None),
    "strip": (str.strip, None),
    "startswith": (str.startswith, None),
    "endswith": (str.endswith, None),
    "isdigit": (str.isdigit, None),
    "isalpha": (str.isalpha, None),
    "split": (_split, None),
    "join": (_join, None),
    "replace": (_replace, None),
    "count": (str.count, None),
    "find": (str.find, None),
    "get": (None, lambda value, key, default=None: value.get(key, default)),
    "keys": (None, lambda value: list(value.keys())),
    "values": (None, lambda value: list(value.values())),
    "items": (None, lambda value: [list(pair) for pair in value.items()]),
}


def total(values: Iterable[Any]) -> int:
    """How many values a JSON value holds, itself included; the bound of what a variable may take."""
    count, stack = 0, list(values)
    while stack:
        value = stack.pop()
        count += 1
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list | tuple):
            stack.extend(value)
        if count > 10 * MAX_ITEMS:
            break
    return count
