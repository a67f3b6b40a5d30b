"""Decision tables: SpiffWorkflow's decision engine with cells as modellers write them."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.dmn.engine.DMNEngine import DMNEngine
from SpiffWorkflow.dmn.specs.model import DecisionTable

from engine.bpmn.cells import INPUT, test
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.merging import same
from engine.bpmn.model import Decision, Rule
from engine.bpmn.spec.element import ElementError

POLICIES = frozenset({"UNIQUE", "FIRST", "ANY", "COLLECT", "RULE ORDER"})


class DecisionEngine(DMNEngine):  # type: ignore[misc]
    """Decides by the hit policy the table declares.

    SpiffWorkflow's own engine takes the first rule under every policy but COLLECT, reads `"a", "b"` as a pair and
    `not("a")` as a truth value; and it sets nothing where no rule matches. Here an ambiguous or an empty result of a
    table that has to give one is an error that names the rows.
    """

    def __init__(self, decision: Decision) -> None:
        super().__init__(DecisionTable(decision.id, decision.name, decision.hit_policy))
        self.decision = decision

    def decide(self, task: Any) -> list[Rule]:
        """The rows that match, in order."""
        engine = task.workflow.script_engine
        inputs = [engine.evaluate(task, column) for column in self.decision.inputs]
        return [rule for rule in self.decision.rules if self._matches(engine, task, rule, inputs)]

    def _matches(self, engine: Any, task: Any, rule: Rule, inputs: list[Any]) -> bool:
        for index, (cell, value) in enumerate(zip(rule.inputs, inputs, strict=True)):
            expression = test(cell.text)
            if expression is None:
                continue
            try:
                matched = engine.evaluate(task, expression, external_context={INPUT: value})
            except ExpressionError as error:
                column = self.decision.inputs[index]
                raise ElementError(
                    "decision", f'Decision "{self.decision.id}", row {rule.number}, input "{column}": {error.reason}.'
                ) from error
            if matched is not True and matched is not False:
                raise ElementError(
                    "decision", f'Decision "{self.decision.id}", row {rule.number}: "{cell.text}" is no test.'
                )
            if not matched:
                return False
        return True

    def result(self, task: Any) -> dict[str, Any]:
        """The outputs by variable name."""
        decision = self.decision
        matched = self.decide(task)
        rows = [self._outputs(task, rule) for rule in matched]
        if decision.hit_policy in {"COLLECT", "RULE ORDER"}:
            return {name: [row[name] for row in rows] for name in decision.outputs}
        if not rows:
            values = ", ".join(
                f"{column} = {task.workflow.script_engine.evaluate(task, column)!r}" for column in decision.inputs
            )
            raise ElementError("decision", f'No row of decision "{decision.id}" matches {values}.')
        if decision.hit_policy == "UNIQUE" and len(rows) > 1:
            numbers = ", ".join(str(rule.number) for rule in matched)
            raise ElementError("decision", f'Rows {numbers} of decision "{decision.id}" match, but it is UNIQUE.')
        if decision.hit_policy == "ANY" and any(not same(rows[0], row) for row in rows):
            numbers = ", ".join(str(rule.number) for rule in matched)
            raise ElementError("decision", f'Rows {numbers} of decision "{decision.id}" match with different outputs.')
        return rows[0]

    def _outputs(self, task: Any, rule: Rule) -> dict[str, Any]:
        engine = task.workflow.script_engine
        made = {}
        for name, cell in zip(self.decision.outputs, rule.outputs, strict=True):
            try:
                made[name] = None if cell.text in {"", "-"} else engine.evaluate(task, cell.text)
            except ExpressionError as error:
                raise ElementError(
                    "decision", f'Decision "{self.decision.id}", row {rule.number}, output "{name}": {error.reason}.'
                ) from error
        return made
