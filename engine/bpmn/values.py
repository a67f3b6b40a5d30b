"""What an execution tells its caller: frozen values, no class of SpiffWorkflow among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from engine.errors import GatewrightError


class Pending:
    """The answer of a service task whose job has been handed to a worker."""

    def __repr__(self) -> str:
        return "PENDING"


PENDING: Final = Pending()


class BpmnError(Exception):
    """A business error with a code, to be caught by an error boundary event of that code."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code, self.message = code, message
        super().__init__(message or code)


class NotWaiting(GatewrightError):
    """Task {task} is not waiting for this: it was answered, cancelled, or never there."""

    code = "task-not-waiting"
    hint = "Look at the instance's history: it has moved on."
    status = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCall:
    """A service task that runs now or has a job under way."""

    task_id: str
    element: str
    name: str
    process: str
    lane: str
    handler: str
    parameters: dict[str, Any]  #: evaluated
    result_variable: str  #: the variable that takes the value; empty where the value is dropped
    properties: Mapping[str, str] = field(default_factory=dict)
    scope: tuple[str, ...] = ()  #: element ids of the calls and subprocesses around it, outermost first


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTaskWaiting:
    """A user task that waits for a person."""

    task_id: str
    element: str
    name: str
    process: str
    lane: str
    kind: str  #: "form" or "approval" or another registered kind
    form: str  #: the form's file name, empty where the kind needs none
    evidence: tuple[str, ...]
    shut_out: tuple[str, ...]  #: element ids, or "starter"
    due: str | None  #: ISO 8601 duration
    result: str  #: the variable that takes the answer
    properties: Mapping[str, str]
    documentation: str
    variables: dict[str, Any]
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerWaiting:
    """An armed timer with the moment at which it is due."""

    task_id: str
    element: str
    name: str
    process: str
    due: datetime  #: aware
    cycle: bool  #: it is armed again after it fired
    left: int | None  #: how often it fires still, this time included; None without end
    interrupting: bool  #: an interrupting boundary event or event subprocess
    expression: str
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWaiting:
    """A subscription to a message or a signal."""

    task_id: str
    element: str
    name: str  #: the message's name
    process: str
    kind: str = "message"  #: or "signal"
    correlation: str | None = None  #: None: the instance's business key
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionWaiting:
    """An event that waits for its condition to become true."""

    task_id: str
    element: str
    name: str
    process: str
    condition: str
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thrown:
    """A message or a signal that leaves the instance; a signal has reached its own instance already."""

    name: str
    payload: dict[str, Any]
    correlation: str | None = None  #: None: the instance's business key
    kind: str = "message"  #: or "signal"
    element: str = ""
    process: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something that stands in the way at one element; the token stays there and can be tried again."""

    task_id: str
    element: str
    name: str
    process: str
    cause: str
    #: "handler", "expression", "decision", "conflict", "timer", "error" (uncaught), "loop", "compensation" or "stuck"
    kind: str
    error_code: str | None = None
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened to one element."""

    task_id: str
    element: str
    name: str
    kind: str  #: the element's BPMN name, such as "userTask"
    process: str
    scope: tuple[str, ...]  #: element ids of the calls and subprocesses around it, outermost first
    happened: str  #: "entered", "completed" or "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """How many tokens stand at an element."""

    element: str
    process: str
    scope: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A token that an operator may move."""

    task_id: str
    element: str
    name: str
    kind: str  #: the element's BPMN name
    process: str
    scope: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Where an execution came to rest, and what it waits for."""

    finished: bool  #: an end event was reached and no token is left
    more: bool  #: the limit was reached first: run again
    user_tasks: list[UserTaskWaiting]
    timers: list[TimerWaiting]
    messages: list[MessageWaiting]
    jobs: list[ServiceCall]
    failures: list[Failure]
    thrown: list[Thrown]
    trace: list[Step]
    conditions: list[ConditionWaiting] = field(default_factory=list)
