"""Hands alerts over to the life cycle that tells them: what people are to hear goes the road of everything else."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from engine.events import Event
from engine.identity import Person
from engine.inventory import queries as inventory
from engine.monitoring import alerts
from engine.monitoring.alerts import Concern, queries
from engine.runtime import messages
from engine.store import Store, replayed, transaction

_TELLER = Person.system("monitoring")


def take(session: Session, fact: Event) -> None:
    """Have the fact finding.opened, worsened or closed open an alert, join one, or leave it."""
    told = fact.facts
    if fact.name == "finding.closed":
        alerts.leave(session, UUID(told["finding"]))
        return
    metric = str(told["metric"]).replace("_", " ")
    alerts.take(
        session,
        Concern(
            finding=UUID(told["finding"]),
            model=fact.subject,
            cause=told["cause"],
            severity=told["state"],
            title=f"{metric} of {told['of']}" if told["of"] else f"{metric} ({told['measure']})",
        ),
    )


def heed_schedule(session: Session, fact: Event) -> None:
    """Have the fact schedule.failed open an alert of its model, and schedule.recovered close it.

    A schedule that is about no model of the inventory has no alert: the pages Home, Operations and Schedules show it.
    """
    told = fact.facts
    if fact.name == "schedule.recovered":
        alerts.leave(session, UUID(told["id"]))
        return
    try:
        model = inventory.model(session, fact.subject).id
    except inventory.ModelUnknown:
        return
    cause = f"schedule {told['schedule']}"
    title = f"The {cause} could not fire"
    alerts.take(session, Concern(finding=UUID(told["id"]), model=model, cause=cause, severity="no data", title=title))


def hand_over(house: Store) -> int:
    """Send the message `alert_raised` for each alert that is to be told, each in its own transaction; how many."""
    with transaction(house) as session:
        waiting = alerts.due(session)
    return sum(replayed(house, partial(_hand_over, alert)) for alert in waiting)


def _hand_over(id: UUID, session: Session) -> bool:
    severity = alerts.hand_over(session, id)
    if severity is None:
        return False
    alert = queries.alert(session, id)
    told = {"alert": str(id), "severity": severity, "title": alert.title}
    messages.send(session, _TELLER, "alert_raised", alert.models[0], told)
    return True
