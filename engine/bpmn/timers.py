"""Timers of the tokens: armed with a due time, fired only on command."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.bpmn import calendar, expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.spec import events
from engine.bpmn.spec.element import ElementError
from engine.bpmn.spec.event_subprocesses import Listener
from engine.bpmn.spec.events import BoundaryEvent
from engine.bpmn.tokens import FINISHED, Token
from engine.bpmn.values import TimerWaiting


def is_timer(token: Token) -> bool:
    """Whether the token waits for a timer."""
    event = getattr(token.task_spec, "event", None)
    return token.listening and event is not None and event.kind == "timer"


def arm(token: Token, now: datetime, zone: str) -> None:
    """Work out when the timer is due, once; the due time is kept with the token."""
    if "timer" in token.internal_data:
        return
    event = token.task_spec.event
    text = event.expression
    if not calendar.is_literal(event.timer, text):
        try:
            value = expressions.evaluate(text, token.data)
        except ExpressionError as error:
            raise ElementError("timer", error.message) from error
        if not isinstance(value, str):
            raise ElementError("timer", f'The timer\'s expression "{text}" gives {value!r}, which is no text.')
        text = value
    try:
        token.internal_data["timer"] = calendar.arm(event.timer, text, now, zone).as_json()
    except calendar.NotATime as error:
        raise ElementError("timer", error.message) from error


def waiting(token: Token) -> TimerWaiting:
    """The armed timer as its caller sees it."""
    spec, armed = token.task_spec, calendar.Armed.from_json(token.internal_data["timer"])
    node, beside = spec.node, isinstance(spec, BoundaryEvent | Listener)
    repeats = spec.event.timer == "cycle" and beside and not spec.cancel_activity
    return TimerWaiting(
        task_id=str(token.id),
        element=node.id,
        name=node.name,
        process=node.process,
        due=armed.due,
        cycle=repeats,
        left=armed.left if repeats else 1,
        interrupting=beside and spec.cancel_activity,
        expression=armed.text,
        scope=token.scope,
    )


def fire(token: Token, at: datetime) -> None:
    """Fire the timer; a cycle is armed again for its next time after `at`, so that missed times are not caught up."""
    armed = calendar.Armed.from_json(token.internal_data["timer"])
    spec: Any = token.task_spec
    following = armed.after(at) if spec.event.timer == "cycle" else None
    parent = token.parent
    events.fire(token)
    if following is None or not isinstance(spec, BoundaryEvent | Listener) or spec.cancel_activity:
        return
    active = [c for c in parent.children if c.task_spec.name == getattr(parent.task_spec, "main", "")]
    if isinstance(spec, Listener) or any(not each.has_state(FINISHED) for each in active):
        spec.arm_again(token).internal_data["timer"] = following.as_json()
