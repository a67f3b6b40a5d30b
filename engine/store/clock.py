"""The one place where time comes from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the present instant."""

    #: True where the instants are made up; audit rows written under such a clock say so.
    made_up: bool

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    made_up = False

    def now(self) -> datetime:
        """The machine's present instant in UTC."""
        return datetime.now(UTC)


class TestClock:
    """A clock that stands still until a test moves it."""

    __test__ = False  # pytest would collect it by its name
    made_up = True

    def __init__(self, at: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)) -> None:
        self._at = at

    def now(self) -> datetime:
        """The instant to which the clock was moved last."""
        return self._at

    def advance(self, span: timedelta) -> datetime:
        """Move the clock by `span`; returns the new instant."""
        self._at += span
        return self._at

    def set(self, at: datetime) -> None:
        """Move the clock to `at`, which must be aware."""
        if at.tzinfo is None:
            raise ValueError("a clock is set to an aware instant")
        self._at = at.astimezone(UTC)
