"""The input cells of a decision table as modellers write them, read into expressions."""

from __future__ import annotations

import re
from functools import lru_cache

from engine.bpmn import expressions
from engine.bpmn.expressions import ExpressionError

#: the name under which a cell's expression sees the input: FEEL's question mark
INPUT = "input_value"

_COMPARISON = re.compile(r"(<=|>=|<|>|!=|==|=)\s*(.+)", re.DOTALL)
_INTERVAL = re.compile(r"([\[\](])\s*(.+?)\s*\.\.\s*(.+?)\s*([\])\[])", re.DOTALL)
_NOT = re.compile(r"not\s*\((.*)\)", re.DOTALL)


@lru_cache(maxsize=4096)
def test(cell: str) -> str | None:
    """The cell as one expression over `input_value`, or None where it accepts everything.

    Understood: `-` and the empty cell; a value; `> 3`, `!= "x"`; `[1..5]`, `(1..5]`; lists of these with commas;
    `not(...)`; and any expression in which `?` stands for the input. Raises ExpressionError for the rest.
    """
    source = cell.strip()
    if source in {"", "-"}:
        return None
    negated = _NOT.fullmatch(source)
    if negated and len(_parts(source)) == 1:
        inner = test(negated[1])
        if inner is None:
            raise ExpressionError(cell, "it negates nothing")
        return f"not ({inner})"
    tests = [_one(part, cell) for part in _parts(source)]
    made = tests[0] if len(tests) == 1 else " or ".join(f"({one})" for one in tests)
    expressions.parse(made)
    return made


def _one(part: str, cell: str) -> str:
    if not part:
        raise ExpressionError(cell, "a value is missing beside a comma")
    if _outside_texts(part, "?"):
        return _with_input(part)
    interval = _INTERVAL.fullmatch(part)
    if interval:
        opening, low, high, closing = interval.groups()
        return f"{low} {'<=' if opening == '[' else '<'} {INPUT} {'<=' if closing == ']' else '<'} {high}"
    comparison = _COMPARISON.fullmatch(part)
    if comparison:
        sign = "==" if comparison[1] == "=" else comparison[1]
        return f"{INPUT} {sign} ({comparison[2]})"
    expressions.parse(part)
    return f"{INPUT} == ({part})"


def _parts(source: str) -> list[str]:
    """The source cut at the commas that stand outside brackets and texts."""
    parts, depth, quote, start, escaped = [], 0, "", 0, False
    for index, character in enumerate(source):
        if quote:
            if character == quote and not escaped:
                quote = ""
            escaped = character == "\\" and not escaped
        elif character in "\"'":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(source[start:index].strip())
            start = index + 1
    parts.append(source[start:].strip())
    return parts


def _outside_texts(source: str, wanted: str) -> bool:
    return wanted in re.sub(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", "", source)


def _with_input(part: str) -> str:
    pieces = re.split(r"(\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')", part)
    return "".join(piece if index % 2 else piece.replace("?", INPUT) for index, piece in enumerate(pieces))
