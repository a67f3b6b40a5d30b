"""Gateways that choose."""

from __future__ import annotations

from SpiffWorkflow.bpmn.specs.bpmn_task_spec import _BpmnCondition
from SpiffWorkflow.bpmn.specs.defaults import ExclusiveGateway as StockExclusiveGateway
from SpiffWorkflow.bpmn.specs.mixins.bpmn_spec_mixin import BpmnSpecMixin
from SpiffWorkflow.exceptions import WorkflowException
from SpiffWorkflow.specs.ExclusiveChoice import ExclusiveChoice

from engine.bpmn.expressions.errors import shortened
from engine.bpmn.spec.element import Element, ElementError
from engine.bpmn.tokens import COMPLETED, MAYBE, WAITING, Token


class Condition(_BpmnCondition):  # type: ignore[misc]
    """A flow's condition. It must be true or false: a text such as "no" would count as true."""

    def _matches(self, task: Token) -> bool:
        value = task.workflow.script_engine.evaluate(task, self.args[0])
        if not isinstance(value, bool):
            raise ElementError(
                "expression", f'The condition "{shortened(self.args[0])}" gives {value!r}, which is not true or false.'
            )
        return value


class ExclusiveGateway(Element, StockExclusiveGateway):  # type: ignore[misc]
    """Takes the first flow, in the order of the file, whose condition holds, else the default."""

    chooses = True

    def _run_hook(self, my_task: Token) -> bool:
        try:
            return bool(ExclusiveChoice._run_hook(self, my_task))
        except WorkflowException as error:
            raise ElementError("expression", "No condition holds, and there is no default flow.") from error


class EventBasedGateway(Element, BpmnSpecMixin):  # type: ignore[misc]
    """Arms the events behind it; the first to fire takes the token, the others are disarmed."""

    chooses = True

    def _run_hook(self, my_task: Token) -> bool | None:
        my_task._sync_children(self.outputs, MAYBE)
        for child in my_task.children:
            child._set_state(WAITING)
            child._inherit_data()
        return None

    def chosen(self, my_task: Token, event: Token) -> None:
        """Let one of the armed events go on."""
        for child in my_task.children:
            if child is not event and child._state == WAITING:
                child.cancel()
        my_task._set_state(COMPLETED)
        event._ready()
        my_task.workflow._task_completed_notify(my_task)
