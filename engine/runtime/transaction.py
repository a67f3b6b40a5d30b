"""The road of one event: whatever moves an instance goes through `move`, in one transaction.

lock the instance row, with its audit head; restore; apply the event; run to rest;
compact and write the state, revision + 1; write steps, user tasks, timers, jobs, messages, incidents, audit rows;
commit; only then wake workers and pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from engine import audit, bpmn, identity
from engine.errors import GatewrightError
from engine.identity import Person
from engine.runtime import bundles, incidents, jobs, observed, rows, signals, steps, timers, user_tasks, wakeups
from engine.runtime import messages as outbox
from engine.runtime.context import Context
from engine.runtime.held import Held, InstanceOf
from engine.runtime.rows import Changes
from engine.store import Store, now, replayed, transaction
from engine.store.sessions import sqlstate
from engine.telemetry import tracing

T = TypeVar("T")

LOCK_TIMEOUT = "55P03"
#: the permission of all acts by hand
OPERATE = "instance.operate"

#: transitions of one event before the road commits and goes on by a continuation
TRANSITIONS = 200


class InstanceUnknown(GatewrightError):
    """There is no process instance {instance}."""

    code = "instance-unknown"
    hint = "`gatewright instance list` and the page Life cycles name them."
    status = 404


class InstanceEnded(GatewrightError):
    """{process} for {subject} is {state}; nothing moves it any more."""

    code = "instance-ended"
    hint = "Start a new instance where the work shall be done again."
    status = 409


class InstanceSuspended(GatewrightError):
    """{process} for {subject} is suspended."""

    code = "instance-suspended"
    hint = "An operator resumes it on its page, or with `gatewright instance resume`."
    status = 409


class InstanceBusy(GatewrightError):
    """This life cycle is being moved by something else for longer than is waited for."""

    code = "instance-busy"
    hint = "Try again in a moment: nothing was changed."
    status = 503


@dataclass(slots=True)
class Moving:
    """An instance in hand: its locked row, its restored execution, and what else it changes."""

    session: Session
    store: Store
    row: Held
    bundle: bpmn.Bundle
    execution: bpmn.Execution
    actor: Person
    now: datetime
    changes: Changes = field(default_factory=Changes)
    #: user tasks and jobs whose rows the act itself has closed
    closed: set[str] = field(default_factory=set)
    #: task -> what its handler said of the named error that it raised
    reasons: dict[str, str] = field(default_factory=dict)

    def context(self, task: str, element: str) -> Context:
        """What a handler at this step is told."""
        return Context(
            instance=self.row.id,
            task=UUID(task),
            element=element,
            starter=self.row.starter,
            subject=self.row.subject,
            now=self.now,
            files=self.store.files,
            settings=self.store.settings,
            actor=self.actor.id,
        )

    def record(self, act: str, **facts: Any) -> None:
        """An audit row on the instance's own stream."""
        audit.record(
            self.session,
            f"instance:{self.row.id}",
            act,
            actor=self.actor.id,
            subject=self.row.subject,
            process=self.row.process,
            **facts,
        )


@observed.event
def move(
    house: Store,
    instance: UUID | InstanceOf,
    act: Callable[[Moving], T],
    *,
    actor: Person,
    permission: str | None = None,
    while_suspended: bool = False,
) -> T:
    """What `act` returns, the instance run to rest and committed.

    instance: its id, or the user task or job whose it is. permission: what the actor must have, asked before all else.
    `act` is replayed after a deadlock: it touches nothing but the session. Raises NotPermitted, InstanceUnknown,
    InstanceEnded, InstanceSuspended, InstanceBusy and whatever the act refuses; a refusal changes nothing and leaves an
    audit row of its own.
    """

    def attempt(session: Session) -> T:
        if permission:
            identity.require(actor, permission)
        row = lock(session, instance)
        if row.state != "running":
            raise InstanceEnded(process=row.process, subject=row.subject or "no subject", state=row.state)
        if row.suspended and not while_suspended:
            raise InstanceSuspended(process=row.process, subject=row.subject or "no subject")
        moving = restore(session, house, row, actor)
        outcome = act(moving)
        if row.state == "running" and row.suspended:
            row.workflow, row.revision, row.moved_at = moving.execution.state(), row.revision + 1, moving.now
        elif row.state == "running":
            run_to_rest(moving)
        moving.changes.write(session, row)
        return outcome

    try:
        return replayed(house, attempt)
    except OperationalError as failure:
        if sqlstate(failure) != LOCK_TIMEOUT:
            raise
        raise InstanceBusy() from failure
    except GatewrightError as refusal:
        _audit_refusal(house, instance, actor, refusal)
        raise


def lock(session: Session, instance: UUID | InstanceOf) -> Held:
    """The instance, locked before anything else; raises InstanceUnknown."""
    held = rows.lock(session, instance)
    if held is None:
        raise InstanceUnknown(instance=instance if isinstance(instance, UUID) else "of this task")
    return held


def restore(session: Session, house: Store, row: Held, actor: Person) -> Moving:
    """The instance in hand, as it came to rest last."""
    tracing.tell(instance=row.id, definition=f"{row.process}@{row.version}")
    bundle = bundles.load(session, row.bundle)
    at = now(session)
    return Moving(session, house, row, bundle, bpmn.Execution.restore(bundle, row.workflow, now=at), actor, at)


def run_to_rest(moving: Moving) -> None:
    """Run what can run, then note where the instance stands and what it waits for; `moving.changes` writes it."""
    rest = moving.execution.run(
        lambda call: jobs.invoke(moving, call),
        limit=TRANSITIONS,
        now=moving.now,
        # A deadlock or a lost connection is the transaction's trouble, not the step's: it is replayed or raised.
        through=(OperationalError,),
    )
    row = moving.row
    before = row.waiting
    steps.write(moving, rest)
    after = {
        "user_tasks": user_tasks.write(moving, rest, before.get("user_tasks", [])),
        "timers": timers.write(moving, rest, before.get("timers", {})),
        "messages": outbox.write_subscriptions(moving, rest, before.get("messages", [])),
        "jobs": jobs.write(moving, rest, before.get("jobs", [])),
        # They have no rows of their own: only what the instance does itself brings them about.
        "conditions": [
            {
                "task": each.task_id,
                "element": each.element,
                "name": each.name,
                "process": each.process,
                "condition": each.condition,
            }
            for each in rest.conditions
        ],
        "incidents": incidents.write(moving, rest, before.get("incidents", [])),
    }
    outbox.send_thrown(moving, rest)
    signals.send_thrown(moving, rest)
    row.waiting = {kind: ids for kind, ids in after.items() if ids}
    row.active = _active(moving.execution)
    row.workflow = moving.execution.state()
    row.revision += 1
    row.moved_at = moving.now
    if rest.finished:
        row.state, row.ended_at = "finished", moving.now
        row.outcome = next((step.name or step.element for step in reversed(rest.trace) if step.kind == "endEvent"), "")
        moving.record("instance.finished", outcome=row.outcome)
    elif rest.more:
        outbox.go_on(moving)
    wakeups.changed(moving.session, moving.store, row.id)


def _active(execution: bpmn.Execution) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for each in execution.active():
        of_process = counts.setdefault(each.process, {})
        of_process[each.element] = of_process.get(each.element, 0) + each.count
    return counts


def _audit_refusal(house: Store, instance: UUID | InstanceOf, actor: Person, refusal: GatewrightError) -> None:
    with transaction(house) as session:
        found = rows.find(session, instance)
        id, subject = found or (None, "")
        audit.record(
            session,
            f"instance:{id}" if id else "system",
            "act.refused",
            actor=actor.id,
            subject=subject,
            reason=refusal.code,
            message=refusal.message,
            element=refusal.element or "",
        )
