"""Who asked for what an instance does: where four eyes are wanted, none of them decides it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.runtime.tables import InstanceRow, MessageRow, ScheduleRow, UserTaskRow

SCHEDULE, INSTANCE = "schedule ", "instance:"


def of(session: Session, instance: UUID) -> frozenset[str]:
    """Who started the instance, whose schedule did, and whose message moved it last.

    A message comes from a person, or from an instance: then those asked who decided something there (a review that
    ended in a request), and those who had set it going.
    """
    asked = _started(session, instance)
    sender = session.scalar(
        select(MessageRow.sender)
        .where(MessageRow.delivered_to == instance, MessageRow.kind == "message")
        .order_by(MessageRow.delivered_at.desc())
        .limit(1)
    )
    if sender is None:
        return asked
    if not sender.startswith(INSTANCE):
        return asked | {sender}
    teller = UUID(sender.removeprefix(INSTANCE))
    decided = select(UserTaskRow.closed_by).where(UserTaskRow.instance == teller, UserTaskRow.state == "completed")
    return asked | _started(session, teller) | {person for person in session.scalars(decided.distinct()) if person}


def _started(session: Session, instance: UUID) -> frozenset[str]:
    found = session.execute(select(InstanceRow.starter, InstanceRow.origin).where(InstanceRow.id == instance)).first()
    if found is None:
        return frozenset()
    starter, origin = found
    if not origin.startswith(SCHEDULE):
        return frozenset({starter})
    # The clock only did what somebody had ordered.
    owner = session.scalar(select(ScheduleRow.owner).where(ScheduleRow.name == origin.removeprefix(SCHEDULE)))
    return frozenset({starter, owner} if owner else {starter})
