"""Variables that scripts count on and on: so many of their values are followed, and any more may be any value.

That a value is no longer told apart lets a process do more and never less: what holds with it holds (Cousot and Cousot,
1977, on widening). What a diagram writes down, and what is only copied, stays as it is: there are only so many of it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from engine.bpmn import expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.proofs.values import ANYTHING, label, whole

#: so many values that expressions came to are followed of one variable
FOLLOWED = 12


@dataclass(slots=True)
class Widening:
    """Which computed values are told apart, variable by variable."""

    most: int = FOLLOWED
    _told: dict[str, set[str]] = field(default_factory=dict)

    def value(self, name: str, value: Any, text: str) -> Any:
        """The value that an expression came to for a variable, or ANYTHING where it has had too many."""
        if not whole(value):
            return value
        written = _written(text)
        own = label(value)
        if written is None or own in written:
            return value
        told = self._told.setdefault(name, set())
        if own not in told and len(told) >= self.most:
            return ANYTHING
        told.add(own)
        return value

    def close(self) -> None:
        """From now on whatever is computed may be any value: what is explored has become large."""
        self.most = 0
        self._told.clear()


@lru_cache(maxsize=4096)
def _written(text: str) -> frozenset[str] | None:
    """The values that stand in an expression; None where it only copies, or is nothing but a value."""
    try:
        tree = expressions.parse(text)
    except ExpressionError:
        return None
    parts = list(ast.walk(tree))
    if not any(isinstance(part, ast.BinOp | ast.Call | ast.BoolOp | ast.IfExp | ast.List | ast.Dict) for part in parts):
        return None
    return frozenset(label(part.value) for part in parts if isinstance(part, ast.Constant))
