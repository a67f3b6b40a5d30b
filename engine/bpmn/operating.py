"""What an operator does to an instance's tokens by hand."""

from __future__ import annotations

from typing import Any

from engine.bpmn.expressions import ExpressionError
from engine.bpmn.instances import Instance
from engine.bpmn.merging import same
from engine.bpmn.spec.multiple import MultipleCatch
from engine.bpmn.spec.tasks import ServiceTask
from engine.bpmn.tokens import FINISHED, READY, STARTED, Token
from engine.bpmn.values import NotWaiting, ServiceCall
from engine.bpmn.variables import named


def set_variables(instance: Instance, values: dict[str, Any]) -> dict[str, list[Any]]:
    """Give variables these values in every token; returns by name the other values that tokens had.

    It counts as one write that all branches know of, so that none of them later disagrees about it; what branches
    disagreed about before is settled by it, and a join that waited for that goes on.
    """
    given, number = named(values, "the operator's values"), instance.number()
    before: dict[str, list[Any]] = {name: [] for name in given}
    for scope in instance.scopes():
        for token in scope.tasks.values():
            if not token.has_state(FINISHED):
                _note(before, token, given)
            # Finished ones too: what an element changed is measured against its parent.
            token.data = {**token.data, **given}
            token.stamps = {**token.stamps, **dict.fromkeys(given, number)}
            token.seen = token.seen | {number}
            _settle(token, given)
    return before


def retry(instance: Instance, task_id: str, variables: dict[str, Any] | None) -> None:
    """Let a failed element try again, with these variables set first at its token."""
    token = instance.find(task_id)
    if token is None or token.failure is None:
        raise NotWaiting(task=task_id)
    given = named(variables or {}, "the retry")
    token.data.update(given)
    del token.internal_data["failure"]
    for name in given:
        token.internal_data.get("changes", {}).pop(name, None)
    if token.task_spec.joins or token.task_spec.stamped:
        token.stamp(given)
    if token.parent is not None and isinstance(token.parent.task_spec, MultipleCatch):
        # What is given at one of the things that an event waits for is given at the event, whichever comes.
        for other in (token.parent, *token.parent.children):
            other.data = {**other.data, **given}
            other.stamps = {**other.stamps, **{name: token.stamps[name] for name in given}}
            other.seen = other.seen | token.seen
    _agreed(token, given)
    if token._state == STARTED:
        token._set_state(READY)


def edit_parameters(instance: Instance, task_id: str, parameters: dict[str, Any]) -> None:
    """Give a service task that waits or failed these parameters, whatever the diagram's expressions say."""
    inside = _service_task(instance, task_id).internal_data
    inside["parameters"] = {**inside.get("parameters", {}), **named(parameters, "the parameters")}


def call(instance: Instance, task_id: str) -> ServiceCall:
    """The call of a service task that waits or failed, as it would be made now; raises ExpressionError."""
    token = _service_task(instance, task_id)
    made: ServiceCall = token.task_spec.call(token)
    return made


def handler(instance: Instance, task_id: str) -> str:
    """The handler that a service task names which waits or failed."""
    operator = _service_task(instance, task_id).task_spec.node.operator
    return operator.handler if operator else ""


def parameters(instance: Instance, task_id: str) -> dict[str, Any]:
    """Those parameters of a service task that have a value now; one whose expression fails is left out."""
    token, found = _service_task(instance, task_id), {}
    edited = token.internal_data.get("parameters", {})
    for parameter in token.task_spec.node.operator.parameters if token.task_spec.node.operator else ():
        try:
            found[parameter.id] = token.workflow.script_engine.evaluate(token, parameter.value)
        except ExpressionError:
            continue
    return {**found, **edited}


def _note(before: dict[str, list[Any]], token: Token, given: dict[str, Any]) -> None:
    for name, value in given.items():
        if name in token.data and not same(token.data[name], value):
            old = token.data[name]
            if not any(same(old, other) for other in before[name]):
                before[name].append(old)


def _settle(token: Token, given: dict[str, Any]) -> None:
    for name in given:
        token.internal_data.get("changes", {}).pop(name, None)
    failure = token.failure
    if "conflicts" in token.internal_data and _agreed(token, given) and failure and failure["kind"] == "conflict":
        del token.internal_data["failure"]
        if token._state == STARTED:
            token._set_state(READY)


def _agreed(token: Token, given: dict[str, Any]) -> bool:
    """Take what is settled off a token's conflicts; whether none is left."""
    left = [name for name in token.internal_data.pop("conflicts", []) if name not in given]
    if left:
        token.internal_data["conflicts"] = left
    return not left


def _service_task(instance: Instance, task_id: str) -> Token:
    token = instance.find(task_id)
    if token is None or not isinstance(token.task_spec, ServiceTask) or token._state not in (READY, STARTED):
        raise NotWaiting(task=task_id)
    return token
