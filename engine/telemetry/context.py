"""What the work in hand is about, for log lines and spans: instance, element, handler. Never people, never data."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

#: the names that a log line and a span may have; what somebody wrote is none of them
FACTS = frozenset({"instance", "definition", "element", "task", "handler", "attempt", "kind", "outcome"})

_about: ContextVar[dict[str, str]] = ContextVar("about")
_NOTHING: dict[str, str] = {}


class about:
    """What is told in this block is about these facts, and about those of the blocks around it."""

    # A class and not a generator: a scoring request enters two, and each would cost it 1 us more.
    __slots__ = ("_facts", "_token")

    def __init__(self, **facts: object) -> None:
        self._facts = facts

    def __enter__(self) -> None:
        self._token = _about.set({**_about.get(_NOTHING), **_texts(self._facts)})

    def __exit__(self, *_: object) -> None:
        _about.reset(self._token)


def tell(**facts: object) -> None:
    """Add what has become known since the block began, such as the instance of a task."""
    inside = _about.get(None)
    if inside is not None:
        inside.update(_texts(facts))


def facts() -> Mapping[str, str]:
    """What the work in hand is about; empty outside of any."""
    return _about.get(_NOTHING)


def _texts(facts: Mapping[str, object]) -> dict[str, str]:
    unknown = facts.keys() - FACTS
    if unknown:
        raise TypeError(f"no fact of a log line or a span: {', '.join(sorted(unknown))}")
    return {name: str(fact) for name, fact in facts.items() if fact not in (None, "")}
