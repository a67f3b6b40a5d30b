"""Expressions over one answered row: parsed, held against a list of what is allowed, and never run as code.

    score * 1000 - input["loan amount"] if decision == "grant" else 0
    missing(income) or income >= 0

Names are columns of the input; `score`, `decision`, `output["..."]` are the answer's, `label` the truth, once it is
known. What cannot be told is null, as in SQL: a missing value, a division by zero, a text where a number is needed. It
makes null of what it stands in, but for `missing(x)`, `and` that is false anyway, and `or` that is true anyway.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.errors import GatewrightError

LONGEST = 1_000
MOST_PARTS = 200
DEEPEST = 50
LARGEST = 1e15  #: of a number: what is further from zero cannot be told
ANSWERED = ("score", "decision")
LABEL = "label"
MAPPINGS = ("input", "output")


class ExpressionRefused(GatewrightError):
    """The expression of {of} is refused at character {position}: {reason}."""

    code = "expression-refused"
    hint = "Correct it; docs/monitoring.md lists what an expression may hold."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One answered row, as far as an expression may read it."""

    input: Mapping[str, Any]
    score: float | None = None
    decision: str | None = None
    output: Mapping[str, Any]
    label: float | None = None  #: 1 or 0 of a score, the number of a value; None until it is known


Value = float | str | bool | None
Reader = Callable[[Row], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A checked expression, ready to be asked of any row."""

    source: str
    columns: frozenset[str]  #: of the input that it reads
    answered: frozenset[str]  #: what it reads of the answer, `label` among them
    reader: Reader

    def number(self, row: Row) -> float | None:
        """Its value as a number; None where that cannot be told."""
        return _number(self.reader(row))

    def holds(self, row: Row) -> bool | None:
        """Whether it is true; None where that cannot be told."""
        return _truth(self.reader(row))

    def read(self, row: Row) -> dict[str, Any]:
        """The values that it looks at."""
        found: dict[str, Any] = {name: row.input.get(name) for name in sorted(self.columns)}
        for name in sorted(self.answered):
            found[name] = getattr(row, name)
        return found


def parse(source: str, *, of: str = "it", columns: Collection[str] | None = None, label: bool = False) -> Expression:
    """The expression; ExpressionRefused names `of` and the first character that is wrong.

    columns: those of the input, where they are known. label: whether it may read the truth.
    """
    found = _parsed(source, of)
    for node in ast.walk(found.tree):
        name = _column(node)
        if name is not None and columns is not None and name not in columns:
            nearest = difflib.get_close_matches(name, columns, n=1)
            meant = f"; did you mean {nearest[0]}?" if nearest else ""
            raise found.refused(node, f"the input has no column {name!r}{meant}")
        if isinstance(node, ast.Name) and node.id == LABEL and not label:
            raise found.refused(node, "the truth is not known when a row is answered")
    return found.expression


@dataclass(frozen=True, slots=True)
class _Parsed:
    source: str
    of: str
    tree: ast.expr
    expression: Expression

    def refused(self, node: ast.AST, reason: str) -> ExpressionRefused:
        return ExpressionRefused(of=self.of, position=_position(self.source, node), reason=reason)


@lru_cache(maxsize=1024)
def _parsed(source: str, of: str) -> _Parsed:
    def refused(position: int, reason: str) -> ExpressionRefused:
        return ExpressionRefused(of=of, position=position, reason=reason)

    if len(source) > LONGEST:
        raise refused(LONGEST + 1, f"it has more than {LONGEST} characters")
    if not source.strip():
        raise refused(1, "it is empty")
    strange = re.search(r"[\x00-\x08\x0b-\x1f#\\]", source)
    if strange:
        raise refused(strange.start() + 1, f"{strange.group()!r} is not taken")
    if re.search(r"\d{20}", source):
        raise refused(re.search(r"\d{20}", source).start() + 1, "a number of too many digits")  # type: ignore[union-attr]
    nested = _too_deep(source)
    if nested is not None:
        raise refused(nested, f"it nests deeper than {DEEPEST}")
    # One line, and no blank in front, which Python would take for an indent; places stay where they are.
    text = source.replace("\n", " ").replace("\t", " ")
    blank = len(text) - len(text.lstrip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise refused((error.offset or 1) + blank, f"it is no expression ({error.msg})") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise refused(1, "it is no expression") from error
    fault = _fault(tree)
    if fault is not None:
        node, reason = fault
        raise refused(_position(source, node), reason)
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node, _Called)}
    answered = {name for name in (*ANSWERED, LABEL) if name in names}
    if any(isinstance(node, ast.Name) and node.id == "output" for node in nodes):
        answered.add("output")
    return _Parsed(
        source,
        of,
        tree,
        Expression(
            source=source,
            columns=frozenset(name for name in map(_column, nodes) if name is not None),
            answered=frozenset(answered),
            reader=_compiled(tree),
        ),
    )


def _too_deep(source: str) -> int | None:
    """Where brackets or signs before a value nest deeper than Python's own parser should be asked to follow."""
    depth = run = 0
    for at, character in enumerate(source):
        depth += (character in "([{") - (character in ")]}")
        run = run + 1 if character in "-+ " else 0
        if depth > DEEPEST or run > DEEPEST:
            return at + 1
    return None


class _Called(ast.Name):
    """The name of a function, told apart from that of a column."""


def _fault(tree: ast.expr) -> tuple[ast.AST, str] | None:
    """The first part that is not allowed, and why."""
    stack: list[tuple[ast.AST, int]] = [(tree, 1)]
    parts = 0
    while stack:
        node, depth = stack.pop()
        parts += 1
        if parts > MOST_PARTS:
            return node, f"it has more than {MOST_PARTS} parts"
        if depth > DEEPEST:
            return node, f"it nests deeper than {DEEPEST}"
        reason = _reason(node)
        if reason:
            return node, reason
        if isinstance(node, ast.Call):
            node.func = _Called(**{name: getattr(node.func, name) for name in ("id", "ctx", "lineno", "col_offset")})
            stack += [(each, depth + 1) for each in reversed(node.args)]
        elif isinstance(node, ast.Subscript):
            continue  # looked at as a whole
        else:
            wanted = (ast.expr,)
            stack += [(each, depth + 1) for each in ast.iter_child_nodes(node) if isinstance(each, wanted)]
    return None


def _reason(node: ast.AST) -> str:
    """Why a part is refused; empty where it is not."""
    if isinstance(node, ast.Constant):
        if node.value is None or isinstance(node.value, bool | str):
            return ""
        if isinstance(node.value, int | float) and abs(node.value) <= LARGEST:
            return ""
        return f"{node.value!r} is neither a number within {LARGEST:g} nor a text"
    if isinstance(node, ast.Name):
        if node.id in MAPPINGS:
            return f'{node.id} is read by the name of a value, as {node.id}["name"]'
        return f"{node.id} is a function, to be called" if node.id in FUNCTIONS else ""
    if isinstance(node, ast.Subscript):
        named = isinstance(node.value, ast.Name) and node.value.id in MAPPINGS
        text = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
        return "" if named and text else 'only input["name"] and output["name"] are read so'
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            called = node.func.id if isinstance(node.func, ast.Name) else "this"
            return f"there is no function {called!r}; there are {', '.join(FUNCTIONS)}"
        least, most, _ = FUNCTIONS[node.func.id]
        if node.keywords or not least <= len(node.args) <= most or any(isinstance(a, ast.Starred) for a in node.args):
            takes = f"{least}" if least == most else f"{least} to {most}"
            return f"{node.func.id} takes {takes} value{'s' if most > 1 else ''}"
        return ""
    if isinstance(node, ast.Compare):
        for operation, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(operation, ast.In | ast.NotIn):
                if not isinstance(right, ast.List | ast.Tuple):
                    return "`in` looks into a list, as in x in [1, 2]"
            elif type(operation) not in COMPARISONS:
                return "`is` is not taken; use missing(x), or =="
        return ""
    if isinstance(node, ast.List | ast.Tuple):
        return "" if all(isinstance(each, ast.Constant) for each in node.elts) else "a list holds plain values only"
    if isinstance(node, ast.BinOp):
        return "" if type(node.op) in ARITHMETIC else f"{type(node.op).__name__} is no operation of these expressions"
    if isinstance(node, ast.UnaryOp):
        return "" if isinstance(node.op, ast.USub | ast.UAdd | ast.Not) else "`~` is not taken"
    return "" if isinstance(node, ast.BoolOp | ast.IfExp) else f"{type(node).__name__} is not allowed"


def _position(source: str, node: ast.AST) -> int:
    blank = len(source) - len(source.replace("\n", " ").replace("\t", " ").lstrip())
    # Python counts places in bytes of UTF-8.
    before = source.strip().encode()[: getattr(node, "col_offset", 0)]
    return blank + len(before.decode(errors="ignore")) + 1


def _column(node: ast.AST) -> str | None:
    """The column of the input that a part reads."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "input":
        assert isinstance(node.slice, ast.Constant)  # noqa: S101 - checked before
        return str(node.slice.value)
    if isinstance(node, ast.Name) and not isinstance(node, _Called):
        return None if node.id in (*ANSWERED, LABEL, *MAPPINGS) else node.id
    return None


# --- from the checked tree to one function of a row


def _compiled(node: ast.AST) -> Reader:
    match node:
        case ast.Constant(value=value):
            return _always(value)
        case ast.Name(id=name) if name in (*ANSWERED, LABEL):
            return operator.attrgetter(name)
        case ast.Name(id=name):
            return lambda row: row.input.get(name)
        case ast.Subscript(value=ast.Name(id=where), slice=ast.Constant(value=key)):
            of, named = operator.attrgetter(where), str(key)
            return lambda row: of(row).get(named)
        case ast.Call(func=ast.Name(id=name), args=args):
            function, given = FUNCTIONS[name][2], [_compiled(each) for each in args]
            return lambda row: function(*(each(row) for each in given))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _compiled(operand)
            return lambda row: None if (truth := _truth(inner(row))) is None else not truth
        case ast.UnaryOp(op=op, operand=operand):
            inner, sign = _compiled(operand), -1.0 if isinstance(op, ast.USub) else 1.0
            return lambda row: None if (value := _number(inner(row))) is None else sign * value
        case ast.BinOp(left=left, op=op, right=right):
            return _calculated(ARITHMETIC[type(op)], _compiled(left), _compiled(right))
        case ast.BoolOp(op=op, values=values):
            return _joined([_compiled(each) for each in values], isinstance(op, ast.Or))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            asked, yes, no = _compiled(test), _compiled(body), _compiled(orelse)
            return lambda row: None if (t := _truth(asked(row))) is None else (yes(row) if t else no(row))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return _compared(_compiled(left), list(zip(ops, comparators, strict=True)))
    raise TypeError(f"{type(node).__name__} was let through")  # pragma: no cover - `_fault` refuses the rest


def _calculated(operation: Callable[[float, float], float], left: Reader, right: Reader) -> Reader:
    def read(row: Row) -> float | None:
        one, other = _number(left(row)), _number(right(row))
        if one is None or other is None:
            return None
        try:
            return _number(operation(one, other))
        except ZeroDivisionError:
            return None

    return read


def _joined(parts: list[Reader], decisive: bool) -> Reader:
    """`or` where decisive is True, `and` where it is False: Kleene's."""

    def read(row: Row) -> bool | None:
        found: bool | None = not decisive
        for each in parts:
            truth = _truth(each(row))
            if truth is decisive:
                return decisive
            found = None if truth is None else found
        return found

    return read


def _compared(first: Reader, rest: list[tuple[ast.cmpop, ast.expr]]) -> Reader:
    steps: list[tuple[Callable[[Any, Any], bool | None], Reader]] = []
    for operation, right in rest:
        if isinstance(operation, ast.In | ast.NotIn):
            assert isinstance(right, ast.List | ast.Tuple)  # noqa: S101 - checked before
            among = tuple(each.value for each in right.elts if isinstance(each, ast.Constant))
            steps.append((_within if isinstance(operation, ast.In) else _without, _always(among)))
        else:
            steps.append((COMPARISONS[type(operation)], _compiled(right)))

    def read(row: Row) -> bool | None:
        left, found = first(row), True
        for compare, reader in steps:
            right = reader(row)
            truth = compare(left, right)
            if truth is False:
                return False
            found, left = found and truth is not None, right
        return True if found else None

    return read


def _always(value: Any) -> Reader:
    return lambda row: value


def _number(value: Any) -> float | None:
    """A finite number within bounds; yes and no are 1 and 0."""
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if -LARGEST <= number <= LARGEST else None


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    number = _number(value)
    return None if number is None else number != 0


def _equal(one: Any, other: Any) -> bool | None:
    if one is None or other is None:
        return None
    left, right = _number(one), _number(other)
    if left is not None and right is not None:
        return left == right
    return isinstance(one, str) and isinstance(other, str) and one == other


def _unequal(one: Any, other: Any) -> bool | None:
    equal = _equal(one, other)
    return None if equal is None else not equal


def _ordered(operation: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    def compare(one: Any, other: Any) -> bool | None:
        left, right = _number(one), _number(other)
        if left is not None and right is not None:
            return operation(left, right)
        return operation(one, other) if isinstance(one, str) and isinstance(other, str) else None

    return compare


def _within(value: Any, among: tuple[Any, ...]) -> bool | None:
    return None if value is None else any(_equal(value, each) is True for each in among)


def _without(value: Any, among: tuple[Any, ...]) -> bool | None:
    found = _within(value, among)
    return None if found is None else not found


def _numeric(function: Callable[..., float]) -> Callable[..., float | None]:
    def read(*values: Any) -> float | None:
        numbers = [_number(each) for each in values]
        return None if None in numbers else function(*numbers)

    return read


#: name -> (fewest values, most values, what it gives)
FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Any]]] = {
    "abs": (1, 1, _numeric(abs)),
    "min": (2, 10, _numeric(min)),
    "max": (2, 10, _numeric(max)),
    "floor": (1, 1, _numeric(math.floor)),
    "missing": (1, 1, lambda value: value is None),
}
ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool | None]] = {
    ast.Eq: _equal,
    ast.NotEq: _unequal,
    ast.Lt: _ordered(operator.lt),
    ast.LtE: _ordered(operator.le),
    ast.Gt: _ordered(operator.gt),
    ast.GtE: _ordered(operator.ge),
}
