"""A running process and the scopes inside it: SpiffWorkflow's workflows with our tokens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.specs.Join import Join

from engine.bpmn.completed import Completed
from engine.bpmn.engine import ENGINE
from engine.bpmn.tokens import FUTURE, STANDING, UNFINISHED, WAITING, Token
from engine.bpmn.values import ServiceCall, Step, Thrown

Invoke = Callable[[ServiceCall], object]


class _Scope:
    """What a process and a subprocess have in common; mixed in before SpiffWorkflow's class."""

    tasks: dict[UUID, Token]
    task_tree: Token
    completed: bool
    spec: Any
    last_task: Token | None
    data: dict[str, Any]
    records: list[Completed]  #: what has completed and can be undone
    forgotten: int  #: how many of those are no longer known
    fired = 0  #: how often a gateway has joined here

    def standing(self) -> list[Token]:
        """The tokens that stand at an element of this scope."""
        return [token for token in self.tasks.values() if token._state & STANDING]

    def unfinished(self) -> list[Token]:
        """Those and the ones that are just being placed."""
        return [token for token in self.tasks.values() if token._state & UNFINISHED]

    def begin(self) -> None:
        """Place the first token."""
        self.task_tree = Token(self, self.spec.start, state=FUTURE)

    def update_waiting_tasks(self) -> None:
        """Let the joins that wait look again; events wait for their own call.

        All that wait at one join would get the same answer, so that one of them asks until it fires: with hundreds of
        branches each of them asking took seconds.
        """
        idle: set[str] = set()
        for token in list(self.tasks.values()):
            spec = token.task_spec
            if token._state != WAITING or spec.name in idle or not isinstance(spec, Join) or token.id not in self.tasks:
                continue
            before = self.fired
            spec._update(token)
            if getattr(spec, "alike", False) and self.fired == before:
                idle.add(spec.name)

    def _task_completed_notify(self, token: Token) -> None:
        self.last_task = token
        if token.task_spec.ends:
            self._mark_complete(token)
        if self.completed:
            self.left()
        else:
            self.update_waiting_tasks()

    def _mark_complete(self, token: Token) -> None:
        self.data = dict(token.data)
        self.completed = True

    def left(self) -> None:
        """Called when the scope is complete."""

    def cancel(self, success: bool = False) -> list[Token]:
        """Take away every token of the scope."""
        self.completed = True
        cancelled = self.unfinished()
        for token in cancelled:
            token.cancel()
        return cancelled

    def _remove_task(self, task_id: UUID) -> None:
        token = self.tasks[task_id]
        for child in token.children:
            self._remove_task(child.id)
        if token.parent is not None:
            token.parent._children.remove(token.id)
        del self.tasks[task_id]

    def collect_log_extras(self, dct: dict[str, Any] | None = None) -> dict[str, Any]:
        return {}  # SpiffWorkflow builds a dictionary for each change of state, also where nobody logs


class Scope(_Scope, BpmnSubWorkflow):  # type: ignore[misc]
    """A called process or an embedded subprocess that runs."""

    def __init__(self, spec: Any, parent_task_id: UUID, top_workflow: Instance) -> None:
        super().__init__(spec, parent_task_id, top_workflow, deserializing=True)
        self.records, self.forgotten = [], 0

    def left(self) -> None:
        around = self.top_workflow.get_task_from_id(self.parent_task_id)
        around.task_spec._on_subworkflow_completed(self, around)


class Instance(_Scope, BpmnWorkflow):  # type: ignore[misc]
    """A process instance in memory."""

    def __init__(self, spec: Any, subprocess_specs: Mapping[str, Any]) -> None:
        super().__init__(spec, subprocess_specs, script_engine=ENGINE, deserializing=True)
        self.records, self.forgotten = [], 0
        self.queue: deque[Token] = deque()  #: ready tokens in the order in which they became so
        self.trace: list[Step] = []
        self.thrown: list[Thrown] = []
        self.started_by: str | None = None  #: the message that started it
        self.starts_at = ""  #: the start event, where there are several
        self.invoke: Invoke | None = None
        self.writes = 0  #: how many writes have been numbered

    def number(self) -> int:
        """The next write's number."""
        self.writes += 1
        return self.writes

    def tell(self, token: Token, happened: str) -> None:
        """Note a step for the history."""
        self.trace.append(token.step(happened))

    def scopes(self) -> Iterator[Instance | Scope]:
        """The process and every scope that is open inside it."""
        yield self
        yield from list(self.subprocesses.values())

    def get_task_from_id(self, task_id: UUID) -> Token:
        for scope in self.scopes():
            if task_id in scope.tasks:
                return scope.tasks[task_id]
        raise KeyError(task_id)

    def find(self, task_id: str) -> Token | None:
        """The token of that id, where there is one."""
        try:
            return self.get_task_from_id(UUID(task_id))
        except (KeyError, ValueError):
            return None

    def create_subprocess(self, my_task: Token, spec_name: str) -> Scope:
        scope = Scope(self.subprocess_specs[spec_name], my_task.id, self)
        self.subprocesses[my_task.id] = scope
        scope.begin()
        return scope

    def tokens(self) -> Iterator[Token]:
        """Every token that stands at an element, scope by scope."""
        for scope in self.scopes():
            yield from scope.standing()
