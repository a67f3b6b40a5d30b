"""Which expressions are allowed: everything is refused that is not listed here."""

from __future__ import annotations

import ast
import re
import warnings
from functools import lru_cache

from engine.bpmn.expressions.errors import ExpressionError
from engine.bpmn.expressions.functions import FUNCTIONS, METHODS

MAX_LENGTH = 4_000
MAX_NODES = 800
MAX_DEPTH = 40
MAX_COMPREHENSIONS = 2

#: how FEEL and JSON write Python's constants
CONSTANTS = {"true": True, "false": False, "null": None}

ALLOWED: tuple[type[ast.AST], ...] = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Store, ast.Attribute, ast.Subscript, ast.Slice, ast.Call,
    ast.keyword, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.BinOp, ast.Add, ast.Sub,
    ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt,
    ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot, ast.IfExp, ast.List, ast.Tuple, ast.Dict, ast.JoinedStr,
    ast.FormattedValue, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.comprehension,
)  # fmt: skip


@lru_cache(maxsize=2048)
def parse(expression: str) -> ast.expr:
    """The expression's tree; raises ExpressionError for whatever is not in the subset."""
    if len(expression) > MAX_LENGTH:
        raise ExpressionError(expression, f"it has {len(expression):,} characters; at most {MAX_LENGTH:,} are read")
    source = expression.strip()
    if not source:
        raise ExpressionError(expression, "it is empty")
    if "\x00" in source:
        raise ExpressionError(expression, "it holds a zero byte")
    deepest = _nesting(source)
    if deepest > MAX_DEPTH:
        raise ExpressionError(expression, f"its brackets nest deeper than {MAX_DEPTH}")
    if re.search(r"\d{60}|\d[eE][+-]?\d{4}", source):
        raise ExpressionError(expression, "it holds a number of too many digits")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Brackets span lines without more ado, so that a long condition may be laid out.
            tree = ast.parse(f"({source}\n)" if "\n" in source else source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise ExpressionError(expression, f"it is no expression ({message})") from error
    if isinstance(tree, ast.Tuple) and not tree.elts and not source.startswith("("):
        raise ExpressionError(expression, "it is a comment")
    _check(tree, expression)
    return tree


def names(expression: str) -> frozenset[str]:
    """The variables that an expression reads."""
    tree = parse(expression)
    bound = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }  # comprehension variables
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.id not in bound
        and node.id not in CONSTANTS
        and id(node) not in called
    )


def _nesting(source: str) -> int:
    depth = deepest = run = 0
    for character in source:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
        # A long row of prefixed operators nests without brackets.
        run = run + 1 if character in "-+~" else 0
        deepest = max(deepest, run)
    return max(deepest, source.count("not ") if source.count("not ") > 200 else 0)


def _check(tree: ast.expr, expression: str) -> None:
    count = comprehensions = 0
    stack: list[tuple[ast.AST, int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_NODES:
            raise ExpressionError(expression, f"it has more than {MAX_NODES} parts")
        if depth > MAX_DEPTH:
            raise ExpressionError(expression, f"it nests deeper than {MAX_DEPTH}")
        if not isinstance(node, ALLOWED):
            raise ExpressionError(expression, f"{_named(node)} is not allowed")
        if isinstance(node, ast.comprehension):
            comprehensions += 1
            if comprehensions > MAX_COMPREHENSIONS or node.is_async:
                raise ExpressionError(expression, f"it has more than {MAX_COMPREHENSIONS} loops")
            if not isinstance(node.target, ast.Name) and not (
                isinstance(node.target, ast.Tuple) and all(isinstance(part, ast.Name) for part in node.target.elts)
            ):
                raise ExpressionError(expression, "a loop binds something other than plain names")
        reason = _reason(node)
        if reason:
            raise ExpressionError(expression, reason)
        stack += [(child, depth + 1) for child in ast.iter_child_nodes(node)]


def _reason(node: ast.AST) -> str | None:
    """Why this one node is refused, apart from its type."""
    if isinstance(node, ast.Name) and node.id.startswith("_"):
        return f"the name {node.id} starts with an underscore"
    if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
        return f"the name .{node.attr} starts with an underscore"
    if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | bool | None):
        return f"a {type(node.value).__name__} is no value of JSON"
    if isinstance(node, ast.FormattedValue) and (node.format_spec is not None or node.conversion != -1):
        return "a text may not format its parts"
    if isinstance(node, ast.Call):
        if any(isinstance(argument, ast.Starred) for argument in node.args) or any(
            k.arg is None for k in node.keywords
        ):
            return "a call may not unpack its arguments"
        if isinstance(node.func, ast.Name) and node.func.id not in FUNCTIONS:
            return f"{node.func.id}() is not among the functions: {', '.join(sorted(FUNCTIONS))}"
        if isinstance(node.func, ast.Attribute) and node.func.attr not in METHODS:
            return f".{node.func.attr}() is not among the methods: {', '.join(sorted(METHODS))}"
        if not isinstance(node.func, ast.Name | ast.Attribute):
            return "only functions and methods may be called by their name"
        allowed = {"sorted": {"reverse"}, "max": {"default"}, "min": {"default"}}
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        for keyword in node.keywords:
            if keyword.arg not in allowed.get(name, set()):
                return f"the argument {keyword.arg}= is not allowed"
    if isinstance(node, ast.Dict) and any(key is None for key in node.keys):
        return "an object may not unpack another"
    return None


def _named(node: ast.AST) -> str:
    spoken = {
        "Lambda": "a lambda", "NamedExpr": "an assignment inside an expression", "Starred": "unpacking with *",
        "Await": "await", "Yield": "yield", "SetComp": "a set", "Set": "a set", "MatMult": "@", "LShift": "<<",
        "RShift": ">>", "BitOr": "|", "BitAnd": "&", "BitXor": "^", "Invert": "~",
    }  # fmt: skip
    return spoken.get(type(node).__name__, type(node).__name__)
