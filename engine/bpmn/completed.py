"""What is remembered of an activity that can be undone: little, and only as long as its scope is open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: how many completed activities of one scope are remembered; a loop may run for years
MAX_COMPLETED = 1_000


@dataclass(frozen=True, slots=True)
class Completed:
    """One completed activity, or one copy of a repeated one."""

    element: str
    number: int  #: later ones have higher numbers
    variables: dict[str, Any]  #: those that it was called with and those that it left changed, as they were then
    inner: tuple[Completed, ...] = ()  #: what had completed in it, or its copies
    whole: bool = True  #: False for a subprocess that was cancelled before its end: its own handler has nothing to undo
    copies: bool = False  #: a repeated activity; `inner` are its copies

    def as_json(self) -> list[Any]:
        """As it is kept in a state."""
        return [
            self.element, self.number, self.variables, [each.as_json() for each in self.inner], self.whole, self.copies
        ]  # fmt: skip

    @staticmethod
    def from_json(kept: list[Any]) -> Completed:
        """As it was kept."""
        element, number, variables, inner, whole, copies = kept
        return Completed(element, number, variables, tuple(map(Completed.from_json, inner)), whole, copies)


def in_order(records: Iterable[Completed]) -> list[Completed]:
    """By completion, the latest last."""
    return sorted(records, key=lambda record: record.number)
