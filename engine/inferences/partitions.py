"""The monthly partitions of the inference log, made ahead of need."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

#: This month and the two after it: how long every caller may be away before the default partition fills.
MONTHS_AHEAD = 3


def ensure_partitions(session: Session, now: datetime) -> list[str]:
    """The partitions made just now, for the month of `now` and the two after it; those that exist are left alone.

    A month that nobody made ahead was kept by the default partition; its rows move into the new one.
    """
    made = session.execute(
        text("SELECT inferences.ensure_partitions(CAST(:first AS date), :months)"),
        {"first": now.astimezone(UTC).date(), "months": MONTHS_AHEAD},
    )
    return [name for (name,) in made]
