"""What an operator may lay hands on: the failed step of an instance with its parameters, the tokens that stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import bpmn
from engine.runtime import bundles, forms, registry
from engine.runtime.instances.retry import NoParameters, NothingToRetry
from engine.runtime.tables import IncidentRow, InstanceRow
from engine.runtime.transaction import InstanceEnded, InstanceUnknown


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedStep:
    """A service task that failed, as it would be called now."""

    task: UUID
    element: str
    name: str
    process: str
    cause: str
    handler: str
    parameters: dict[str, Any]  #: those that have a value; one whose expression fails is left out
    form: forms.Form  #: what the handler takes


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingToken:
    """A token that can be moved, and where to; whether the policies let it is asked when it is moved."""

    task: UUID
    element: str
    name: str
    kind: str
    process: str
    scope: str
    targets: dict[str, str]  #: element -> name


def tokens(session: Session, instance: UUID) -> list[StandingToken]:
    """The tokens of an instance that can be moved; raises InstanceUnknown, InstanceEnded."""
    _, execution = _restored(session, instance)
    names: dict[str, dict[str, str]] = {}
    found = []
    for each in execution.standing():
        if each.process not in names:
            elements = bpmn.describe(execution.bundle.files(each.process)).elements.values()
            names[each.process] = {element.id: element.name for element in elements}
        targets = {to: names[each.process].get(to, "") for to in execution.targets(each.task_id)}
        found.append(
            StandingToken(
                task=UUID(each.task_id),
                element=each.element,
                name=each.name,
                kind=each.kind,
                process=each.process,
                scope="/".join(each.scope),
                targets=targets,
            )
        )
    return found


def failed_step(session: Session, instance: UUID, task: UUID) -> FailedStep:
    """The failed step at this task; raises InstanceUnknown, InstanceEnded, NothingToRetry, NoParameters."""
    row, execution = _restored(session, instance)
    incident = session.scalars(
        select(IncidentRow).where(
            IncidentRow.instance == instance, IncidentRow.task == task, IncidentRow.closed_at.is_(None)
        )
    ).first()
    if incident is None:
        raise NothingToRetry(process=row.process, subject=row.subject or "no subject", task=task)
    try:
        handler = registry.find_service_task(execution.handler(str(task)))
    except bpmn.NotWaiting:
        raise NoParameters(step=incident.name or incident.element) from None
    return FailedStep(
        task=task,
        element=incident.element,
        name=incident.name,
        process=incident.process,
        cause=incident.cause,
        handler=handler.name,
        parameters=execution.parameters(str(task)),
        form=forms.Form(handler.name, handler.summary, handler.parameters.model_json_schema()),
    )


def _restored(session: Session, instance: UUID) -> tuple[InstanceRow, bpmn.Execution]:
    row = session.get(InstanceRow, instance)
    if row is None:
        raise InstanceUnknown(instance=instance)
    if row.state != "running":
        raise InstanceEnded(process=row.process, subject=row.subject or "no subject", state=row.state)
    return row, bpmn.Execution.restore(bundles.load(session, row.bundle), bytes(row.workflow), now=row.moved_at)
