"""A token on the diagram: SpiffWorkflow's task without its predictions, its logging and its shared data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.bpmn.merging import same
from engine.bpmn.values import Step

if TYPE_CHECKING:
    from uuid import UUID

MAYBE = TaskState.MAYBE
FUTURE = TaskState.FUTURE
WAITING = TaskState.WAITING
READY = TaskState.READY
STARTED = TaskState.STARTED
COMPLETED = TaskState.COMPLETED
CANCELLED = TaskState.CANCELLED
FINISHED = TaskState.FINISHED_MASK
UNFINISHED = TaskState.NOT_FINISHED_MASK
#: states in which a token stands at an element
STANDING = WAITING | READY | STARTED


class Token(Task):  # type: ignore[misc]
    """One visit of a token to one element.

    Values are never changed in place: a token's `data` is its own mapping, whose values are shared with other tokens
    and replaced, not edited. So branches never see each other's writes, at the price of no deep copy.
    """

    data: dict[str, Any]
    internal_data: dict[str, Any]
    _state: int
    _parent: UUID | None
    _children: list[UUID]

    def __init__(
        self, workflow: Any, task_spec: Any, parent: Token | None = None, state: int = MAYBE, id: UUID | None = None
    ) -> None:
        self.stamps: dict[str, int] = {}
        self.seen: frozenset[int] = frozenset()
        super().__init__(workflow, task_spec, parent, state, id)

    def _add_child(self, task_spec: Any, state: int = MAYBE) -> Token:
        return Token(self.workflow, task_spec, self, state)

    def _inherit_data(self) -> None:
        if "undoes" in self.internal_data:
            return  # a compensation handler carries what it was given
        parent = self.parent
        self.data = {**parent.data, **self.data} if self.triggered else {**self.data, **parent.data}
        self.stamps, self.seen = parent.stamps, parent.seen

    def stamp(self, names: Iterable[str]) -> None:
        """Number a write of these variables, so that a join can tell it from older ones and from those beside it."""
        written = list(names)
        if written:
            number = self.workflow.top_workflow.number()
            self.stamps = {**self.stamps, **dict.fromkeys(written, number)}
            self.seen = self.seen | {number}

    def stamp_changes(self) -> None:
        """Number what the element leaves changed and was not numbered yet; what went on inside it is one write."""
        parent = self.parent
        if parent is not None:
            before = parent.data
            self.stamp(
                name
                for name, value in self.data.items()
                if (name not in before or not same(before[name], value))
                and self.stamps.get(name, 0) == parent.stamps.get(name, 0)
            )

    def _set_state(self, value: int) -> None:
        before, self._state = self._state, value
        if value == before:
            return
        top = self.workflow.top_workflow
        node = getattr(self.task_spec, "node", None)
        if node is not None and self.task_spec.told:
            # A join or an armed event is entered when it fires, everything else when the token arrives.
            outside = MAYBE | FUTURE | (WAITING if self.task_spec.late else 0)
            inside = READY | STARTED | (0 if self.task_spec.late else WAITING)
            if before & outside and value & inside:
                top.tell(self, "entered")
            elif value == COMPLETED:
                top.tell(self, "completed")
            elif value == CANCELLED and before & inside:
                top.tell(self, "cancelled")
        if value == READY and not self.task_spec.manual:
            top.queue.append(self)

    def run(self) -> bool | None:
        """Run the element's own act. What it raises is the caller's to handle; the state then stays as it was."""
        result: bool | None = self.task_spec._run_hook(self)
        if self.has_state(FINISHED):
            return result  # cancelled by what it did itself: an error that a boundary event took
        if result is None:
            self._set_state(STARTED)
        else:
            self.complete()
        return result

    def cancel(self) -> None:
        """Take the token away, with everything that has begun beneath it."""
        if self.has_state(FINISHED):
            for child in self.children:
                child.cancel()
            return
        self._set_state(CANCELLED)
        for child in self.children:
            child.cancel()
        self.task_spec._on_cancel(self)

    @property
    def listening(self) -> bool:
        """Whether the event that it stands for is still waited for: of several together one may have occurred."""
        return self._state == WAITING and "occurred" not in self.internal_data

    @property
    def failure(self) -> dict[str, Any] | None:
        """Why the element could not go on, where it could not."""
        found: dict[str, Any] | None = self.internal_data.get("failure")
        return found

    @property
    def scope(self) -> tuple[str, ...]:
        """The element ids of the calls and subprocesses around it, outermost first."""
        path: list[str] = []
        workflow = self.workflow
        while workflow.parent_task_id is not None:
            around = workflow.top_workflow.get_task_from_id(workflow.parent_task_id)
            path.insert(0, around.task_spec.node.id)
            workflow = around.workflow
        return (*path, self.task_spec.inside) if self.task_spec.inside else tuple(path)

    def step(self, happened: str) -> Step:
        """What happened to the token's element, as a value."""
        node = self.task_spec.node
        return Step(
            task_id=str(self.id),
            element=node.id,
            name=node.name,
            kind=node.kind,
            process=node.process,
            scope=self.scope,
            happened=happened,
        )
