"""What an instance waits for, as values."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from engine.bpmn import conditions, timers
from engine.bpmn.instances import Instance
from engine.bpmn.merging import same
from engine.bpmn.spec.event_subprocesses import Listener
from engine.bpmn.spec.joins import EndJoin, Joining
from engine.bpmn.spec.tasks import ServiceTask, UserTask
from engine.bpmn.tokens import READY, STARTED, WAITING, Token
from engine.bpmn.values import (
    ConditionWaiting,
    Failure,
    MessageWaiting,
    Rest,
    ServiceCall,
    TimerWaiting,
    UserTaskWaiting,
)


def rest(instance: Instance, *, more: bool, cancelled: bool) -> Rest:
    """Everything the instance waits for, read off its tokens."""
    user_tasks: list[UserTaskWaiting] = []
    armed: list[TimerWaiting] = []
    messages: list[MessageWaiting] = []
    jobs: list[ServiceCall] = []
    failures: list[Failure] = []
    conditional: list[ConditionWaiting] = []
    for token in instance.tokens():
        spec = token.task_spec
        event = getattr(spec, "event", None)
        if token.failure is not None:
            failures.append(_failure(token))
        elif isinstance(spec, UserTask) and token._state == READY:
            user_tasks.append(_user_task(token))
        elif isinstance(spec, ServiceTask) and token._state == STARTED:
            jobs.append(spec.call(token))
        elif conditions.is_condition(token):
            conditional.append(conditions.waiting(token))
        elif timers.is_timer(token):
            armed.append(timers.waiting(token))
        elif token.listening and event is not None and event.kind in {"message", "signal"}:
            messages.append(_message(token))
    finished = instance.completed and not cancelled
    if not more and not cancelled:
        failures += _stuck(instance)
    return Rest(
        finished=finished,
        more=more,
        user_tasks=user_tasks,
        timers=armed,
        messages=messages,
        jobs=jobs,
        failures=failures,
        thrown=list(instance.thrown),
        trace=list(instance.trace),
        conditions=conditional,
    )


def variables(instance: Instance) -> dict[str, Any]:
    """The variables of the end, or those of all standing tokens over each other."""
    if instance.completed:
        return deepcopy(instance.data)
    merged = dict(instance.task_tree.data)
    for token in instance.tokens():
        if _undoes(token):
            continue  # it sees what was once, and what it writes counts when it is over
        if token.task_spec.inside and token._state == WAITING:
            continue  # an armed start event holds the variables of its scope's beginning
        base = {} if token.parent is None else instance.task_tree.data
        merged.update({name: value for name, value in token.data.items() if not same(base.get(name), value)})
    return deepcopy(merged)


def _undoes(token: Token) -> bool:
    """Whether a token is, or is inside, a compensation handler."""
    around: Token | None = token
    while around is not None:
        if "undoes" in around.internal_data:
            return True
        above = around.workflow.parent_task_id
        around = None if above is None else around.workflow.top_workflow.get_task_from_id(above)
    return False


def _user_task(token: Token) -> UserTaskWaiting:
    node, properties = token.task_spec.node, token.task_spec.node.properties
    return UserTaskWaiting(
        task_id=str(token.id),
        element=node.id,
        name=node.name,
        process=node.process,
        lane=node.lane,
        kind=properties.get("kind") or "form",
        form=properties.get("form", ""),
        evidence=listed(properties.get("evidence", "")),
        shut_out=tuple(name.rpartition("/")[2] for name in listed(properties.get("shut_out", ""))),
        due=properties.get("due") or None,
        result=token.task_spec.result,
        properties=dict(properties),
        documentation=node.documentation,
        variables=deepcopy(token.data),
        scope=token.scope,
    )


def listed(text: str) -> tuple[str, ...]:
    """The names of a comma list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _message(token: Token) -> MessageWaiting:
    node, event = token.task_spec.node, token.task_spec.event
    return MessageWaiting(
        task_id=str(token.id),
        element=node.id,
        name=event.name,
        process=node.process,
        kind=event.kind,
        scope=token.scope,
    )


def _failure(token: Token) -> Failure:
    found = token.failure or {}
    # The join at the end of a scope is not drawn: its scope is named, the subprocess or the process itself.
    spec = token.workflow.spec
    node = token.task_spec.node or spec.around
    return Failure(
        task_id=str(token.id),
        element=(node.implied_by or node.id) if node is not None else spec.process,
        name=node.name if node is not None else spec.description,
        process=spec.process,
        cause=found["cause"],
        kind=found["kind"],
        error_code=found["code"],
        scope=token.scope,
    )


def _stuck(instance: Instance) -> list[Failure]:
    """Scopes in which nothing can happen any more, though no end was reached."""
    found = []
    for scope in instance.scopes():
        if scope.completed:
            continue
        # An event subprocess that does not interrupt helps nobody out.
        standing = [token for token in scope.standing() if not _beside(token)]
        if any(
            not isinstance(token.task_spec, Joining) or token.failure or token._state != WAITING for token in standing
        ):
            continue
        joins = [token for token in standing if not isinstance(token.task_spec, EndJoin)]
        node = joins[0].task_spec.node if joins else None
        cause = (
            f"The gateway waits for a branch that cannot come: {_missing(joins[0])}."
            if joins
            else "No token is left, and no end event was reached."
        )
        found.append(
            Failure(
                task_id=str(joins[0].id if joins else scope.task_tree.id),
                element=node.id if node else scope.spec.name,
                name=node.name if node else scope.spec.description,
                process=scope.spec.process,
                cause=cause,
                kind="stuck",
                scope=joins[0].scope if joins else (),
            )
        )
    return found


def _beside(token: Token) -> bool:
    return isinstance(token.task_spec, Listener) and token._state == WAITING and not token.task_spec.cancel_activity


def _missing(token: Token) -> str:
    arrived = {token.task_spec.source(other) for other in token.task_spec.arrivals(token.workflow)}
    names = [
        spec.node.name or spec.node.id
        for spec in token.task_spec.inputs
        if spec.name not in arrived and spec.node is not None
    ]
    return "no token came from " + ", ".join(f'"{name}"' for name in names) if names else "it has too few tokens"
