"""The base of every element, and the elements that no diagram shows."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.control import BpmnStartTask, SimpleBpmnTask

from engine.bpmn.model import Node
from engine.bpmn.spec import compensation
from engine.bpmn.spec.errors import ElementError
from engine.bpmn.tokens import FINISHED, FUTURE, WAITING, Token


class Element:
    """What all elements share; mixed in before SpiffWorkflow's class of the kind.

    No future is predicted: children exist once their parent is complete. The tree then holds what happened and
    nothing else, which keeps the state small and leaves nothing to be pruned after a decision.
    """

    name: str
    outputs: list[Any]
    _wf_spec: Any
    node: Node | None = None  #: the element drawn; None for those that no diagram shows
    late = False  #: a token may wait here without having entered: a join, an armed event
    told = True  #: the history tells of it
    ends = False  #: the scope is complete when it is
    joins = False  #: what it carries comes from several branches
    stamped = False  #: a token there carries what it shows; elsewhere a change counts once the element is complete
    aside = False  #: of an event subprocess, and not of the flow of its scope
    inside = ""  #: of the start event of an event subprocess: the subprocess's id
    chooses = False  #: its own act places the tokens behind it
    cancels = False  #: it takes away every other token of its scope
    repeats = False  #: its children are copies of the activity
    kept = False  #: it is remembered when it has completed, since an event may compensate it
    undone_by = ""  #: the name of its compensation handler
    which = 0  #: of an event with several definitions, the one for which it stands
    together: frozenset[str] = frozenset()  #: the names of those that have to occur with it
    reads: frozenset[str] = frozenset()  #: the variables that it is called with, where it is kept

    def test(self) -> None:
        """Checked when the diagram was published, not at each visit."""

    def _predict(self, my_task: Token, seen: Any = None, looked_ahead: int = 0, mask: int = 0) -> None:
        return

    def _predict_hook(self, my_task: Token) -> None:
        return

    def _update_hook(self, my_task: Token) -> bool | None:
        my_task._inherit_data()
        return True

    def _on_ready(self, my_task: Token) -> None:
        return

    def _run_hook(self, my_task: Token) -> bool | None:
        return True

    def _on_complete(self, my_task: Token) -> None:
        workflow = my_task.workflow
        if not self.joins:
            my_task.stamp_changes()
        if self.kept:
            compensation.keep(my_task)
        # The tokens behind it are placed before it throws or disarms anything: a join must not think that it is alone.
        if not self.chooses and not workflow.completed:
            my_task._sync_children(self.outputs, FUTURE)
        self._on_complete_hook(my_task)
        # Of several ways one that cancels the scope takes the others with it before they begin.
        for child in sorted(my_task.children, key=lambda child: not child.task_spec.cancels):
            if not child.has_state(FINISHED):
                child.task_spec._update(child)
        workflow._task_completed_notify(my_task)

    def _on_complete_hook(self, my_task: Token) -> None:
        settle(my_task)

    def _on_cancel(self, my_task: Token) -> None:
        return


def settle(token: Token) -> None:
    """Tell those who wait that an activity is over; disarm its boundary events."""
    parent = token.parent
    if "undoes" in token.internal_data:
        compensation.undone(token)
        return
    if parent is not None and token.triggered:
        parent.task_spec.child_completed(parent, token)
        return
    if (
        parent is None
        or not isinstance(parent.task_spec, BoundarySplit)
        or token.task_spec.name != parent.task_spec.main
    ):
        return
    for sibling in parent.children:
        if sibling is not token and sibling._state == WAITING:
            sibling.cancel()


def conflicting(token: Token) -> None:
    """Raises ElementError while the branches that a token came from disagree on a variable."""
    conflicts = token.internal_data.get("conflicts")
    if conflicts:
        names = ", ".join(f'"{name}"' for name in conflicts)
        raise ElementError("conflict", f"Parallel branches wrote different values to {names}.")


class Start(Element, BpmnStartTask):  # type: ignore[misc]
    """The root of a scope: places the token where the scope begins, and arms its event subprocesses."""

    chooses = True
    implied = False  #: the scope has no start event: a token for each element that nothing leads to

    def _run_hook(self, my_task: Token) -> bool:
        my_task._sync_children(self._begun(my_task.workflow), FUTURE)
        for listener in my_task.workflow.spec.listeners:
            my_task._add_child(listener, FUTURE)
        return True

    def _begun(self, workflow: Any) -> list[Any]:
        if self.implied:
            return self.outputs
        wanted = getattr(workflow, "starts_at", "")
        fitting = [each for each in self.outputs if (each.name == wanted if wanted else each.begun_by("", ""))]
        return (fitting or self.outputs)[:1]


class End(Element, SimpleBpmnTask):  # type: ignore[misc]
    """The last element of a scope."""

    ends = True


class BoundarySplit(Element, SimpleBpmnTask):  # type: ignore[misc]
    """Stands before an activity with boundary events; its children are the activity and the armed events.

    SpiffWorkflow's own pair of split and join decides by the join which of them is over. Ours has no join: the
    activity disarms its events when it completes, and an interrupting event cancels the activity when it fires.
    """

    main = ""  #: the name of the activity's element


class Way(Element, SimpleBpmnTask):  # type: ignore[misc]
    """A flow that is an element of its own, so that a join tells it from another between the same two elements."""


class Parting(Element, SimpleBpmnTask):  # type: ignore[misc]
    """Where a token parts as it comes: it stands nowhere, so that nothing can happen in between."""

    def _update(self, my_task: Token) -> None:
        my_task._inherit_data()
        my_task.complete()


class ProcessSpec(BpmnProcessSpec):  # type: ignore[misc]
    """A scope's specification, with our own start, end and final join."""

    def __init__(self, name: str, description: str, process: str, node: Node | None) -> None:
        from engine.bpmn.spec.joins import EndJoin

        super().__init__(name=name, description=description)
        self.process = process
        self.task_specs.clear()
        # No XML id holds a bracket. SpiffWorkflow's own names do collide: an end event with the id "End" would
        # complete the scope under whatever else is still running.
        self.start = Start(self, "(start)")
        self.end = EndJoin(self, "(join)")
        self.end.connect(End(self, "(end)"))
        self.around = node
        self.conditional = False  #: an event of it waits for a condition
        self.listeners: list[Any] = []  #: the start events of its event subprocesses, in the order of the file


__all__ = [
    "BoundarySplit",
    "Element",
    "ElementError",
    "End",
    "Parting",
    "ProcessSpec",
    "Start",
    "Way",
    "conflicting",
    "settle",
]
