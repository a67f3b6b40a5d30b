"""Expressions in other engines' notation, and how they would read here."""

from __future__ import annotations

import re

from engine.bpmn.expressions import syntax
from engine.bpmn.expressions.errors import ExpressionError


def is_foreign(expression: str) -> bool:
    """Whether it is written in the notation of Camunda, Flowable (`${...}`, `#{...}`) or FEEL (a leading `=`)."""
    source = expression.strip()
    return "${" in source or "#{" in source or (source.startswith("=") and not source.startswith("=="))


def translated(expression: str) -> str | None:
    """The same in our notation, as a proposal; None where no sound one is found."""
    source = expression.strip()
    whole = re.fullmatch(r"[$#]\{(.*)\}", source, re.DOTALL)
    if whole:
        source = whole[1]
    elif source.startswith("="):
        source = re.sub(r"(?<![<>=!])=(?!=)", "==", source[1:])
    source = source.replace("&&", " and ").replace("||", " or ")
    source = re.sub(r"!(?!=)\s*", " not ", source)
    source = re.sub(r"\bempty\s+([\w.]+)", r"not \1", source)
    for word, sign in (("eq", "=="), ("ne", "!="), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")):
        source = re.sub(rf"\b{word}\b", sign, source)
    source = " ".join(source.split())
    try:
        syntax.parse(source)
    except ExpressionError:
        return None
    return source
