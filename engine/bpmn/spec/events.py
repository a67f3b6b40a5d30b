"""Events: start, end, intermediate, boundary; how they fire and what they catch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from SpiffWorkflow.bpmn.specs.defaults import BoundaryEvent as StockBoundaryEvent
from SpiffWorkflow.bpmn.specs.defaults import EndEvent as StockEndEvent
from SpiffWorkflow.bpmn.specs.defaults import IntermediateCatchEvent as StockCatchEvent
from SpiffWorkflow.bpmn.specs.defaults import IntermediateThrowEvent as StockThrowEvent
from SpiffWorkflow.bpmn.specs.defaults import StartEvent as StockStartEvent

from engine.bpmn.merging import same
from engine.bpmn.model import Event
from engine.bpmn.spec import compensation
from engine.bpmn.spec.element import BoundarySplit, Element, ElementError
from engine.bpmn.spec.event_subprocesses import Listener
from engine.bpmn.spec.gateways import EventBasedGateway
from engine.bpmn.spec.repeated import Repeated
from engine.bpmn.tokens import FINISHED, MAYBE, STARTED, WAITING, Token
from engine.bpmn.values import Thrown
from engine.bpmn.variables import NotStorable, stored


class StartEvent(Element, StockStartEvent):  # type: ignore[misc]
    """Where a scope begins; `events` are what starts a process there."""

    event: Event | None = None
    events: tuple[Event, ...] = ()

    def begun_by(self, kind: str, name: str) -> bool:
        """Whether this message, signal or timer is its event; both empty for a start by somebody."""
        return (kind, name) in ({(event.kind, event.name) for event in self.events} or {("", "")})

    def variable(self, kind: str, name: str) -> str:
        """The variable that takes what a message or signal brings; both empty where it has one event alone."""
        found = (event.variable for event in self.events if (event.kind, event.name) == (kind, name) or not kind)
        return next(found, "")


class CatchEvent(Element, StockCatchEvent):  # type: ignore[misc]
    """Waits for its timer, message, signal or condition. A `none` event passes at once."""

    stamped = True
    event: Event | None = None

    def _update_hook(self, my_task: Token) -> bool:
        my_task._inherit_data()
        if self.event is None:
            return True
        my_task._set_state(WAITING)
        return False


class BoundaryEvent(Element, StockBoundaryEvent):  # type: ignore[misc]
    """Armed as long as its activity is active."""

    late = True
    event: Event | None = None

    def _update_hook(self, my_task: Token) -> bool:
        my_task._inherit_data()
        my_task._set_state(WAITING)
        return False

    def fire(self, my_task: Token) -> None:
        """Leave the activity this way, or beside it; at once, so that nothing comes in between."""
        split = my_task.parent
        my_task._ready()
        if self.cancel_activity:
            for sibling in split.children:
                if sibling is not my_task and not sibling.has_state(FINISHED):
                    sibling.cancel()
        my_task.run()

    def arm_again(self, my_task: Token) -> Token:
        """A fresh armed event beside one that fired: BPMN 2.0.2, 13.5.3, lets a non-interrupting event occur again."""
        again: Token = my_task.parent._add_child(self, MAYBE)
        again._inherit_data()
        again._set_state(WAITING)
        return again


class ThrowEvent(Element, StockThrowEvent):  # type: ignore[misc]
    """Throws on its way. What it throws is evaluated first and thrown when the event is complete.

    Of several what ends the scope comes last.
    """

    event: Event | None = None
    events: tuple[Event, ...] = ()  #: in the order in which they are thrown

    def _update_hook(self, my_task: Token) -> bool:
        my_task._inherit_data()
        undone = {event.reference for event in self.events if event.kind == "compensate"}
        if any(event.kind == "cancel" for event in self.events):
            compensation.cut(my_task)
        elif undone:
            compensation.take(my_task, undone)
        return True

    def _run_hook(self, my_task: Token) -> bool | None:
        asks = any(event.kind in {"compensate", "cancel"} for event in self.events)
        if asks and not compensation.go_on(my_task, my_task.workflow):
            return None
        sent = [event for event in self.events if event.kind in {"message", "signal"}]
        if sent:
            my_task.internal_data["payloads"] = [_payload(my_task, event) for event in sent]
        for event in self.events:
            if event.kind == "error" and catcher(outwards(my_task), "error", event.code) is None:
                raise uncaught(event.code or "")
        return True

    def _on_complete_hook(self, my_task: Token) -> None:
        super()._on_complete_hook(my_task)
        if not self.events:
            return
        # All of them are thrown, though the first may take the thrower away: who may catch is looked at before.
        around, payloads = outwards(my_task), iter(my_task.internal_data.pop("payloads", ()))
        for event in self.events:
            self._throw(my_task, event, around, payloads)

    def _throw(self, my_task: Token, event: Event, around: list[Token], payloads: Iterator[dict[str, Any]]) -> None:
        top = my_task.workflow.top_workflow
        if event.kind in {"message", "signal"}:
            payload = next(payloads)
            top.thrown.append(
                Thrown(
                    name=event.name,
                    payload=payload,
                    kind=event.kind,
                    element=my_task.task_spec.node.id,
                    process=my_task.task_spec.node.process,
                )
            )
            if event.kind == "signal":
                deliver(top, "signal", event.name, payload)
        elif event.kind in {"error", "escalation", "cancel"}:
            found = catcher(around, event.kind, event.code)
            if found is not None:
                fire(found, {"code": event.code})
        elif event.kind == "terminate" and not all(child.has_state(FINISHED) for child in my_task.children):
            # What has ended stays ended, with what it wrote; the scope's end joins it as it does without a terminate.
            for token in my_task.workflow.unfinished():
                if token.task_spec is not my_task.workflow.spec.end:
                    token.cancel()


class EndEvent(ThrowEvent, StockEndEvent):  # type: ignore[misc]
    """Where a token ends; a terminate or cancel event takes every other token of its scope with it."""


def uncaught(code: str) -> ElementError:
    """The failure of an error that no boundary event catches."""
    return ElementError("error", f'The error "{code}" is raised, and no boundary event catches it.', code)


def _payload(token: Token, event: Event) -> dict[str, Any]:
    if not event.expression:
        return {}
    value = token.workflow.script_engine.evaluate(token, event.expression)
    if not isinstance(value, dict):
        raise ElementError("expression", f"The payload is {value!r}; it has to be an object of named values.")
    return value


def fire(token: Token, payload: dict[str, Any] | None = None) -> None:
    """Let a waiting event happen."""
    spec = token.task_spec
    named = payload is not None and spec.event is not None and spec.event.variable
    brought = {spec.event.variable: payload} if named else {}
    beside: list[Token] = []
    if spec.together:
        token.internal_data["occurred"] = brought
        beside = [
            each for each in token.parent.children if each.task_spec.name in spec.together and each._state == WAITING
        ]
        if any(each.listening for each in beside):
            return
        brought = {k: value for each in (*beside, token) for k, value in each.internal_data.pop("occurred").items()}
        for each in beside:
            each.cancel()
    if isinstance(spec, Listener):
        spec.fire(token, brought)
        if not spec.cancel_activity and spec.event.kind != "timer":
            _again(token, *beside)
        return
    before, token.data = token.data, {**token.data, **brought}
    token.stamp(name for name, value in brought.items() if name not in before or not same(before[name], value))
    if isinstance(spec, BoundaryEvent):
        again = not spec.cancel_activity and spec.event is not None and spec.event.kind != "timer"
        parent = token.parent
        spec.fire(token)
        if again and any(
            c.task_spec.name == parent.task_spec.main and not c.has_state(FINISHED) for c in parent.children
        ):
            _again(token, *beside)
    elif isinstance(token.parent.task_spec, EventBasedGateway) and token.parent._state == STARTED:
        token.parent.task_spec.chosen(token.parent, token)
    else:
        token._ready()


def _again(*occurred: Token) -> None:
    for token in occurred:
        armed = token.task_spec.arm_again(token)
        # A condition has to become false before the event occurs again.
        if armed.task_spec.event.kind == "conditional":
            armed.internal_data["met"] = True


def outwards(token: Token) -> list[Token]:
    """The token and those of the activities around it; of a repeated activity the activity's for its copy's."""
    found: list[Token] = []
    while True:
        if isinstance(token.parent.task_spec, Repeated) and token.triggered:
            token = token.parent
        found.append(token)
        if token.workflow.parent_task_id is None:
            return found
        token = token.workflow.top_workflow.get_task_from_id(token.workflow.parent_task_id)


def catcher(around: list[Token], kind: str, code: str | None) -> Token | None:
    """The armed event that takes an error or escalation raised at the first of these tokens.

    Searched outwards from the activity itself: the events on its boundary, then the event subprocesses of the scope in
    which it stands, then the activity around that scope. At one place the event of exactly this code comes before one
    that catches every code.
    """
    for at in around:
        split = at.parent
        beside: list[Token] = []
        if isinstance(split.task_spec, BoundarySplit) and split.task_spec.main == at.task_spec.name:
            beside = [event for event in split.children if isinstance(event.task_spec, BoundaryEvent)]
        listeners = [other for other in at.workflow.standing() if isinstance(other.task_spec, Listener)]
        found = _of_code(beside, kind, code) or _of_code(listeners, kind, code)
        if found is not None:
            return found
    return None


def _of_code(events: list[Token], kind: str, code: str | None) -> Token | None:
    armed = [each for each in events if each._state == WAITING and each.task_spec.event.kind == kind]
    return next((each for wanted in (code, None) for each in armed if each.task_spec.event.code == wanted), None)


def _turn(token: Token) -> tuple[int, int]:
    spec = token.task_spec
    return (2 - spec.cancel_activity, spec._wf_spec.listeners.index(spec)) if isinstance(spec, Listener) else (3, 0)


def deliver(top: Any, kind: str, name: str, payload: dict[str, Any]) -> int:
    """Let every event fire that waits for this message or signal; returns how many did.

    A message is taken by one event only, the one that has waited longest in the outermost scope; a signal by all: in
    each scope the event subprocesses begin first, an interrupting one before the others.
    """
    try:
        payload = stored(payload, f'the payload of "{name}"')
    except NotStorable as error:
        raise ElementError("expression", error.message) from error
    waiting = [
        token
        for scope in top.scopes()
        for token in (scope.standing() if kind == "message" else sorted(scope.standing(), key=_turn))
        if token.listening
        and getattr(token.task_spec, "event", None) is not None
        and token.task_spec.event.kind == kind
        and token.task_spec.event.name == name
    ]
    fired = 0
    for token in waiting:
        if token.listening:
            fire(token, payload)
            fired += 1
            if kind == "message":
                break
    return fired
