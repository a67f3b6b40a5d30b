"""An operator has failed steps tried again, one of them with other parameters if need be."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from engine import bpmn
from engine.errors import GatewrightError
from engine.identity import Person
from engine.runtime import edits, jobs, registry
from engine.runtime.tables import IncidentRow, JobRow
from engine.runtime.transaction import OPERATE, Moving, move
from engine.store import Store


class NothingToRetry(GatewrightError):
    """{process} for {subject} has no open incident at {task}."""

    code = "nothing-to-retry"
    hint = "See on its page what it waits for."
    status = 409


class NoParameters(GatewrightError):
    """{step} is no service task and takes no parameters."""

    code = "no-parameters"
    hint = "Set the variable that it reads instead."
    status = 409


def retry(house: Store, person: Person, instance: UUID, task: UUID | None = None, reason: str = "") -> int:
    """Try the failed steps of an instance again (one of them, or all); returns how many.

    A service task is called with its parameters as they are now: a variable that was set since counts.
    """

    def act(moving: Moving) -> int:
        failing = _failing(moving, task)
        for incident in failing:
            _again(moving, incident)
        _closed(moving, failing)
        for incident in failing:
            moving.record("incident.retried", element=incident.element, task=str(incident.task), reason=reason)
        return len(failing)

    return move(house, instance, act, actor=person, permission=OPERATE)


def retry_edited(
    house: Store, person: Person, instance: UUID, task: UUID, parameters: dict[str, Any], reason: str
) -> None:
    """Try a failed service task again, with these parameters in place of what the diagram's expressions give.

    They hold for this visit of the step alone, and are checked by the handler's own model; its gates ask as ever.
    Raises NothingToRetry, NoParameters, ParametersRefused, ReasonMissing, NotPermitted.
    """

    def act(moving: Moving) -> None:
        why = edits.require_reason(reason, "A retry with other parameters")
        (incident,) = _failing(moving, task)
        try:
            before = moving.execution.parameters(str(task))
        except bpmn.NotWaiting:
            raise NoParameters(step=incident.name or incident.element) from None
        handler = registry.find_service_task(moving.execution.handler(str(task)))
        jobs.refuse_unknown_parameters(handler, parameters)
        jobs.parse(handler, {**before, **parameters})
        moving.execution.edit_parameters(str(task), parameters)
        _again(moving, incident)
        _closed(moving, [incident])
        moving.record(
            "incident.retried",
            element=incident.element,
            task=str(task),
            handler=handler.name,
            reason=why,
            parameters={
                name: {"old": edits.told(before.get(name)), "new": edits.told(value)}
                for name, value in sorted(parameters.items())
            },
        )

    move(house, instance, act, actor=person, permission=OPERATE)


def _failing(moving: Moving, task: UUID | None) -> list[IncidentRow]:
    query = select(IncidentRow).where(IncidentRow.instance == moving.row.id, IncidentRow.closed_at.is_(None))
    failing = list(moving.session.scalars(query.where(IncidentRow.task == task) if task else query))
    if not failing:
        subject = moving.row.subject or "no subject"
        raise NothingToRetry(process=moving.row.process, subject=subject, task=task or "any step")
    return failing


def _closed(moving: Moving, failing: list[IncidentRow]) -> None:
    for incident in failing:
        incident.closed_at, incident.closed_by, incident.resolution = moving.now, moving.actor.id, "retried"
    tasks = {str(incident.task) for incident in failing}
    left = [each for each in moving.row.waiting.get("incidents", []) if each not in tasks]
    moving.row.waiting = {**moving.row.waiting, "incidents": left}


def _again(moving: Moving, incident: IncidentRow) -> None:
    if incident.task is None:
        return  # nothing stands at an element: what follows is the run
    try:
        moving.execution.retry(str(incident.task))
    except bpmn.NotWaiting:
        # The step itself waits unharmed: its job ran out of attempts.
        job = moving.session.get(JobRow, incident.task)
        if job is not None and job.state == "failed":
            job.parameters = moving.execution.call(str(incident.task)).parameters
            job.state, job.attempt, job.queued_at, job.ended_at = "queued", 0, moving.now, None
            jobs.enqueue(moving, job.task, job.handler)
