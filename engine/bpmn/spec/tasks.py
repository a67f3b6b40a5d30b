"""Tasks: for people, for handlers, scripts and decisions."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs.defaults import ScriptTask as StockScriptTask
from SpiffWorkflow.bpmn.specs.defaults import ServiceTask as StockServiceTask
from SpiffWorkflow.bpmn.specs.defaults import UserTask as StockUserTask
from SpiffWorkflow.bpmn.specs.mixins.bpmn_spec_mixin import BpmnSpecMixin
from SpiffWorkflow.dmn.specs import BusinessRuleTaskMixin

from engine.bpmn.model import Node
from engine.bpmn.spec import events
from engine.bpmn.spec.element import Element, ElementError
from engine.bpmn.tokens import Token
from engine.bpmn.values import PENDING, BpmnError, ServiceCall
from engine.bpmn.variables import stored


class PassingTask(Element, BpmnSpecMixin):  # type: ignore[misc]
    """An abstract or manual task: BPMN has the engine pass it at once."""


class UserTask(Element, StockUserTask):  # type: ignore[misc]
    """Waits for a person; `result` is the variable that takes the answer."""

    node: Node

    @property
    def result(self) -> str:
        """The variable that takes the answer."""
        return self.node.result


class ScriptTask(Element, StockScriptTask):  # type: ignore[misc]
    """Assigns variables."""

    def _run_hook(self, my_task: Token) -> bool:
        return bool(my_task.workflow.script_engine.execute(my_task, self.script))


class BusinessRuleTask(Element, BusinessRuleTaskMixin, BpmnSpecMixin):  # type: ignore[misc]
    """Asks a decision table; its outputs become variables."""

    def _run_hook(self, my_task: Token) -> bool:
        my_task.data.update(self.dmnEngine.result(my_task))
        return True


class ServiceTask(Element, StockServiceTask):  # type: ignore[misc]
    """Calls a handler."""

    node: Node

    def call(self, my_task: Token) -> ServiceCall:
        """The call with its parameters evaluated."""
        node, operator = self.node, self.node.operator
        if operator is None:
            raise ElementError("handler", "The service task is bound to no handler.")
        engine = my_task.workflow.script_engine
        edited = my_task.internal_data.get("parameters", {})  # by an operator, for this visit alone
        return ServiceCall(
            task_id=str(my_task.id),
            element=node.id,
            name=node.name,
            process=node.process,
            lane=node.lane,
            handler=operator.handler,
            parameters={
                each.id: engine.evaluate(my_task, each.value) for each in operator.parameters if each.id not in edited
            }
            | edited,
            result_variable=operator.result_variable,
            properties=dict(node.properties),
            scope=my_task.scope,
        )

    def _run_hook(self, my_task: Token) -> bool | None:
        invoke = my_task.workflow.top_workflow.invoke
        if invoke is None:
            raise ElementError("handler", "Nothing is there to call handlers.")
        try:
            value = invoke(self.call(my_task))
        except BpmnError as error:
            if not self.raised(my_task, error.code):
                raise events.uncaught(error.code) from error
            return None
        if value is PENDING:
            return None
        self.take(my_task, value)
        return True

    def take(self, my_task: Token, value: Any) -> None:
        """Put the handler's value into the result variable."""
        name = self.node.operator.result_variable if self.node.operator else ""
        value = stored(value, f'"{name or self.node.id}"')
        if name:
            my_task.data[name] = value

    def raised(self, my_task: Token, code: str) -> bool:
        """Hand a business error to the boundary event that catches it; False where none does."""
        found = events.catcher(events.outwards(my_task), "error", code)
        if found is None:
            return False
        events.fire(found, {"code": code})
        return True
