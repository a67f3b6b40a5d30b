"""Expressions and scripts: a safe, bounded subset of Python over JSON values."""

from engine.bpmn.expressions.errors import ExpressionError
from engine.bpmn.expressions.evaluation import evaluate
from engine.bpmn.expressions.foreign import is_foreign, translated
from engine.bpmn.expressions.scripts import Assignment, assignments, execute
from engine.bpmn.expressions.syntax import names, parse

__all__ = [
    "Assignment",
    "ExpressionError",
    "assignments",
    "evaluate",
    "execute",
    "is_foreign",
    "names",
    "parse",
    "translated",
]
