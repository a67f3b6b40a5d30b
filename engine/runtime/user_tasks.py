"""User tasks: opened when a token arrives, shown in the inbox of their role, claimed, and closed by a decision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from engine import audit, bpmn, identity
from engine.bpmn import calendar
from engine.errors import GatewrightError, words
from engine.identity import Person
from engine.runtime import edits, forms, guard, registry, requesters, wakeups
from engine.runtime.tables import EvidenceRow, InstanceRow, UserTaskRow
from engine.runtime.values import UserTask
from engine.store import Store, canonical, now, transaction

if TYPE_CHECKING:
    from engine.runtime.transaction import Moving

R = TypeVar("R", UserTask, UserTaskRow)


class TaskUnknown(GatewrightError):
    """There is no user task {task}."""

    code = "task-unknown"
    hint = "`gatewright task list` and the inbox name those that wait."
    status = 404


class TaskClosed(GatewrightError):
    """{name} is {state}: {by} was there before."""

    code = "task-closed"
    hint = "Reload the inbox; the instance's page shows what was decided."
    status = 409


class WrongRole(GatewrightError):
    """{name} waits for the role {role}, which {person} does not have."""

    code = "wrong-role"
    hint = "Somebody with that role decides it: the task's page names them."
    status = 403


class OwnWork(GatewrightError):
    """{person} {why} and cannot decide {name}: four eyes are asked for."""

    code = "own-work"
    hint = "Another {role} decides it."
    status = 403


class TakenByAnother(GatewrightError):
    """{name} is in the hands of {assignee}."""

    code = "taken-by-another"
    hint = "Ask them to release it, or have an operator assign it anew."
    status = 409


class StaleEvidence(GatewrightError):
    """What {name} was shown has changed since: {what}."""

    code = "stale-evidence"
    hint = "The task shows the new evidence now: look at it, then decide."
    status = 409


class EvidenceDamaged(GatewrightError):
    """The evidence {title} is not what was frozen: its digest is no longer {digest}."""

    code = "evidence-damaged"
    hint = "Somebody changed the database: run `gatewright audit verify` and restore a backup."
    status = 500


class EvidenceMissing(GatewrightError):
    """{name} cannot be decided without its evidence: {what}."""

    code = "evidence-missing"
    hint = "Have the missing piece made first, then reload the task."
    status = 409


class Asked(Protocol):
    """What a task tells of who may not decide it."""

    @property
    def instance(self) -> UUID: ...
    @property
    def shut_out(self) -> Sequence[str]: ...


def write(moving: Moving, rest: bpmn.Rest, before: list[str]) -> list[str]:
    """Open what is new, cancel what is gone without a decision; returns the open tasks."""
    waiting = {task.task_id: task for task in rest.user_tasks}
    new = [task for task_id, task in waiting.items() if task_id not in before]
    if new:
        moving.changes.rows["user_tasks"] = [_row(moving, task) for task in new]
        for task in new:
            moving.record("user_task.opened", element=task.element, task=task.task_id, role=task.lane)
    moving.changes.gone["user_tasks_gone"] = [
        UUID(task) for task in before if task not in waiting and task not in moving.closed
    ]
    return sorted(waiting)


def claim(house: Store, person: Person, task: UUID) -> None:
    """Take an open task into one's own hands; raises TaskClosed, WrongRole, OwnWork, TakenByAnother."""

    def act(session: Session, row: UserTaskRow) -> None:
        refuse_wrong_role(row, person)
        refuse_own_work(session, row, person)
        if row.assignee not in (None, person.id):
            raise TakenByAnother(name=row.name, assignee=row.assignee)
        row.assignee, row.claimed_at = person.id, row.claimed_at or now(session)

    _alter(house, person, task, "user_task.claimed", act)


def release(house: Store, person: Person, task: UUID) -> None:
    """Give a task back to its role's inbox; raises TakenByAnother where it is in other hands."""

    def act(session: Session, row: UserTaskRow) -> None:
        if row.assignee != person.id and not identity.may(person, "task.assign"):
            raise TakenByAnother(name=row.name, assignee=row.assignee or "nobody")
        row.assignee = row.claimed_at = None

    _alter(house, person, task, "user_task.released", act)


def assign(house: Store, person: Person, task: UUID, to: Person) -> None:
    """Put a task into somebody's hands; they must have its role and not be shut out."""

    def act(session: Session, row: UserTaskRow) -> None:
        identity.require(person, "task.assign")
        refuse_wrong_role(row, to)
        refuse_own_work(session, row, to)
        row.assignee, row.claimed_at = to.id, now(session)

    _alter(house, person, task, "user_task.assigned", act, to=to.id)


def open_row(session: Session, task: UUID) -> UserTaskRow:
    """The open task, read under its instance's lock; raises TaskUnknown, TaskClosed."""
    return _opened(task, session.get(UserTaskRow, task))


def in_hand(moving: Moving, task: UUID) -> UserTask:
    """The open task as a value, locked with its instance, which it named; raises TaskUnknown, TaskClosed."""
    return _opened(task, moving.row.user_task)


def _opened(task: UUID, row: R | None) -> R:
    if row is None:
        raise TaskUnknown(task=task)
    if row.state != "open":
        raise TaskClosed(name=row.name, state=row.state, by=row.closed_by or "the diagram")
    return row


def refuse_wrong_role(row: UserTask | UserTaskRow, person: Person) -> None:
    """Raises WrongRole unless the person has the task's role."""
    identity.require(person, "task.work")
    if row.role not in person.roles:
        raise WrongRole(element=_place(row), name=row.name, role=row.role, person=person.name)


def refuse_own_work(session: Session, row: UserTask | UserTaskRow, person: Person) -> None:
    """Raises OwnWork for whom the diagram shuts out of this task."""
    why = shut_out(session, row).get(person.id)
    if why is not None:
        raise OwnWork(element=_place(row), person=person.name, why=why, name=row.name, role=row.role)


def shut_out(session: Session, task: Asked) -> dict[str, str]:
    """Person -> why they may not decide the task: they asked for it (`starter`), or did a named task."""
    found: dict[str, str] = {}
    if "starter" in task.shut_out:
        found |= requesters.of(session, task.instance)
    elements = [element for element in task.shut_out if element != "starter"]
    if elements:
        done = select(UserTaskRow.closed_by, UserTaskRow.name).where(
            UserTaskRow.instance == task.instance,
            UserTaskRow.element.in_(elements),
            UserTaskRow.state == "completed",
        )
        for closed_by, name in session.execute(done.distinct()):
            found.setdefault(str(closed_by), f"did {name}")
    return found


def refuse_stale_evidence(moving: Moving, row: UserTask) -> None:
    """Raises EvidenceMissing or StaleEvidence where what was frozen at opening is not there or no longer true."""
    if not row.evidence:
        return
    fresh = {
        each["name"]: each for each in _freeze(moving, str(row.id), row.element, [e["name"] for e in row.evidence])
    }
    lost = [f"{each['title']} ({each['missing']})" for each in fresh.values() if each["missing"]]
    if lost:
        raise EvidenceMissing(element=_place(row), name=row.name, what=", ".join(lost))
    changed = [each["title"] for each in row.evidence if each["digest"] != fresh[each["name"]]["digest"]]
    if changed:
        raise StaleEvidence(element=_place(row), name=row.name, what=", ".join(changed))


def refresh_evidence(moving: Moving, task: UUID) -> None:
    """Freeze the evidence of an open task anew: what was shown has changed."""
    row = open_row(moving.session, task)
    row.evidence = _freeze(moving, str(row.id), row.element, [each["name"] for each in row.evidence])
    moving.record("user_task.evidence_changed", element=row.element, task=str(row.id))


def refuse_other_evidence(row: UserTask, shown: Mapping[str, str] | None) -> None:
    """Raises StaleEvidence where the decider saw other evidence, or other variables than an operator has set since.

    Who tells nothing of what they saw decides on what was frozen at opening; after a change that is no more.
    """
    if shown is None and row.changed_at is None:
        return
    seen = shown or {}
    other = [each["title"] for each in row.evidence if seen.get(each["name"]) != each["digest"]]
    if (row.changed_at is not None or registry.RESERVED in seen) and seen.get(registry.RESERVED) != edits.digest(
        row.variables
    ):
        other.append("the variables")
    if other:
        raise StaleEvidence(element=_place(row), name=row.name, what=", ".join(other))


def show_anew(moving: Moving) -> list[UUID]:
    """Have the open tasks show what an operator has set; returns those that show something else now."""
    changed = []
    open_ones = select(UserTaskRow).where(UserTaskRow.instance == moving.row.id, UserTaskRow.state == "open")
    for row in moving.session.scalars(open_ones.order_by(UserTaskRow.id)):
        fresh = moving.execution.shown(str(row.id))
        if edits.canonical(fresh) == edits.canonical(row.variables):
            continue
        row.variables, row.changed_at = fresh, moving.now
        row.evidence = _freeze(moving, str(row.id), row.element, [each["name"] for each in row.evidence])
        moving.record("user_task.evidence_changed", element=row.element, task=str(row.id))
        changed.append(row.id)
    return changed


def digests(row: UserTask) -> dict[str, str]:
    """Evidence name -> digest of what the decider was shown."""
    return {each["name"]: each["digest"] for each in row.evidence}


def _row(moving: Moving, task: bpmn.UserTaskWaiting) -> dict[str, Any]:
    return {
        "id": task.task_id,
        "instance": moving.row.id,
        "element": task.element,
        "name": task.name,
        "process": task.process,
        "scope": "/".join(task.scope),
        "subject": moving.row.subject,
        "role": task.lane,
        "kind": task.kind,
        "form": task.form or None,
        "documentation": task.documentation,
        "shut_out": list(task.shut_out),
        "evidence": _freeze(moving, task.task_id, task.element, list(task.evidence)),
        "variables": task.variables,
        "properties": dict(task.properties),
        "state": "open",
        "opened_at": moving.now,
        "due_at": _due(moving, task.due) if task.due else None,
    }


def _freeze(moving: Moving, task: str, element: str, names: list[str]) -> list[dict[str, str]]:
    frozen, kept = [], {}
    for name in names:
        title, shown, missing = name.replace("_", " "), "", ""
        try:
            provider = registry.find_evidence(name)
            with moving.session.begin_nested(), guard.inside_transaction(f"evidence {name}", moving.session):
                found = provider(moving.session, moving.context(task, element))
            title = found.title
            content = canonical(found.content)
            shown = hashlib.sha256(content).hexdigest()
            kept[shown] = content
        except OperationalError:
            raise  # a deadlock or a lost connection is the transaction's trouble: it is replayed or raised
        except GatewrightError as reason:
            missing = reason.message  # the page says what is missing; a decision without it is refused
        except Exception as reason:
            # Raised, a provider's own mistake would undo the step that led here, and nobody would see why it stands.
            missing = f"{name} failed: {type(reason).__name__}: {words(reason)}"[:500]
        frozen.append({"name": name, "title": title, "digest": shown, "missing": missing})
    if kept:
        contents = [{"digest": digest, "content": content, "kept_at": moving.now} for digest, content in kept.items()]
        moving.session.execute(upsert(EvidenceRow).values(contents).on_conflict_do_nothing())
    return frozen


def evidence_content(session: Session, frozen: Mapping[str, str]) -> dict[str, Any]:
    """What was frozen for a decider, as the page draws it; empty where it is missing. Raises EvidenceDamaged."""
    if not frozen["digest"]:
        return {}
    content = session.scalar(select(EvidenceRow.content).where(EvidenceRow.digest == frozen["digest"]))
    if content is None or hashlib.sha256(content).hexdigest() != frozen["digest"]:
        raise EvidenceDamaged(title=frozen["title"], digest=frozen["digest"])
    found: dict[str, Any] = json.loads(content)
    return found


def form_of(bundle: bpmn.Bundle, process: str, name: str | None) -> forms.Form | None:
    """The form of a task or start, from the bundle that its instance runs."""
    return forms.known(name, bundle.files(process)[name]) if name else None


def _due(moving: Moving, after: str) -> datetime:
    return calendar.duration(after).after(moving.now, moving.store.settings.timezone)


def _place(row: UserTask | UserTaskRow) -> str:
    return f'process "{row.process}", element "{row.name}" ({row.element})'


def _alter(house: Store, person: Person, task: UUID, act: str, change: Any, **facts: Any) -> None:
    try:
        with transaction(house) as session:
            # Rule 1: the instance row first, then the task's.
            instance = session.scalar(
                select(InstanceRow.id)
                .where(InstanceRow.id == select(UserTaskRow.instance).where(UserTaskRow.id == task).scalar_subquery())
                .with_for_update()
            )
            if instance is None:
                raise TaskUnknown(task=task)
            row = open_row(session, task)
            change(session, row)
            audit.record(
                session,
                f"instance:{instance}",
                act,
                actor=person.id,
                subject=row.subject,
                task=str(task),
                element=row.element,
                at=now(session).isoformat(),
                **facts,
            )
            wakeups.changed(session, house, instance)
    except GatewrightError as refusal:
        audit.refusal(house, "system", "act.refused", actor=person.id, tried=act, task=str(task), reason=refusal.code)
        raise
