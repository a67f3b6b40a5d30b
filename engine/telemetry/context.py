"""What the work in hand is about, for log lines and spans: instance, element, handler. Never people, never data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

#: the names that a log line and a span may have; what somebody wrote is none of them
FACTS = frozenset({"instance", "definition", "element", "task", "handler", "attempt", "kind", "outcome"})

_about: ContextVar[dict[str, str]] = ContextVar("about")
_NOTHING: dict[str, str] = {}


@contextmanager
def about(**facts: object) -> Iterator[None]:
    """What is told in this block is about these facts, and about those of the blocks around it."""
    token = _about.set({**_about.get({}), **_texts(facts)})
    try:
        yield
    finally:
        _about.reset(token)


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
