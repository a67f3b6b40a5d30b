"""Called processes and embedded subprocesses: all variables go in, all come out."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs.defaults import CallActivity as StockCallActivity
from SpiffWorkflow.bpmn.specs.defaults import SubWorkflowTask as StockSubWorkflowTask

from engine.bpmn.spec import compensation
from engine.bpmn.spec.element import Element
from engine.bpmn.tokens import COMPLETED, FINISHED, READY, STARTED, Token


class Subprocess(Element, StockSubWorkflowTask):  # type: ignore[misc]
    """An embedded subprocess. Its scope opens as the token arrives."""

    def _update_hook(self, my_task: Token) -> bool:
        my_task._inherit_data()
        my_task._set_state(STARTED)
        scope = my_task.workflow.top_workflow.create_subprocess(my_task, self.spec)
        scope.task_tree.data = self.opened_with(my_task)
        scope.task_tree.run()
        return False

    def opened_with(self, my_task: Token) -> dict[str, Any]:
        """The variables at the beginning of the scope."""
        return dict(my_task.data)

    def _on_subworkflow_completed(self, subworkflow: Any, my_task: Token) -> None:
        # A scope that an error left through the boundary is complete too; its activity has been cancelled.
        if my_task.has_state(FINISHED):
            return
        my_task.data = {**my_task.data, **subworkflow.last_task.data}
        my_task._set_state(READY)

    def _on_complete_hook(self, my_task: Token) -> None:
        my_task.workflow.top_workflow.subprocesses.pop(my_task.id, None)
        super()._on_complete_hook(my_task)

    def _on_cancel(self, my_task: Token) -> None:
        scope = my_task.workflow.top_workflow.subprocesses.get(my_task.id)
        if scope is not None:
            scope.cancel()
            my_task.workflow.top_workflow.subprocesses.pop(my_task.id, None)


class CallActivity(Subprocess, StockCallActivity):  # type: ignore[misc]
    """A call of another process."""


class Undoing(Subprocess):
    """A completed subprocess whose own activities are undone: its scope is open again, for their handlers alone."""

    told = False

    def _update_hook(self, my_task: Token) -> bool:
        my_task._inherit_data()
        scope = my_task.workflow.top_workflow.create_subprocess(my_task, self.spec)
        scope.task_tree.data = dict(my_task.data)
        scope.task_tree._state = COMPLETED  # nothing begins at its start
        return True

    def _run_hook(self, my_task: Token) -> bool | None:
        return compensation.go_on(my_task, my_task.workflow.top_workflow.subprocesses[my_task.id])
