"""Requests that were not answered with scores, counted by model, hour and reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine.inferences.tables import RefusalRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why one request to a known model got no scores, and in which hour."""

    hour: datetime
    model: str
    environment: str
    code: str  #: the error's stable code
    status: int  #: the HTTP status: below 500 the caller's mistake, from 500 on ours


def at(moment: datetime, *, model: str, environment: str, code: str, status: int) -> Refusal:
    """The refusal of one request at a moment."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return Refusal(hour=hour, model=model, environment=environment, code=code, status=status)


def add(session: Session, counted: Mapping[Refusal, int]) -> None:
    """Add counts to the hours they belong to, in one statement."""
    if not counted:
        return
    # Sorted, so that two services that count the same hours cannot lock them crosswise.
    ordered = sorted(counted.items(), key=lambda item: (item[0].model, item[0].hour, item[0].environment, item[0].code))
    statement = insert(RefusalRow).values(
        [
            {
                "model": refusal.model,
                "hour": refusal.hour,
                "environment": refusal.environment,
                "code": refusal.code,
                "status": refusal.status,
                "requests": n,
            }
            for refusal, n in ordered
        ]
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["model", "hour", "environment", "code"],
            set_={"requests": RefusalRow.requests + statement.excluded.requests},
        )
    )
