"""The script engine that SpiffWorkflow asks for every expression: our safe evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.script_engine.python_environment import BasePythonScriptEngineEnvironment

from engine.bpmn import expressions
from engine.bpmn.expressions import ExpressionError


class Environment(BasePythonScriptEngineEnvironment):  # type: ignore[misc]
    """Expressions and scripts over a task's data."""

    def evaluate(
        self, expression: str, context: Mapping[str, Any], external_context: Mapping[str, Any] | None = None
    ) -> Any:
        return expressions.evaluate(expression, context, external_context)

    def execute(self, script: str, context: dict[str, Any], external_context: Mapping[str, Any] | None = None) -> bool:
        context.update(expressions.execute(script, context))
        return True

    def call_service(self, context: Mapping[str, Any], **kwargs: Any) -> Any:
        raise NotImplementedError("Service tasks call their handler through the execution.")


class Engine(PythonScriptEngine):  # type: ignore[misc]
    """SpiffWorkflow's engine with our environment; errors pass through as they are."""

    def __init__(self) -> None:
        super().__init__(Environment())

    def validate(self, expression: str) -> None:
        try:
            expressions.parse(expression)
        except ExpressionError as error:
            raise SyntaxError(error.reason) from error

    def evaluate(self, task: Any, expression: str, external_context: Mapping[str, Any] | None = None) -> Any:
        return self.environment.evaluate(expression, task.data, external_context)

    def execute(self, task: Any, script: str, external_context: Mapping[str, Any] | None = None) -> bool:
        return bool(self.environment.execute(script, task.data, external_context))


ENGINE = Engine()
