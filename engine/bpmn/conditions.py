"""Conditional events: looked at again after every act, over what the branches of their scope carry together.

An event occurs when its condition becomes true, so at once where it is true from the beginning. One that does not
interrupt occurs again after the condition was false in between (BPMN 2.0.2, 10.5.1). A condition over a variable
that is not there yet, or on which branches disagree, is not true.
"""

from __future__ import annotations

from typing import Any

from engine.bpmn import expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.expressions.errors import shortened
from engine.bpmn.gathering import watched
from engine.bpmn.instances import Instance
from engine.bpmn.spec import events
from engine.bpmn.tokens import Token
from engine.bpmn.values import ConditionWaiting


def is_condition(token: Token) -> bool:
    """Whether the token waits for a condition."""
    event = getattr(token.task_spec, "event", None)
    return token.listening and event is not None and event.kind == "conditional"


def occur(instance: Instance) -> None:
    """Let every event happen whose condition has become true, one after the other."""
    while any(_one(scope) for scope in instance.scopes()):
        pass


def _one(scope: Any) -> bool:
    """Whether an event of the scope happened; what it did is looked at before the next."""
    if not scope.spec.conditional or scope.completed:
        return False
    armed = [token for token in scope.standing() if is_condition(token)]
    if not armed:
        return False
    variables, unsure = watched(scope)
    for token in armed:
        if not _true(token, variables, unsure):
            token.internal_data.pop("met", None)
        elif "met" not in token.internal_data:
            events.fire(token)
            return True
    return False


def _true(token: Token, variables: dict[str, Any], unsure: set[str]) -> bool:
    token.internal_data.pop("failure", None)
    text = token.task_spec.event.expression
    try:
        names = expressions.names(text)
        if names & unsure or not names <= variables.keys():
            return False
        value = expressions.evaluate(text, variables)
    except ExpressionError as error:
        return _failed(token, error.message)
    if not isinstance(value, bool):
        return _failed(token, f'The condition "{shortened(text)}" gives {value!r}, which is not true or false.')
    return value


def _failed(token: Token, cause: str) -> bool:
    token.internal_data["failure"] = {"cause": cause, "kind": "expression", "code": None}
    return False


def waiting(token: Token) -> ConditionWaiting:
    """The armed condition as its caller sees it."""
    node = token.task_spec.node
    return ConditionWaiting(
        task_id=str(token.id),
        element=node.id,
        name=node.name,
        process=node.process,
        condition=token.task_spec.event.expression,
        scope=token.scope,
    )
