"""Who asked for what an instance does: where four eyes are wanted, none of them decides it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.runtime.tables import InstanceRow, MessageRow, ScheduleRow, UserTaskRow

SCHEDULE, INSTANCE = "schedule ", "instance:"
ASKED = "asked for it"


def of(session: Session, instance: UUID) -> dict[str, str]:
    """Person -> why: they started the instance, their schedule did, or their message moved it last.

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
        return {sender: ASKED, **asked}
    teller = UUID(sender.removeprefix(INSTANCE))
    decided = select(UserTaskRow.closed_by).where(UserTaskRow.instance == teller, UserTaskRow.state == "completed")
    told = {*_started(session, teller), *(person for person in session.scalars(decided.distinct()) if person)}
    return {**dict.fromkeys(told, ASKED), **asked}


def _started(session: Session, instance: UUID) -> dict[str, str]:
    found = session.execute(select(InstanceRow.starter, InstanceRow.origin).where(InstanceRow.id == instance)).first()
    if found is None:
        return {}
    starter, origin = found
    asked = {starter: "started this life cycle"}
    if origin.startswith(SCHEDULE):
        # The clock only did what somebody had ordered.
        owner = session.scalar(select(ScheduleRow.owner).where(ScheduleRow.name == origin.removeprefix(SCHEDULE)))
        if owner:
            asked.setdefault(owner, ASKED)
    return asked
