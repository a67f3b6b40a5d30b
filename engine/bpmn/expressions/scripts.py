"""Scripts: a list of `name = expression`, nothing else, so that what a script writes is known before it runs."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from textwrap import dedent
from typing import Any

from engine.bpmn.expressions import syntax
from engine.bpmn.expressions.errors import ExpressionError
from engine.bpmn.expressions.evaluation import evaluate

MAX_ASSIGNMENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One line of a script."""

    name: str
    expression: str
    line: int


def is_variable(name: str) -> bool:
    """Whether a name may be a variable: an ASCII identifier without a leading underscore, no word of the language."""
    return (
        name.isascii()
        and name.isidentifier()
        and not name.startswith("_")
        and not keyword.iskeyword(name)
        and name not in syntax.CONSTANTS
        and len(name) <= 100
    )


@lru_cache(maxsize=512)
def assignments(script: str) -> tuple[Assignment, ...]:
    """The script's assignments in order; raises ExpressionError for anything else."""
    if len(script) > 5 * syntax.MAX_LENGTH:
        raise ExpressionError(script, "the script is too long")
    source = "\n".join(line.strip() if line.strip().startswith("#") else line for line in script.strip().splitlines())
    if syntax._nesting(source) > syntax.MAX_DEPTH or "\x00" in source:
        raise ExpressionError(script, "the script nests too deep")
    try:
        statements = ast.parse(_dedented(script)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(script, f"it is no script ({getattr(error, 'msg', None) or error})") from error
    if len(statements) > MAX_ASSIGNMENTS:
        raise ExpressionError(script, f"it has more than {MAX_ASSIGNMENTS} lines")
    found = []
    for statement in statements:
        if (
            not isinstance(statement, ast.Assign)
            or len(statement.targets) != 1
            or not isinstance(statement.targets[0], ast.Name)
        ):
            raise ExpressionError(
                script, f"line {statement.lineno} is not of the form name = expression, and a script holds nothing else"
            )
        name = statement.targets[0].id
        if not is_variable(name):
            raise ExpressionError(script, f'"{name}" in line {statement.lineno} is no name of a variable')
        expression = ast.get_source_segment(_dedented(script), statement.value) or ""
        try:
            syntax.parse(expression)
        except ExpressionError as error:
            raise ExpressionError(script, f"line {statement.lineno}: {error.reason}") from error
        found.append(Assignment(name=name, expression=expression, line=statement.lineno))
    return tuple(found)


def execute(script: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a script assigns; later lines see those of earlier ones. The variables stay as they are."""
    made: dict[str, Any] = {}
    for assignment in assignments(script):
        made[assignment.name] = evaluate(assignment.expression, variables, made)
    return made


def _dedented(script: str) -> str:
    return dedent(script.strip("\n").rstrip())
