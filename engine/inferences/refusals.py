"""Requests that were not answered with scores, counted by model, hour and reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine.inferences.tables import FailureRow, RefusalRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why one request to a known model got no scores, and in which hour."""

    hour: datetime
    model: str
    environment: str
    code: str  #: the error's stable code
    status: int  #: the HTTP status: below 500 the caller's mistake, from 500 on ours
    deployment: UUID | None = None  #: the one that was to answer, where that was known


def at(
    moment: datetime, *, model: str, environment: str, code: str, status: int, deployment: UUID | None = None
) -> Refusal:
    """The refusal of one request at a moment."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return Refusal(hour=hour, model=model, environment=environment, code=code, status=status, deployment=deployment)


def add(session: Session, counted: Mapping[Refusal, int]) -> None:
    """Add counts to the hours they belong to, in a statement for models and one for deployments."""
    if not counted:
        return
    by_model: Counter[tuple[str, datetime, str, str, int]] = Counter()
    failed: Counter[tuple[UUID, datetime, str]] = Counter()
    for refusal, n in counted.items():
        by_model[refusal.model, refusal.hour, refusal.environment, refusal.code, refusal.status] += n
        if refusal.deployment is not None and refusal.status >= 500:
            failed[refusal.deployment, refusal.hour, refusal.code] += n
    # Sorted, so that two services that count the same hours cannot lock them crosswise.
    names = ("model", "hour", "environment", "code", "status", "requests")
    statement = insert(RefusalRow).values(
        [dict(zip(names, (*key, n), strict=True)) for key, n in sorted(by_model.items())]
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["model", "hour", "environment", "code"],
            set_={"requests": RefusalRow.requests + statement.excluded.requests},
        )
    )
    if failed:
        columns = ("deployment", "hour", "code", "requests")
        failures = insert(FailureRow).values(
            [dict(zip(columns, (*key, n), strict=True)) for key, n in sorted(failed.items())]
        )
        session.execute(
            failures.on_conflict_do_update(
                index_elements=["deployment", "hour", "code"],
                set_={"requests": FailureRow.requests + failures.excluded.requests},
            )
        )
