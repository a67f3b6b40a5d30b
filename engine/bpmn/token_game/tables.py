"""Decision tables by the hit policies of DMN 1.3, 8.2.11."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.bpmn import cells, expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.model import Decision
from engine.bpmn.token_game.carried import same


class Undecided(Exception):
    """The table gives no result for these variables."""


def decided(decision: Decision, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs by name. Raises Undecided, or ExpressionError for an input column that cannot be evaluated."""
    inputs = [expressions.evaluate(column, variables) for column in decision.inputs]
    rows = []
    try:
        for rule in decision.rules:
            if all(_met(cell.text, value, variables) for cell, value in zip(rule.inputs, inputs, strict=True)):
                texts = [cell.text for cell in rule.outputs]
                values = [None if text in {"", "-"} else expressions.evaluate(text, variables) for text in texts]
                rows.append(dict(zip(decision.outputs, values, strict=True)))
    except ExpressionError as error:
        raise Undecided from error
    if decision.hit_policy in {"COLLECT", "RULE ORDER"}:
        return {name: [row[name] for row in rows] for name in decision.outputs}
    alike = all(same(rows[0], row) for row in rows[1:])
    if not rows or (decision.hit_policy == "UNIQUE" and len(rows) > 1) or (decision.hit_policy == "ANY" and not alike):
        raise Undecided
    return rows[0]


def _met(cell: str, value: Any, variables: Mapping[str, Any]) -> bool:
    test = cells.test(cell)
    met = True if test is None else expressions.evaluate(test, variables, {cells.INPUT: value})
    if not isinstance(met, bool):
        raise Undecided
    return met
