"""Values for what a diagram asks of the world: of a kind that its expressions can do something with."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from engine.bpmn import expressions
from engine.bpmn.expressions import ExpressionError

#: by kind of timer what its variable may hold
TIMES = {"duration": "PT1H", "date": "2027-06-01T00:00:00Z", "cycle": "R2/PT1H"}
#: a step into a list
ITEM = "[]"


class Guesses:
    """What each variable may hold, read off the expressions that use it."""

    def __init__(self, written: Iterable[str], times: Iterable[tuple[str, str]] = ()) -> None:
        self.fixed: dict[str, Any] = {}  #: what is known of some variables
        self._pools: dict[str, dict[tuple[str, ...], list[Any]]] = {}
        for kind, text in times:
            with suppress(ExpressionError):
                self._add(expressions.parse(text), [TIMES[kind]])
        for text in written:
            try:
                tree = expressions.parse(text)
            except ExpressionError:
                continue
            for node in ast.walk(tree):
                self._use(node)

    @property
    def names(self) -> list[str]:
        """Every variable that an expression reads."""
        return sorted({*self._pools, *self.fixed})

    def of(self, name: str, chance: random.Random) -> Any:
        """A value of the variable; a number or a truth where nothing tells of what kind it is."""
        if name in self.fixed:
            return self.fixed[name]
        return _value([(path, pool) for path, pool in sorted(self._pools.get(name, {}).items())], chance)

    def _use(self, node: ast.AST) -> None:
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            values = [side.value for side in sides if isinstance(side, ast.Constant)]
            values += [e.value for s in sides if isinstance(s, ast.List) for e in s.elts if isinstance(e, ast.Constant)]
            held = any(isinstance(operator, ast.In | ast.NotIn) for operator in node.ops)
            for number, side in enumerate(sides):
                if held and number == len(sides) - 1:
                    self._add(side, [values, []])
                else:
                    self._add(side, values + [each for value in values for each in _near(value)])
        elif isinstance(node, ast.BoolOp):
            for side in node.values:
                self._add(side, [True, False])
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._add(node.operand, [True, False])
        elif isinstance(node, ast.BinOp):
            self._add(node.left, [1, 2])
            self._add(node.right, [1, 2])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            self._add(node.func.value, ["yes", "no"])
        elif isinstance(node, ast.Call):
            for side in node.args:
                self._add(side, [[1, 2]])
        elif isinstance(node, ast.comprehension):
            self._add(node.iter, [[1, 2]])
        elif isinstance(node, ast.Name | ast.Attribute):
            self._add(node, [])

    def _add(self, node: ast.AST, values: list[Any]) -> None:
        path: list[str] = []
        while isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node, ast.Attribute):
                path.insert(0, node.attr)
            elif isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                path.insert(0, node.slice.value)
            else:
                path.insert(0, ITEM)
            node = node.value
        if isinstance(node, ast.Name) and node.id not in {"true", "false", "null"}:
            self._pools.setdefault(node.id, {}).setdefault(tuple(path), []).extend(values)


def _value(paths: list[tuple[tuple[str, ...], list[Any]]], chance: random.Random) -> Any:
    """A value with these parts: objects for keys, lists for items, else one of the pool."""
    steps: dict[str, list[tuple[tuple[str, ...], list[Any]]]] = {}
    for path, pool in paths:
        if path:
            steps.setdefault(path[0], []).append((path[1:], pool))
    if ITEM in steps:
        return [_value(steps[ITEM], chance) for _ in range(3)]
    if steps:
        return {step: _value(rest, chance) for step, rest in steps.items()}
    return chance.choice([each for _, pool in paths for each in pool] or [0, 1, True, False])


def _near(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1]
    return ["other"] if isinstance(value, str) else []
