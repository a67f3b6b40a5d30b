"""What stands in an instance's way: named with process, element, cause, and the way on; never a log line alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import insert, update

from engine import bpmn, events
from engine.runtime.tables import IncidentRow
from engine.store import new_id

if TYPE_CHECKING:
    from engine.runtime.transaction import Moving

WAYS_ON = {
    "handler": "Mend the cause, then retry the step on the instance's page or with `gatewright instance retry`.",
    "expression": "A variable has a value that the expression did not expect: set it, then retry.",
    "decision": "No rule of the decision table fits, or one of its cells is wrong: set the variable, then retry.",
    "conflict": "Two branches wrote different values to one variable: set it to what holds, and it goes on by itself.",
    "error": "No error boundary event catches this code: draw one, or mend the cause and retry.",
    "compensation": "Not everything that had completed is known any more: undo the oldest by hand, then retry.",
    "loop": "The activity would be repeated more often than it may: set the variable that ends it, then retry.",
    "stuck": "No token can move and no end was reached: cancel the instance and mend the diagram.",
}


def open_one(moving: Moving, failure: bpmn.Failure, *, way_on: str = "") -> None:
    """Open an incident at the element where something failed; told as a fact, so that others can react."""
    _insert(moving, [failure], way_on)


def write(moving: Moving, rest: bpmn.Rest, before: list[str]) -> list[str]:
    """Open incidents for new failures, close those whose element went on; returns the tasks that have one."""
    failing = {failure.task_id: failure for failure in rest.failures}
    _insert(moving, [failure for task, failure in failing.items() if task not in before])
    gone = [task for task in before if task not in failing]
    if gone:
        close(moving, gone, "went on")
    return sorted(failing)


def close(moving: Moving, tasks: list[str], resolution: str) -> None:
    """Close what stands open at these tasks."""
    moving.session.execute(
        update(IncidentRow)
        .where(
            IncidentRow.instance == moving.row.id,
            IncidentRow.task.in_([UUID(task) for task in tasks]),
            IncidentRow.closed_at.is_(None),
        )
        .values(closed_at=moving.now, closed_by=moving.actor.id, resolution=resolution)
    )


def _insert(moving: Moving, failures: list[bpmn.Failure], way_on: str = "") -> None:
    if not failures:
        return
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "instance": moving.row.id,
            "task": UUID(failure.task_id) if failure.task_id else None,
            "element": failure.element,
            "name": failure.name,
            "process": failure.process,
            "kind": failure.kind,
            "cause": " ".join((failure.cause, moving.reasons.get(failure.task_id, ""))).strip()[:4000],
            "way_on": way_on or WAYS_ON.get(failure.kind, WAYS_ON["handler"]),
            "opened_at": moving.now,
        }
        for failure in failures
    ]
    moving.session.execute(insert(IncidentRow), rows)
    for row in rows:
        moving.record("incident.opened", element=row["element"], kind=row["kind"], cause=row["cause"])
        events.emit(
            moving.session, "incident.opened", moving.row.subject, instance=str(moving.row.id), element=row["element"]
        )


def close_all(moving: Moving, resolution: str) -> None:
    """Close whatever stands open at this instance."""
    moving.session.execute(
        update(IncidentRow)
        .where(IncidentRow.instance == moving.row.id, IncidentRow.closed_at.is_(None))
        .values(closed_at=moving.now, closed_by=moving.actor.id, resolution=resolution)
    )
