"""A person decides a user task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from engine.identity import Person
from engine.runtime import edits, forms, guard, registry, rows, user_tasks
from engine.runtime.held import InstanceOf
from engine.runtime.transaction import InstanceUnknown, Moving, move
from engine.runtime.values import UserTask
from engine.store import Store
from engine.telemetry import tracing


def complete(
    house: Store,
    person: Person,
    task: UUID,
    answer: dict[str, Any],
    shown: Mapping[str, str] | None = None,
) -> UUID:
    """Apply a person's decision and run the instance to rest; returns the instance's id.

    shown: evidence name -> digest, as the page had it, and under `variables` that of the variables; left out, what was
    frozen at opening is meant, which is refused once an operator has set a variable since.
    One transaction: task, state, jobs, timers and audit rows are committed together. A refusal (TaskClosed, WrongRole,
    OwnWork, TakenByAnother, AnswerRefused, StaleEvidence, EvidenceMissing) changes nothing, leaves an audit row of its
    own and is raised. Stale evidence is frozen anew, so that the task shows what is true now.
    """
    instance = InstanceOf(user_task=task)

    def act(moving: Moving) -> UUID:
        row = user_tasks.in_hand(moving, task)
        tracing.tell(element=row.element, task=task)
        user_tasks.refuse_wrong_role(row, person)
        user_tasks.refuse_own_work(moving.session, row, person)
        if row.assignee not in (None, person.id):
            raise user_tasks.TakenByAnother(name=row.name, assignee=row.assignee)
        checked = forms.check(user_tasks.form_of(moving.bundle, row.process, row.form), answer)
        user_tasks.refuse_other_evidence(row, shown)
        user_tasks.refuse_stale_evidence(moving, row)
        kind = registry.find_task_kind(row.kind)
        if kind:
            with guard.inside_transaction(f"task kind {row.kind}", moving.session):
                kind.completed(
                    moving.session,
                    moving.context(str(task), row.element),
                    person,
                    Decided(row),
                    checked,
                )
        rows.close_user_task(moving.session, task, checked, moving.changes, at=moving.now, by=person.id)
        moving.closed.add(str(task))
        moving.record(
            "user_task.completed",
            element=row.element,
            task=str(task),
            answer=checked,
            evidence=user_tasks.digests(row),
            **({"variables": edits.digest(row.variables)} if row.changed_at else {}),
        )
        moving.execution.complete_user_task(str(task), checked)
        return moving.row.id

    try:
        return move(house, instance, act, actor=person)
    except InstanceUnknown:
        raise user_tasks.TaskUnknown(task=task) from None
    except user_tasks.StaleEvidence:
        move(house, instance, lambda moving: user_tasks.refresh_evidence(moving, task), actor=person)
        raise


class Decided:
    """What the act of a kind of user task may know of the task: values, not the row."""

    __slots__ = (
        "element",
        "evidence",
        "id",
        "instance",
        "name",
        "process",
        "properties",
        "role",
        "subject",
        "variables",
    )

    def __init__(self, row: UserTask) -> None:
        self.id, self.instance, self.element, self.name = row.id, row.instance, row.element, row.name
        self.process, self.role, self.subject = row.process, row.role, row.subject
        self.evidence = user_tasks.digests(row)
        self.properties = dict(row.properties)
        self.variables = dict(row.variables)
