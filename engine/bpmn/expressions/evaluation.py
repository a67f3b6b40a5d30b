"""The evaluator: walks the tree, counts its steps, and knows no object but JSON values."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from engine.bpmn.expressions import functions, syntax
from engine.bpmn.expressions.errors import ExpressionError
from engine.bpmn.expressions.functions import Refused, checked
from engine.bpmn.variables import unkept

MAX_STEPS = 50_000
MAX_EXPONENT = 64
#: the sum of the sizes of all texts and lists that one evaluation makes
MAX_MADE = 2_000_000
#: characters of all texts in a value: a variable is written with the state at every step
MAX_CHARACTERS = 256_000

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
    ast.Is: lambda one, other: one is other or (type(one) is type(other) and one == other),
    ast.IsNot: lambda one, other: not (one is other or (type(one) is type(other) and one == other)),
}


def evaluate(expression: str, variables: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> Any:
    """The expression's value over the variables; `extra` names come first.

    The result is a JSON value. Raises ExpressionError, whatever the expression or the values.
    """
    tree = syntax.parse(expression)
    run = _Run([dict(extra or {}), variables])
    try:
        return plain(run.value(tree))
    except Refused as error:
        raise ExpressionError(expression, str(error)) from error
    except ZeroDivisionError as error:
        raise ExpressionError(expression, "it divides by zero") from error
    except (TypeError, ValueError, KeyError, IndexError, OverflowError, RecursionError, MemoryError) as error:
        raise ExpressionError(expression, _told(error)) from error


def plain(value: Any) -> Any:
    """The value with lists for tuples; refuses what cannot be stored: large integers, keys that are no text."""
    if functions.total([value]) > functions.MAX_ITEMS * 5:
        raise Refused("the value holds too many parts")
    made = _plain(value, 0)
    if _characters(made) > MAX_CHARACTERS:
        raise Refused(f"the value holds more than {MAX_CHARACTERS:,} characters")
    return made


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(_characters, value))
    if isinstance(value, dict):
        return sum(map(len, value)) + sum(map(_characters, value.values()))
    return 0


def _plain(value: Any, depth: int) -> Any:
    if depth > syntax.MAX_DEPTH:
        raise Refused("the value nests too deep")
    checked(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        raise Refused("the number does not fit into 64 bits")
    if isinstance(value, str) and (reason := unkept(value)):
        raise Refused(reason)
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise Refused("the keys of an object are texts")
            if reason := unkept(key):
                raise Refused(reason)
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    return value


def _told(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no key {error.args[0]!r}" if error.args else "a key is missing"
    return str(error) or type(error).__name__


class _Run:
    """One evaluation with its budget of steps."""

    def __init__(self, scopes: list[Mapping[str, Any]]) -> None:
        self.scopes, self.steps, self.made = scopes, 0, 0

    def value(self, node: ast.expr) -> Any:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise Refused(f"it takes more than {MAX_STEPS:,} steps")
        act = _ACTS.get(type(node))
        if act is None:
            raise Refused(f"{type(node).__name__} is not allowed")
        return act(self, node)

    def take(self, value: Any) -> Any:
        """Counts what has been made, so that no chain of operations outgrows the memory."""
        checked(value)
        if isinstance(value, str | list | tuple | dict):
            self.made += len(value)
            if self.made > MAX_MADE:
                raise Refused("it makes too many values")
        return value

    def name(self, node: ast.Name) -> Any:
        for scope in self.scopes:
            if node.id in scope:
                return scope[node.id]
        if node.id in syntax.CONSTANTS:
            return syntax.CONSTANTS[node.id]
        known = sorted({name for scope in self.scopes for name in scope})
        near = get_close_matches(node.id, known, 1)
        raise Refused(f'there is no variable "{node.id}"' + (f'; perhaps "{near[0]}" is meant' if near else ""))

    def attribute(self, node: ast.Attribute) -> Any:
        holder = self.value(node.value)
        if not isinstance(holder, dict):
            raise Refused(f".{node.attr} asks for a key, but the value is {functions._kind(holder)}")
        if node.attr not in holder:
            near = get_close_matches(node.attr, [key for key in holder if isinstance(key, str)], 1)
            raise Refused(f'there is no key "{node.attr}"' + (f'; perhaps "{near[0]}" is meant' if near else ""))
        return holder[node.attr]

    def subscript(self, node: ast.Subscript) -> Any:
        holder = self.value(node.value)
        if not isinstance(holder, dict | list | tuple | str):
            raise Refused(f"{functions._kind(holder)} has no items")
        if isinstance(node.slice, ast.Slice):
            if isinstance(holder, dict):
                raise Refused("an object has no slices")
            parts = [
                None if part is None else self.value(part)
                for part in (node.slice.lower, node.slice.upper, node.slice.step)
            ]
            return self.take(holder[slice(*parts)])
        key = self.value(node.slice)
        if isinstance(holder, dict):
            if not isinstance(key, str):
                raise Refused("the keys of an object are texts")
            return holder[key]
        return holder[key]

    def call(self, node: ast.Call) -> Any:
        arguments = [self.value(argument) for argument in node.args]
        named = {keyword.arg: self.value(keyword.value) for keyword in node.keywords if keyword.arg}
        if isinstance(node.func, ast.Name):
            self.steps += sum(len(value) for value in arguments if isinstance(value, list | tuple | dict | str)) // 10
            return self.take(functions.FUNCTIONS[node.func.id](*arguments, **named))
        assert isinstance(node.func, ast.Attribute)  # noqa: S101 - parse() let nothing else pass
        holder = self.value(node.func.value)
        for_text, for_object = functions.METHODS[node.func.attr]
        method = for_text if isinstance(holder, str) else for_object if isinstance(holder, dict) else None
        if method is None:
            raise Refused(f"{functions._kind(holder)} has no .{node.func.attr}()")
        self.steps += len(holder) // 10
        return self.take(method(holder, *arguments))

    def both(self, node: ast.BoolOp) -> Any:
        value: Any = None
        for part in node.values:
            value = self.value(part)
            if bool(value) is isinstance(node.op, ast.Or):
                return value
        return value

    def unary(self, node: ast.UnaryOp) -> Any:
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return not value
        return self.take(-value if isinstance(node.op, ast.USub) else +value)

    def binary(self, node: ast.BinOp) -> Any:
        one, other = self.value(node.left), self.value(node.right)
        return self.take(_binary(node.op, one, other))

    def compare(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for act, part in zip(node.ops, node.comparators, strict=True):
            right = self.value(part)
            if isinstance(right, str | list | tuple):
                self.steps += len(right) // 10
            if not _COMPARE[type(act)](left, right):
                return False
            left = right
        return True

    def either(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def items(self, node: ast.List | ast.Tuple) -> list[Any]:
        made: list[Any] = self.take([self.value(item) for item in node.elts])
        return made

    def mapping(self, node: ast.Dict) -> dict[Any, Any]:
        made: dict[Any, Any] = self.take(
            {
                self.key(key): self.value(value)
                for key, value in zip(node.keys, node.values, strict=True)
                if key is not None
            }
        )
        return made

    def key(self, node: ast.expr) -> str:
        key = self.value(node)
        if not isinstance(key, str):
            raise Refused("the keys of an object are texts")
        return key

    def text(self, node: ast.JoinedStr) -> str:
        made = ""
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            made = self.take(made + functions.FUNCTIONS["str"](self.value(inner)))
        return made

    def loop(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> Any:
        made: list[Any] = []

        def walk(index: int) -> None:
            if index == len(node.generators):
                if isinstance(node, ast.DictComp):
                    made.append((self.key(node.key), self.value(node.value)))
                else:
                    made.append(self.value(node.elt))
                checked(made)
                return
            generator = node.generators[index]
            for item in functions._items(self.value(generator.iter)):
                self.steps += 1
                self.scopes.insert(0, _bound(generator.target, item))
                try:
                    if all(self.value(test) for test in generator.ifs):
                        walk(index + 1)
                finally:
                    self.scopes.pop(0)

        walk(0)
        return self.take(dict(made) if isinstance(node, ast.DictComp) else made)


def _bound(target: ast.expr, item: Any) -> dict[str, Any]:
    if isinstance(target, ast.Name):
        return {target.id: item}
    assert isinstance(target, ast.Tuple)  # noqa: S101 - parse() let nothing else pass
    if not isinstance(item, list | tuple) or len(item) != len(target.elts):
        raise Refused(f"a loop wants {len(target.elts)} values of each item")
    return {part.id: value for part, value in zip(target.elts, item, strict=True) if isinstance(part, ast.Name)}


def _binary(act: ast.operator, one: Any, other: Any) -> Any:
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    if isinstance(act, ast.Add):
        if numbers or (isinstance(one, str) and isinstance(other, str)):
            return one + other
        if isinstance(one, list | tuple) and isinstance(other, list | tuple):
            return [*one, *other]
        raise Refused(f"{functions._kind(one)} and {functions._kind(other)} cannot be added")
    if not numbers:
        raise Refused(f"{functions._kind(one)} and {functions._kind(other)} are no two numbers")
    if isinstance(act, ast.Sub):
        return one - other
    if isinstance(act, ast.Mult):
        return one * other
    if isinstance(act, ast.Div):
        return one / other
    if isinstance(act, ast.FloorDiv):
        return one // other
    if isinstance(act, ast.Mod):
        return one % other
    if isinstance(act, ast.Pow):
        if abs(other) > MAX_EXPONENT:
            raise Refused(f"the exponent is beyond {MAX_EXPONENT}")
        made = one**other
        if isinstance(made, complex):
            raise Refused("the root of a negative number is no value of JSON")
        return made
    raise Refused(f"{type(act).__name__} is not allowed")


_ACTS: dict[type[ast.expr], Callable[[_Run, Any], Any]] = {
    ast.Constant: lambda run, node: checked(node.value),
    ast.Name: _Run.name,
    ast.Attribute: _Run.attribute,
    ast.Subscript: _Run.subscript,
    ast.Call: _Run.call,
    ast.BoolOp: _Run.both,
    ast.UnaryOp: _Run.unary,
    ast.BinOp: _Run.binary,
    ast.Compare: _Run.compare,
    ast.IfExp: _Run.either,
    ast.List: _Run.items,
    ast.Tuple: _Run.items,
    ast.Dict: _Run.mapping,
    ast.JoinedStr: _Run.text,
    ast.ListComp: _Run.loop,
    ast.GeneratorExp: _Run.loop,
    ast.DictComp: _Run.loop,
}
