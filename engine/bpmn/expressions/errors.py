"""What goes wrong with an expression, before or while it runs."""

from __future__ import annotations

from typing import Any

from engine.errors import GatewrightError


class ExpressionError(GatewrightError):
    """The expression "{expression}" cannot be used: {reason}."""

    code = "expression"
    hint = "Change the expression, or the value that it works on."

    def __init__(self, expression: str, reason: str, **facts: Any) -> None:
        self.reason = reason
        super().__init__(expression=shortened(expression), reason=reason, **facts)


def shortened(source: str, length: int = 120) -> str:
    """The source in one line, cut where it is long."""
    line = " ".join(source.split())
    return line if len(line) <= length else line[: length - 1] + "…"
