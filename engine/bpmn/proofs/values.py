"""Values of which a proof knows all, a part or nothing; and what an expression may come to over them."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from engine.bpmn import expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.expressions.syntax import CONSTANTS

#: an expression that may come to more values than this is taken for one that may come to anything
MANY = 16
#: up to so many passes of a loop that nothing but a maximum ends are followed one by one
FEW = 10


class Unknown(dict[str, int]):
    """A value of which nothing is known but the write that it stems from: {"?": number}."""


class Partly(dict[str, Any]):
    """An object of which some keys are known; it may have others."""


ANYTHING = Unknown({"?": 0})


def whole(value: Any) -> bool:
    """Whether everything about the value is known."""
    if isinstance(value, Unknown | Partly):
        return False
    if isinstance(value, dict):
        return all(whole(each) for each in value.values())
    return not isinstance(value, list | tuple) or all(whole(each) for each in value)


def label(value: Any) -> str:
    """The value as a text; all unknown ones read alike."""
    return "?" if isinstance(value, Unknown) else json.dumps(value, sort_keys=True)


def possible(expression: str, variables: Mapping[str, Any]) -> tuple[Any, ...]:
    """Every value that an expression may come to; what cannot be told, or would be a failure, is ANYTHING."""
    try:
        tree = expressions.parse(expression)
        return _few(_Reading(variables).of(tree))
    except (ExpressionError, RecursionError):
        return (ANYTHING,)


def truths(expression: str, variables: Mapping[str, Any]) -> frozenset[bool]:
    """What a condition may be. One that is neither true nor false is a failure, which an operator mends either way."""
    try:
        return _Reading(variables).truth(expressions.parse(expression))
    except (ExpressionError, RecursionError):
        return frozenset({True, False})


def _truths(values: Iterable[Any]) -> frozenset[bool]:
    found: set[bool] = set()
    for value in values:
        found |= {value} if isinstance(value, bool) else {True, False}
    return frozenset(found)


def _few(values: Iterable[Any]) -> tuple[Any, ...]:
    found = {label(value): value for value in values}
    return tuple(found.values()) if 0 < len(found) <= MANY else (ANYTHING,)


class _Reading:
    """One expression over variables of which not all is known."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.variables = variables

    def of(self, node: ast.expr) -> Sequence[Any]:
        read = getattr(self, f"of_{type(node).__name__}", None)
        return self.otherwise(node) if read is None else _few(read(node))

    def of_Constant(self, node: ast.Constant) -> Sequence[Any]:
        return [node.value]

    def of_Name(self, node: ast.Name) -> Sequence[Any]:
        if node.id in CONSTANTS:
            return [CONSTANTS[node.id]]
        return [self.variables.get(node.id, ANYTHING)]

    def of_BoolOp(self, node: ast.BoolOp) -> Sequence[Any]:
        # Of operands that may be no truth values the result may be one of them.
        if all(isinstance(value, bool) for part in node.values for value in self.of(part)):
            return sorted(self.truth(node))
        return self.otherwise(node)

    def of_UnaryOp(self, node: ast.UnaryOp) -> Sequence[Any]:
        return sorted(self.truth(node)) if isinstance(node.op, ast.Not) else self.otherwise(node)

    def truth(self, node: ast.expr) -> frozenset[bool]:
        """Whether it may count as true, and as false, where a choice hangs on it."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return frozenset(not truth for truth in self.truth(node.operand))
        if not isinstance(node, ast.BoolOp):
            return _truths(self.of(node))
        stops = isinstance(node.op, ast.Or)  # the truth that ends it: any for `or`, the lack of one for `and`
        parts = [self.truth(part) for part in node.values]
        found = {stops for part in parts if stops in part}
        return frozenset({*found, *([not stops] if all((not stops) in part for part in parts) else [])})

    def of_Compare(self, node: ast.Compare) -> Sequence[Any]:
        parts = [self.of(part) for part in (node.left, *node.comparators)]
        found: list[Any] = []
        for chosen in product(*parts):
            if not all(whole(value) for value in chosen):
                return [True, False]
            names = [f"v{number}" for number in range(len(chosen))]
            read: list[ast.expr] = [ast.Name(id=name, ctx=ast.Load()) for name in names]
            asked = ast.unparse(ast.Compare(left=read[0], ops=node.ops, comparators=read[1:]))
            found.append(_evaluated(asked, dict(zip(names, chosen, strict=True))))
        return found

    def of_IfExp(self, node: ast.IfExp) -> Sequence[Any]:
        asked = self.truth(node.test)
        return [
            *(self.of(node.body) if True in asked else ()),
            *(self.of(node.orelse) if False in asked else ()),
        ]

    def of_Subscript(self, node: ast.Subscript) -> Sequence[Any]:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return self.part(node, node.value, key)

    def of_Attribute(self, node: ast.Attribute) -> Sequence[Any]:
        return self.part(node, node.value, node.attr)

    def of_Call(self, node: ast.Call) -> Sequence[Any]:
        got = isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args
        if not got or not isinstance(node.args[0], ast.Constant):
            return self.otherwise(node)
        assert isinstance(node.func, ast.Attribute)  # noqa: S101 - just asked
        return self.part(node, node.func.value, node.args[0].value)

    def part(self, node: ast.expr, of: ast.expr, key: Any) -> Sequence[Any]:
        """One key of an object that may be known in part."""
        values = self.of(of)
        if all(whole(value) for value in values):
            return self.otherwise(node)
        return [value.get(key, ANYTHING) if isinstance(value, Partly) else ANYTHING for value in values]

    def otherwise(self, node: ast.expr) -> Sequence[Any]:
        """The value by the house's own rules where all that it reads is known."""
        text = ast.unparse(node)
        try:
            read = {name: self.variables.get(name, ANYTHING) for name in expressions.names(text)}
        except ExpressionError:
            return [ANYTHING]
        return [_evaluated(text, read) if all(whole(value) for value in read.values()) else ANYTHING]


def _evaluated(text: str, variables: Mapping[str, Any]) -> Any:
    try:
        return expressions.evaluate(text, variables)
    except ExpressionError:
        return ANYTHING
