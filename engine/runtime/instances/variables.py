"""An operator sets variables: what waits shows them anew, and what was decided on other values no longer counts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from engine import bpmn
from engine.errors import GatewrightError
from engine.identity import Person
from engine.runtime import edits, guard, registry, rows, user_tasks
from engine.runtime.instances.decision import Decided
from engine.runtime.jobs import LARGEST_RESULT
from engine.runtime.tables import UserTaskRow
from engine.runtime.transaction import OPERATE, Moving, move
from engine.store import Store

#: variables of one act: each stands in one row of the audit log with its old values
MOST = 20
_OLD_TOLD = 5


class VariableRefused(GatewrightError):
    """The variable {name!a} cannot be set: {reason}."""

    code = "variable-refused"
    hint = "Name variables by letters, digits and underscores, and give plain JSON values, at most 20 in one act."
    status = 422


def set_variables(house: Store, person: Person, instance: UUID, values: dict[str, Any], reason: str) -> None:
    """Give variables these values in all branches of an instance, held or not, and let it go on.

    Branches that disagreed about one of them agree. Open tasks show the new values, and a decision on the old ones is
    refused; decisions whose kind says so (approvals) are void where they were made on another value.
    Raises VariableRefused, ReasonMissing, NotPermitted.
    """

    def act(moving: Moving) -> None:
        why = edits.require_reason(reason, "Setting a variable")
        _refuse(values)
        before = moving.execution.set_variables(values)
        changed = user_tasks.show_anew(moving)
        voided = _doubt(moving, values)
        moving.record(
            "variable.set",
            reason=why,
            variables={
                name: {"old": [edits.told(old) for old in before[name][:_OLD_TOLD]], "new": edits.told(value)}
                for name, value in sorted(values.items())
            },
            shown_anew=[str(task) for task in changed],
            doubted=[str(task) for task in voided],
        )

    move(house, instance, act, actor=person, permission=OPERATE, while_suspended=True)


def _refuse(values: dict[str, Any]) -> None:
    if not 1 <= len(values) <= MOST:
        raise VariableRefused(name=", ".join(values)[:100], reason=f"one act sets 1 to {MOST}, not {len(values)}")
    for name, value in values.items():
        if not bpmn.is_variable(name):
            raise VariableRefused(name=name[:100], reason="it is no name of a variable")
        if name == "subject":
            raise VariableRefused(name=name, reason="what a life cycle is about stays as it is")
        try:
            size = len(edits.canonical(value))
        except (TypeError, ValueError, RecursionError) as unfit:
            raise VariableRefused(name=name, reason=f"its value is no JSON ({unfit})") from None
        if size > LARGEST_RESULT:
            raise VariableRefused(name=name, reason=f"it has {size:,} bytes, of which it holds {LARGEST_RESULT:,}")


def _doubt(moving: Moving, values: dict[str, Any]) -> list[UUID]:
    """Tell the kinds of task that want it which decisions were made on other values; returns the tasks."""
    kinds = registry.doubtful_kinds()
    decided = select(UserTaskRow.id).where(
        UserTaskRow.instance == moving.row.id, UserTaskRow.state == "completed", UserTaskRow.kind.in_(kinds)
    )
    found = []
    for task in moving.session.scalars(decided.order_by(UserTaskRow.id)) if kinds else ():
        row = rows.user_task(moving.session, task)
        if row is None:
            continue
        other = [name for name, value in sorted(values.items()) if _saw_another(row.variables, name, value)]
        kind = registry.find_task_kind(row.kind)
        if not other or kind is None or kind.doubted is None:
            continue
        reason = f"{', '.join(other)} was set by {moving.actor.id} after it was given"
        with guard.inside_transaction(f"task kind {row.kind}", moving.session):
            kind.doubted(moving.session, moving.context(str(row.id), row.element), moving.actor, Decided(row), reason)
        found.append(row.id)
    return found


def _saw_another(shown: dict[str, Any], name: str, value: Any) -> bool:
    return name in shown and edits.canonical(shown[name]) != edits.canonical(value)
